"""Every model of the course on this machine: accuracy, latency, parameters, memory."""

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from statistics import mean, median
from time import perf_counter, sleep
from typing import Any

import psutil
import torch
from torch.nn.functional import cross_entropy

from utils.backbones import load_backbone, measure_stages
from utils.classifier import Head
from utils.datasets import Progress, load_elpv, no_progress
from utils.device import Runtime
from utils.features import extract_features, fast_backbone
from utils.files import scratch_cache
from utils.models import MODELS, find_model
from utils.modes import Classifier, TrainingConfig, trainable_groups, training_mode
from utils.splits import limit
from utils.studies.runner import Measurement, Record
from utils.training import train

BATCH = 16
TURNS = 7  # of which the median counts
SPLITS = 5
PHOTOS = 8  # in the training step whose memory is measured


def table_measurements(
    runtime: Runtime, photos: int | None = None, progress: Progress = no_progress
) -> dict[str, Measurement]:
    """One measurement a model; `photos` limits the data set (None: all of it)."""
    return {name: partial(measure_model, name, runtime, photos, progress) for name in MODELS}


def measure_model(
    name: str, runtime: Runtime, photos: int | None = None, progress: Progress = no_progress
) -> Record:
    """Measure a model's costs and its accuracy: on ELPV with the weights that the course has, and
    on ImageNet as torchvision publishes it. Values that aren't available are None.
    """
    *_, whole = measure_stages(name)
    return {
        "model": name,
        "family": find_model(name).family,
        "parameters": whole.parameters,
        "gmacs": whole.gmacs,
        "megabytes": round(whole.parameters * 4 / 1e6, 1),
        "imagenet_top1": published_top1(name),
        "ms_one_photo": round(1000 * seconds_a_batch(name, runtime, 1), 1),
        "photos_a_second": round(BATCH / seconds_a_batch(name, runtime, BATCH), 1),
        **memory_needed(name),
        **worth(name, runtime, photos, progress),
    }


def published_top1(name: str) -> float | None:
    """ImageNet-1K top-1 accuracy, in percent, that torchvision publishes for the weights."""
    enum = find_model(name).enum
    return enum.meta["_metrics"]["ImageNet-1K"]["acc@1"] if enum else None


@torch.inference_mode()
def seconds_a_batch(name: str, runtime: Runtime, size: int) -> float:
    """Median time from uint8 crops to feature vectors, in the fastest form of the backbone."""
    backbone = load_backbone(name, "untrained")
    model = fast_backbone(backbone, runtime, size)
    side = backbone.spec.preprocessing.crop
    pixels = torch.randint(0, 256, (size, 3, side, side), dtype=torch.uint8)
    times = []
    for _ in range(TURNS + 1):
        started = perf_counter()
        model(pixels).cpu()
        times.append(perf_counter() - started)
    return median(times[1:])


def worth(name: str, runtime: Runtime, photos: int | None, progress: Progress) -> dict[str, Any]:
    """Mean test accuracy of a head on the frozen backbone, five splits of ELPV in four classes.

    The minutes are counted from an empty feature cache.
    """
    if find_model(name).source == "imagenet":
        return {
            "elpv_accuracy": None,
            "elpv_splits": None,
            "elpv_split": None,
            "minutes_to_learn": None,
        }
    images, backbone = limit(load_elpv(), photos), load_backbone(name, "offline")
    started, config = perf_counter(), TrainingConfig()
    with scratch_cache():
        extract_features(backbone, images, runtime, progress=progress)
        traces = [
            train(backbone, images, replace(config, seed=seed), runtime)[0]
            for seed in range(SPLITS)
        ]
    splits = [trace.test_accuracy for trace in traces]
    return {
        "elpv_accuracy": mean(splits),
        "elpv_splits": splits,
        "elpv_split": traces[0].split,
        "minutes_to_learn": round((perf_counter() - started) / 60, 2),
    }


def memory_needed(name: str) -> dict[str, float]:
    """Measure, in separate processes, the megabytes that a model needs beyond Python and torch.

    To name one photo, and for one step of training on `PHOTOS` photos with every weight learning,
    on the CPU in fp32.
    """
    needed = {}
    for what, work in (("one_photo", _name_photo), ("training_step", _training_step)):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            needed[f"megabytes_{what}"] = round(pool.submit(_peak_memory, work, name).result())
    return needed


def _peak_memory(work: Any, name: str) -> float:
    """Highest resident memory while `work(name)` runs, above what there was before, in MB."""
    process = psutil.Process()
    torch.ones(1, 3, 8, 8) @ torch.ones(8, 8)  # torch's own start-up doesn't count
    before = highest = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.is_set():
            highest = max(highest, process.memory_info().rss)
            sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work(name)
    finally:
        done.set()
        watcher.join()
    return (highest - before) / 1e6


@torch.inference_mode()
def _name_photo(name: str) -> None:
    backbone = load_backbone(name, "untrained")
    side = backbone.spec.preprocessing.crop
    backbone.logits(torch.zeros(1, 3, side, side))


def _training_step(name: str) -> None:
    backbone, config = load_backbone(name, "untrained"), TrainingConfig(mode="full")
    side = backbone.spec.preprocessing.crop
    model = Classifier(backbone, Head(torch.randn(8, backbone.spec.feature_dim), 2))
    optimizer = torch.optim.AdamW(trainable_groups(model, config))
    training_mode(model, "full")
    logits = model(torch.zeros(PHOTOS, 3, side, side))
    cross_entropy(logits, torch.zeros(PHOTOS, dtype=torch.long)).backward()
    optimizer.step()
