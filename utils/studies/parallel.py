"""Several processes, one model: data-parallel training, as torchrun starts it.

`train_in_parallel` starts the processes; each runs `main` and trains on its part of every batch.
After each step all have the same weights, because their gradients are averaged on the way.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from utils.backbones import load_backbone
from utils.errors import CourseError

STEPS = 4
BATCH = 32  # photos a step, over all processes
SIDE = 96


def train_in_parallel(processes: int, threads: int = 1) -> dict[str, Any]:
    """Train a small ResNet for a few steps in so many CPU processes, started by torchrun.

    Returns:
        processes, the losses of each step (averaged over processes), all weights at the end as
        one vector, and photos a second.

    Raises:
        CourseError: a process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        run = subprocess.run(
            [
                *torchrun,
                f"--nproc-per-node={processes}",
                "-m",
                "utils.studies.parallel",
                file,
                str(threads),
            ],
            capture_output=True,
            encoding="utf-8",
        )
        if run.returncode:
            raise CourseError(f"torchrun failed: {run.stderr.strip().splitlines()[-1]}")
        weights = torch.load(file.with_suffix(".pt"), weights_only=True)
        return json.loads(file.read_text(encoding="utf-8")) | {"weights": weights}


def main(file: Path, threads: int) -> None:
    """What each process does; the first writes the result."""
    torch.set_num_threads(threads)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    # BatchNorm in eval mode: else its statistics would be those of a fraction of the batch.
    model = nn.Sequential(load_backbone("resnet18", "untrained"), nn.Linear(512, 4)).eval()
    model[0].head.requires_grad_(False)
    parallel = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    random = torch.Generator().manual_seed(0)
    losses, started = [], 0.0
    for step in range(STEPS):
        if step == 1:  # the first step warms up
            started = perf_counter()
        photos = torch.randn(BATCH, 3, SIDE, SIDE, generator=random)
        labels = torch.randint(0, 4, (BATCH,), generator=random)
        loss = cross_entropy(parallel(photos[rank::world]), labels[rank::world])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shared = loss.detach() / world
        dist.all_reduce(shared)
        losses.append(shared.item())
    seconds = perf_counter() - started
    if rank == 0:
        result = {
            "processes": world,
            "losses": losses,
            "photos_a_second": BATCH * (STEPS - 1) / seconds,
        }
        weights = nn.utils.parameters_to_vector(model.parameters()).detach()
        torch.save(weights, file.with_suffix(".pt"))
        file.write_text(json.dumps(result), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
