"""The fast path: the same output as the plain module on either engine, and nothing on stderr."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from utils.backbones import load_backbone, with_scales
from utils.device import Runtime, torch_threads
from utils.engines.openvino import engines_folder
from utils.errors import CourseWarning
from utils.images import Normalize
from utils.inference import engine_worth, fast_inference
from utils.settings import PROJECT

pytestmark = pytest.mark.engine


@pytest.fixture
def openvino(cpu: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The CPU with OpenVINO, and an empty cache."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    return replace(cpu, engine="openvino")


def tiny() -> nn.Module:
    """A frozen network whose norms have seen something."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 3), BatchNormAct2d(5)
    )
    model.train()(torch.randn(8, 3, 12, 12))
    return model.eval()


@pytest.mark.parametrize("engine", ["eager", "openvino"])
def test_each_engine_gives_the_modules_own_output(openvino: Runtime, engine: str) -> None:
    photos, model = torch.randn(20, 3, 12, 12), tiny()
    fast = fast_inference(model, replace(openvino, engine=engine), photos[:8])
    with torch.no_grad():
        expected = model(photos)
    assert fast.engine == engine
    batches = torch.split(photos, 8)  # the last is shorter
    torch.testing.assert_close(torch.cat(list(fast.stream(batches))), expected)
    torch.testing.assert_close(fast(photos[:8]), expected[:8])


@pytest.mark.parametrize("engine", ["eager", "openvino"])
def test_a_module_made_fast_within_autocast_gives_the_same(openvino: Runtime, engine: str) -> None:
    photos, model = torch.randn(8, 3, 12, 12), tiny()
    with torch.autocast("cpu", torch.bfloat16):
        fast = fast_inference(model, replace(openvino, engine=engine), photos)
    with torch.no_grad():
        torch.testing.assert_close(fast(photos), model(photos))


def test_the_engine_keeps_its_threads_where_torch_gets_fewer(openvino: Runtime) -> None:
    """Photos are read with one thread of torch's while the engine computes with all of its own."""
    photos = torch.randn(8, 3, 12, 12)
    with torch_threads(2):
        fast = fast_inference(tiny(), openvino, photos)
    with torch_threads(1):
        list(fast.stream([photos]))
    (requests,) = fast.requests.values()
    compiled = requests[0].get_compiled_model()
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 2


def test_a_long_stream_finds_the_faster_hint_and_a_short_one_does_not(openvino: Runtime) -> None:
    photos, model = torch.randn(20 * 8, 3, 12, 12), tiny()
    fast = fast_inference(model, openvino, photos[:8])
    with torch.no_grad():
        expected = model(photos)
    for batches, known in ((photos[:80].split(8), False), (photos.split(8), True)) * 2:
        found = torch.cat(list(fast.stream(batches)))
        torch.testing.assert_close(found, expected[: len(found)])
        assert bool(fast.faster) is known
        fast.faster = ""


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "vgg11_gap"])
def test_openvino_runs_each_family_with_and_without_several_scales(
    openvino: Runtime, name: str
) -> None:
    backbone = load_backbone(name, "untrained")
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    for body in (backbone.body, with_scales(backbone, (4, 8)).body):
        module = nn.Sequential(Normalize(backbone.spec.preprocessing), body).eval()
        fast = fast_inference(module, openvino, pixels)
        with torch.no_grad():
            expected = module(pixels)
        assert fast.engine == "openvino"
        difference = (fast(pixels) - expected).abs().max()
        assert difference <= 1e-4 * expected.abs().max()


def test_a_model_is_converted_once_and_again_if_its_file_is_damaged(openvino: Runtime) -> None:
    photos, model = torch.randn(2, 3, 12, 12), tiny()
    first = fast_inference(model, openvino, photos)(photos)
    (file,) = engines_folder().iterdir()
    made = file.stat().st_mtime_ns
    assert torch.equal(fast_inference(model, openvino, photos)(photos), first)
    assert file.stat().st_mtime_ns == made
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    assert torch.equal(fast_inference(model, openvino, photos)(photos), first)
    assert file.read_bytes() != content
    with torch.no_grad():
        model[0].weight[0] += 1
    assert not torch.equal(fast_inference(model, openvino, photos)(photos), first)


def test_one_converted_model_serves_batches_of_any_length(openvino: Runtime) -> None:
    photos, model = torch.randn(6, 3, 12, 12), tiny()
    with torch.no_grad():
        expected = model(photos)
    for size in (1, 2, 6):
        fast = fast_inference(model, openvino, photos[:size])
        torch.testing.assert_close(fast(photos[:size]), expected[:size])
    assert len(list(engines_folder().iterdir())) == 1


REPORTS = """
import openvino_telemetry.backend.backend_ga4 as reports
sent = []
reports.GA4Backend.send = lambda self, message: sent.append(message)
import torch
from utils.device import Runtime, torch_threads
from utils.inference import fast_inference
runtime = Runtime(torch.device("cpu"), "fp32", "openvino")
fast = fast_inference(torch.nn.Conv2d(3, 4, 3), runtime, torch.zeros(2, 3, 8, 8))
print(fast.engine, sent)
"""


def test_nothing_is_reported_to_the_makers_of_openvino(tmp_path: Path) -> None:
    environment = os.environ | {"COURSE_CACHE": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("CI", None)
    command = [sys.executable, "-c", REPORTS]
    said = subprocess.check_output(command, env=environment, cwd=PROJECT, encoding="utf-8")
    assert said == "openvino []\n"


# In a process of its own: what it is about ends the process.
SIGNALLED = """
import gc, signal
import torch
from torch import nn
from utils.device import choose_runtime
from utils.inference import fast_inference
caught = []
signal.signal(signal.SIGTERM, lambda *_: caught.append("caught"))
photos, runtime = torch.randn(2, 3, 8, 8), choose_runtime("cpu", "fp32")
models = [fast_inference(nn.Conv2d(3, kinds, 1), runtime, photos) for kinds in (1, 2, 3)]
for model in models:
    model(photos)
del model
while models:
    models.pop(0)
    gc.collect()
signal.raise_signal(signal.SIGTERM)
print(*caught)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_a_signal_is_handled_when_models_have_come_and_gone(tmp_path: Path) -> None:
    environment = os.environ | {"COURSE_CACHE": str(tmp_path), "COURSE_ENGINE": "openvino"}
    command = [sys.executable, "-c", SIGNALLED]
    said = subprocess.check_output(command, env=environment, cwd=PROJECT, encoding="utf-8")
    assert said == "caught\n"


def test_few_photos_are_not_worth_converting_a_model(openvino: Runtime) -> None:
    assert engine_worth(openvino, 40, 224).engine == "eager"
    assert engine_worth(openvino, 1000, 224).engine == "openvino"
    assert engine_worth(openvino, 300, 96).engine == "eager"


def test_the_module_that_was_given_stays_as_it_was(cpu: Runtime) -> None:
    model = tiny().train()
    fast_inference(model, Runtime(cpu.device, "bf16"), torch.zeros(1, 3, 12, 12))
    assert isinstance(model[1], nn.BatchNorm2d)
    assert model.training
    assert model[0].weight.dtype == torch.float32


def test_what_openvino_cannot_run_pytorch_runs(
    openvino: Runtime, capfd: pytest.CaptureFixture
) -> None:
    class Undecided(nn.Module):
        """Does what depends on the pixels, which can't be known in advance."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum().item() > 0 else -x

    example = torch.ones(2, 3, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fast_inference(nn.ReLU(), openvino, example).engine == "openvino"
    with pytest.warns(CourseWarning, match="more slowly"):
        fast = fast_inference(Undecided(), openvino, example)
    assert fast.engine == "eager"
    assert torch.equal(fast(-example), example)
    assert capfd.readouterr().err == ""


def test_a_lack_of_memory_is_not_taken_for_a_model_that_cannot_be_converted(
    openvino: Runtime,
) -> None:
    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.empty(1 << 60)

    with pytest.raises(RuntimeError, match="memory"):
        fast_inference(Greedy(), openvino, torch.zeros(2, 3, 8, 8))(torch.zeros(2, 3, 8, 8))
