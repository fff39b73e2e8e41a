"""Device and precision: chosen once, and said plainly where they can't be had."""

import os
import subprocess
import sys

import pytest
import torch

from utils.backbones import load_backbone
from utils.datasets import ImageSet
from utils.device import Runtime, choose_runtime, cpu_multiplies_bf16, memory_guard
from utils.errors import CourseError
from utils.settings import PROJECT
from utils.training import (
    TrainingConfig,
    train,
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_DEVICE")
    monkeypatch.delenv("COURSE_PRECISION")


def test_argument_beats_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    monkeypatch.setenv("COURSE_PRECISION", "bf16")
    assert choose_runtime().precision == "bf16"
    assert choose_runtime(precision="fp32").precision == "fp32"


def test_cpu_takes_bf16_only_where_it_is_multiplied_in_hardware() -> None:
    expected = "bf16" if cpu_multiplies_bf16() else "fp32"
    assert choose_runtime("cpu").precision == expected


@pytest.mark.parametrize(
    "forbidden",
    [
        {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
        {"ATEN_CPU_CAPABILITY": "avx2"},
        {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    ],
)
def test_a_cpu_kept_from_its_bf16_instructions_has_none(forbidden: dict[str, str]) -> None:
    """torch.cpu.get_capabilities() goes on naming them."""
    asked = (
        "from utils.device import choose_runtime, cpu_multiplies_bf16, multiplied_dtype; "
        "runtime = choose_runtime('cpu'); "
        "print(cpu_multiplies_bf16(), runtime.precision, multiplied_dtype(runtime.device))"
    )
    answer = subprocess.check_output(
        [sys.executable, "-c", asked], env=os.environ | forbidden, cwd=PROJECT, encoding="utf-8"
    )
    assert answer.split() == ["False", "fp32", "torch.float32"]


def test_threads_that_wait_sleep() -> None:
    """OpenMP reads the policy when torch is imported, so it must stand before that."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    answer = subprocess.check_output(
        [sys.executable, "-c", "import utils.device, os; print(os.environ['OMP_WAIT_POLICY'])"],
        env=environment,
        cwd=PROJECT,
        encoding="utf-8",
    )
    assert answer.strip() == "PASSIVE"


@pytest.mark.parametrize(
    ("device", "precision", "sentence"),
    [
        ("tpu", None, "Unknown device 'tpu': use cuda, mps or cpu"),
        ("cpu", "fp16", "'fp16' is not offered on cpu: use fp32 or bf16"),
        ("cpu:x", None, "Unknown device 'cpu:x'"),
    ],
)
def test_what_is_not_offered(device: str, precision: str | None, sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        choose_runtime(device, precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device asked for")
def test_absent_device_names_the_remedy() -> None:
    with pytest.raises(CourseError, match="not on this machine: use --device cpu"):
        choose_runtime("cuda")


def test_averages_in_fp32_under_autocast(few_cells: ImageSet) -> None:
    runtime = Runtime(torch.device("cpu"), "bf16")
    backbone = load_backbone("efficientnet_lite0", "offline")
    config = TrainingConfig(mode="last-block", epochs=1, batch_size=10)
    trace, model = train(backbone, few_cells.subset(range(0, 40, 2)), config, runtime)
    assert trace.epochs[0].train_loss > 0
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
class TestOnCuda:
    def test_it_is_the_first_choice(self) -> None:
        assert choose_runtime().device.type == "cuda"

    @pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
    @pytest.mark.parametrize("mode", ["head", "last-block", "full"])
    def test_every_mode_learns_in_every_precision(
        self, mode: str, precision: str, squares: ImageSet
    ) -> None:
        runtime = choose_runtime("cuda", precision)
        backbone = load_backbone("efficientnet_lite0", "offline")
        config = TrainingConfig(mode=mode, epochs=3, batch_size=8)
        trace, _ = train(backbone, squares, config, runtime)
        assert trace.epochs[-1].train_loss < trace.epochs[0].train_loss


def test_out_of_memory_says_what_helps_everywhere() -> None:
    with pytest.raises(CourseError, match="COURSE_DEVICE=cpu"), memory_guard(64):
        torch.empty(1 << 60)


def test_other_errors_are_not_taken_for_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_guard(64):
        torch.ones(2, 3) @ torch.ones(2, 3)
