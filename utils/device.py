"""Where and how to run: device, precision, memory format; decided once, used everywhere."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from utils.errors import CourseError, known_name
from utils.settings import FeatureEngine, Precision, Settings

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
INT8 = Precision.INT8.value  # of a frozen backbone's products; all else stays in float32
WITHOUT_BF16 = {
    *("DEFAULT", "NO AVX", "SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"),
    *("AVX512_CORE", "AVX512_CORE_VNNI"),
}  # instruction sets, as torch and oneDNN call them
# Training in fp16 underflows without a loss scaler, which only CUDA has; MPS stays in fp32.
ALLOWED = {"cuda": ("bf16", "fp16", "fp32"), "mps": ("fp32",), "cpu": ("fp32", "bf16")}


@dataclass(frozen=True)
class Runtime:
    """A device, the precision that it computes in, and what runs frozen backbones on it."""

    device: torch.device
    precision: str
    engine: str = FeatureEngine.EAGER.value

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES.get(self.precision, torch.float32)

    @property
    def batch_size(self) -> int:
        """Images per inference batch: as many as fit a CPU's caches, or fill a GPU."""
        return 16 if self.device.type == "cpu" else 256

    @property
    def workers(self) -> int:
        """Loader processes: none on a CPU, whose cores belong to the model, else up to eight."""
        return 0 if self.device.type == "cpu" else min(8, os.cpu_count() or 1)

    def autocast(self):
        """Context in which matrix products and convolutions run in this precision."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Loss scaler; it does nothing except in fp16, whose gradients would underflow."""
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    @property
    def loader_options(self) -> dict[str, Any]:
        """Options for a DataLoader that feeds this device.

        Linux would fork the workers, which is unsafe once CUDA runs; other systems use spawn.
        """
        return {
            "num_workers": self.workers,
            "multiprocessing_context": "spawn" if self.workers else None,
            "pin_memory": self.device.type == "cuda",
        }

    def move_module(self, module: nn.Module) -> nn.Module:
        """Move a module to the device; convolutions run faster in channels_last."""
        return module.to(self.device, memory_format=torch.channels_last)

    def move_batch(self, tensor: Tensor) -> Tensor:
        """Move a batch to the device, images (N×C×H×W) in channels_last."""
        layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
        return tensor.to(self.device, non_blocking=True, memory_format=layout)

    def __str__(self) -> str:
        engine = "" if self.engine == FeatureEngine.EAGER else f", {self.engine}"
        return f"{self.device.type}, {self.precision}{engine}"


def choose_runtime(
    device: str | None = None, precision: str | None = None, frozen: bool = False
) -> Runtime:
    """The runtime asked for, else that of `COURSE_DEVICE` and `COURSE_PRECISION`, else the best.

    Devices are tried in the order cuda, mps, cpu. The precision is bf16 where the hardware
    multiplies it (CUDA from Ampere on; CPUs with AVX512-BF16 or AMX), fp16 on older CUDA devices,
    fp32 elsewhere. The engine is that of `COURSE_ENGINE`, else OpenVINO on a CPU, which offers int8
    where a head is trained on a `frozen` backbone.

    Raises:
        CourseError: unknown or absent device, or a precision or engine that it doesn't offer.
    """
    settings = Settings()
    device = device or settings.device or _best_device()
    kind = device.split(":")[0]
    if kind not in ALLOWED:
        raise CourseError(f"Unknown device '{device}': use cuda, mps or cpu.")
    if not _present(kind):
        raise CourseError(f"Device '{device}' is not on this machine: use --device cpu.")
    precision = precision or settings.precision or _best_precision(kind)
    engine = _engine(kind, settings.engine)
    if precision == INT8 and not (frozen and engine == FeatureEngine.OPENVINO):
        raise CourseError(
            f"Precision '{INT8}' is for training a head on a frozen backbone on the CPU with "
            "OpenVINO (course train --mode head --device cpu, COURSE_ENGINE unset): use fp32 here."
        )
    if precision not in (*ALLOWED[kind], INT8):
        raise CourseError(
            f"Precision '{precision}' is not offered on {kind}: use {' or '.join(ALLOWED[kind])}."
        )
    try:
        return Runtime(torch.device(device), precision, engine)
    except RuntimeError as error:
        raise CourseError(f"Unknown device '{device}': use cuda, cuda:0, mps or cpu.") from error


def _present(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()


def _best_device() -> str:
    return next(kind for kind in ("cuda", "mps", "cpu") if _present(kind))


def _engine(kind: str, wanted: str | None) -> str:
    engine = known_name("engine", wanted or FeatureEngine.OPENVINO.value, list(FeatureEngine))
    return engine if kind == "cpu" else FeatureEngine.EAGER.value


def _best_precision(kind: str) -> str:
    if multiplied_dtype(torch.device(kind)) == torch.bfloat16:
        return "bf16"
    return "fp16" if kind == "cuda" else "fp32"


def machine(device: torch.device) -> str:
    """What a device is, in words, for the record of a long computation."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        models = [
            line
            for line in listing.read_text(encoding="utf-8").splitlines()
            if "model name" in line
        ]
        name = models[0].split(":", 1)[1].strip() if models else name
    fast = "with" if cpu_multiplies_bf16() else "without"
    held = os.environ.get("ATEN_CPU_CAPABILITY")
    limits = f" (held to {held.upper()})" if held else ""
    return f"{os.cpu_count()} cores, {name}, {fast} bf16 instructions{limits}"


def cpu_multiplies_bf16() -> bool:
    """Whether torch multiplies bf16 on this CPU in hardware (AVX512-BF16 or AMX).

    Elsewhere torch emulates bf16, some fifty times slower. `torch.cpu.get_capabilities()` tells
    what the CPU has; `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA` can forbid its use.
    """
    able = torch.cpu.get_capabilities()
    allowed = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "ALL"
    return (
        bool(able.get("avx512_bf16") or able.get("amx_bf16"))
        and torch.backends.cpu.get_cpu_capability() not in WITHOUT_BF16
        and allowed.upper() not in WITHOUT_BF16
    )


def multiplied_dtype(device: torch.device) -> torch.dtype:
    """What a device multiplies fastest without a loss of range: bfloat16 or float32."""
    if device.type == "cpu":
        return torch.bfloat16 if cpu_multiplies_bf16() else torch.float32
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch compute with so many threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed torch's generators, and ask every device for reproducible kernels within the block."""
    cudnn, memory = torch.backends.cudnn, torch.utils.deterministic
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        memory.fill_uninitialized_memory,
        cudnn.benchmark,
    )
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False  # filling costs time and changes no result
    cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory, cudnn.benchmark = before[2:]


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: on CPUs, torch and OpenVINO say so in a message alone."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        words in str(error) for words in ("can't allocate memory", "bad_alloc")
    )


@contextmanager
def memory_guard(batch_size: int) -> Iterator[None]:
    """Turn an out-of-memory error into a sentence whose advice helps wherever the error arose.

    Raises:
        CourseError: the device had no memory left for a batch.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise CourseError(
            f"Out of memory with batches of {batch_size} images: compute on the CPU "
            f"(COURSE_DEVICE=cpu), or train with smaller batches (course train --batch-size "
            f"{max(1, batch_size // 2)})."
        ) from error
