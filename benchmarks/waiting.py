"""Threads that sleep while they wait (the course) beside threads that spin (OpenMP's default).

The policy is read once, when torch is imported, so each turn is a process of its own.
"""

import os
import subprocess
import sys

from benchmarks.results import Result
from utils.settings import PROJECT

TURNS = 3  # of each kind, alternating; the best counts
GOAL = 0.97  # sleeping may cost at most 3 % on a quiet machine
# OpenVINO has threads of its own, so the policy is PyTorch's.
ENGINE = {"COURSE_ENGINE": "eager"}
POLICIES = {"sleep": {"OMP_WAIT_POLICY": "PASSIVE"}, "spin": {"OMP_WAIT_POLICY": "ACTIVE"}}
RATE = """
from time import perf_counter
import torch
from utils.backbones import load_backbone
from utils.device import choose_runtime
from utils.features import fast_backbone
runtime = choose_runtime("cpu")
model = fast_backbone(load_backbone("efficientnet_lite0", "untrained"), runtime, 16)
pixels = torch.randint(0, 256, (16, 3, 224, 224), dtype=torch.uint8)
best = float("inf")
for _ in range(12):
    started = perf_counter()
    model(pixels)
    best = min(best, perf_counter() - started)
print(16 / best)
"""


def measure() -> list[Result]:
    """Images a second of EfficientNet-Lite0 with either policy."""
    rates = {name: 0.0 for name in POLICIES}
    for _ in range(TURNS):
        for name, policy in POLICIES.items():
            rates[name] = max(rates[name], _rate(policy))
    return [
        Result(
            name="waiting threads sleep",
            ours=rates["sleep"],
            other=rates["spin"],
            unit="img/s",
            goal=GOAL,
        )
    ]


def _rate(policy: dict[str, str]) -> float:
    command = [sys.executable, "-c", RATE]
    environment = os.environ | ENGINE | policy
    return float(
        subprocess.check_output(command, env=environment, cwd=PROJECT, encoding="utf-8").strip()
    )
