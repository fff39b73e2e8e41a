"""The capstone's fine-tuned model: EfficientNet-Lite's last stage, on cached feature maps.

Everything before the last stage is frozen, so it runs once over each cell in each symmetry; an
epoch then costs only the last stage. Linear probe first, then fine-tuning with BatchNorm's
statistics frozen (LP-FT, Kumar et al. 2022).
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.transforms.v2 import functional as F

from utils.backbones import load_backbone
from utils.batches import generator
from utils.device import Runtime
from utils.images import Normalize
from utils.modes import cut_after, decay_groups, schedule
from utils.studies.cells import SYMMETRIES, colour, turn
from utils.studies.measures import Measure

BATCH = 32
PROBE_C = 0.01  # regularisation of the linear probe, that of `classifier.linear_probe`
WEIGHT_DECAY = 0.01
CLIP_NORM = 5.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the last stage learns. The defaults are the recipe chosen on validation splits."""

    model: str = "efficientnet_lite0"
    side: int = 224  # pixels of the whole cell
    epochs: int = 5
    lr: float = 3e-4  # peak learning rate of the last stage
    lr_head: float = 1e-3
    probe_first: bool = True
    symmetries: int = SYMMETRIES  # each epoch shows each cell in one of them


class LastStage(nn.Module):
    """Kept maps (N×C×H×W) → logits of a defect (N×M): last stage, standardised features, a head.

    M measures say what a defect is, so there are M outputs; they share everything else.
    """

    def __init__(self, body: nn.Module, mean: Tensor, std: Tensor, outputs: int) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.linear = nn.Linear(len(mean), outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return self.linear((self.body(maps) - self.mean) / self.std)


def kept_maps(cells: Tensor, recipe: Recipe, runtime: Runtime) -> Tensor:
    """What the frozen part makes of cells (N×1×S×S, uint8) in each symmetry: N×8×C×H×W, float16.

    A crack may lie at the edge of a cell, so nothing is cropped.
    """
    backbone = load_backbone(recipe.model, "offline")
    spec = backbone.spec.preprocessing
    side, how = [recipe.side] * 2, F.InterpolationMode(spec.interpolation)
    cells = F.resize(cells, side, how, antialias=True)
    trunk = nn.Sequential(Normalize(spec), cut_after(backbone.body, backbone.spec.stages[16])[0])
    trunk = runtime.move_module(trunk).eval()
    rows = []
    with torch.inference_mode():
        for batch in cells.split(BATCH):
            views = [
                runtime.move_batch(colour(turn(batch, s)).contiguous()) for s in range(SYMMETRIES)
            ]
            with runtime.autocast():
                seen = [trunk(view) for view in views]
            rows.append(torch.stack([maps.half().cpu() for maps in seen], dim=1))
    return torch.cat(rows)


def fine_tune(
    maps: Tensor,
    recipe: Recipe,
    measures: Sequence[Measure],
    known: Sequence[int],
    runtime: Runtime,
    run: int = 0,
) -> LastStage:
    """Teach the last stage the defects of the cells at `known`, one output for each measure.

    Runs with different numbers start from the same weights and see different batches.
    """
    torch.manual_seed(0)
    runtime = _learning_runtime(runtime)
    model = runtime.move_module(start(maps, recipe, measures, known, runtime))
    learn(model, maps, recipe, measures, known, runtime, generator(run))
    return model


def _learning_runtime(runtime: Runtime) -> Runtime:
    """Choose fp32 on a CPU, where bf16 slows down the gradients of depthwise convolutions."""
    return replace(runtime, precision="fp32") if runtime.device.type == "cpu" else runtime


def average_weights(models: Sequence[LastStage]) -> LastStage:
    """A model whose weights are the mean of others' (model soups, Wortsman et al. 2022)."""
    average = copy.deepcopy(models[0])
    with torch.no_grad():
        for own, *others in zip(*(model.parameters() for model in (average, *models)), strict=True):
            own.copy_(torch.stack(others).mean(dim=0))
    return average


def start(
    maps: Tensor,
    recipe: Recipe,
    measures: Sequence[Measure],
    known: Sequence[int],
    runtime: Runtime,
) -> LastStage:
    """Build the pre-trained last stage with a new head: a linear probe, if asked for, or random."""
    backbone = load_backbone(recipe.model, "offline")
    body = cut_after(backbone.body, backbone.spec.stages[16])[1].eval()
    rows = list(known)
    features = _each_batch(runtime.move_module(body), maps[rows, 0], runtime)
    std = features.std(dim=0)
    model = LastStage(body, features.mean(dim=0), std.clamp(min=std.mean()), len(measures))
    if recipe.probe_first:
        scaled = ((features - model.mean) / model.std).numpy()
        probes = [LogisticRegression(C=PROBE_C, max_iter=1000) for _ in measures]
        for probe, measure in zip(probes, measures, strict=True):
            probe.fit(scaled, measure.labels[rows], sample_weight=measure.weights[rows])
        with torch.no_grad():
            for row, probe in enumerate(probes):
                model.linear.weight[row] = torch.from_numpy(probe.coef_[0])
                model.linear.bias[row] = float(probe.intercept_[0])
    return model.eval()  # BatchNorm's statistics stay those of ImageNet


def learn(
    model: LastStage,
    maps: Tensor,
    recipe: Recipe,
    measures: Sequence[Measure],
    known: Sequence[int],
    runtime: Runtime,
    random: torch.Generator,
) -> None:
    """Run the epochs; each shows every known cell once, in a symmetry drawn at random."""
    labels = torch.tensor(np.stack([m.labels for m in measures], axis=1), dtype=torch.float32)
    weights = torch.tensor(np.stack([m.weights for m in measures], axis=1), dtype=torch.float32)
    optimizer = torch.optim.AdamW(
        decay_groups(model.body, recipe.lr, WEIGHT_DECAY)
        + decay_groups(model.linear, recipe.lr_head, WEIGHT_DECAY)
    )
    rows = torch.tensor(known)
    steps = recipe.epochs * -(-len(rows) // BATCH)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: schedule(n, steps, 0.1))
    for _ in range(recipe.epochs):
        for batch in rows[torch.randperm(len(rows), generator=random)].split(BATCH):
            views = torch.randint(recipe.symmetries, (len(batch),), generator=random)
            with runtime.autocast():
                logits = model(runtime.move_batch(maps[batch, views]).float())
            losses = binary_cross_entropy_with_logits(
                logits.float(), runtime.move_batch(labels[batch]), reduction="none"
            )
            weight = runtime.move_batch(weights[batch])
            loss = (losses * weight).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            optimizer.step()
            scheduler.step()


def probabilities(
    model: LastStage, maps: Tensor, tested: Sequence[int], runtime: Runtime, symmetries: int = 1
) -> np.ndarray:
    """Each output's probability of a defect in the cells at `tested`, the mean over symmetries."""
    rows = list(tested)
    views = [_each_batch(model, maps[rows, view], runtime) for view in range(symmetries)]
    return torch.stack([view.sigmoid() for view in views]).mean(dim=0).numpy()


@torch.inference_mode()
def _each_batch(module: nn.Module, maps: Tensor, runtime: Runtime) -> Tensor:
    outputs = []
    for batch in maps.split(2 * BATCH):
        with runtime.autocast():
            outputs.append(module(runtime.move_batch(batch).float()).float().cpu())
    return torch.cat(outputs)
