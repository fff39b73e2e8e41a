"""The lessons' diagrams: drawn, described, self-contained, embedded, and right in their numbers."""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import nn
from torchvision import models, transforms

from utils.backbones import load_family
from utils.datasets import load_elpv, load_things
from utils.lessons import LESSONS, find_lessons, read_notebook

FOLDER = LESSONS / "diagrams"
DIAGRAMS = sorted(FOLDER.glob("*.svg"))
EMBEDDED = re.compile(r"!\[([^\]]*)\]\((diagrams/[^)\s]+)\)")
SVG = "{http://www.w3.org/2000/svg}"
# Elements that need nothing from outside the file, and can do nothing.
DRAWN = {"svg", "g", "title", "desc", "text", "tspan"} | {
    *("rect", "circle", "ellipse", "path", "line", "polyline", "polygon")
}


def embedded(lesson: Path) -> list[tuple[str, str]]:
    """The diagrams in a lesson's prose: (alternative text, path from the folder of lessons)."""
    cells = read_notebook(lesson).cells
    return EMBEDDED.findall("\n".join(c.source for c in cells if c.cell_type == "markdown"))


@pytest.mark.parametrize("lesson", find_lessons(), ids=lambda file: file.stem)
def test_every_lesson_embeds_a_diagram_and_describes_it(lesson: Path) -> None:
    found = embedded(lesson)
    assert found
    for alt, path in found:
        assert len(alt) > 40, alt
        assert (LESSONS / path).is_file(), path


def test_every_diagram_is_used() -> None:
    used = {path for lesson in find_lessons() for _, path in embedded(lesson)}
    assert {f"diagrams/{file.name}" for file in DIAGRAMS} - used == set()


@pytest.mark.parametrize("file", DIAGRAMS, ids=lambda file: file.stem)
def test_a_diagram_is_described_and_needs_nothing_else(file: Path) -> None:
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert root.tag == f"{SVG}svg"
    title, description = (root.findtext(f"{SVG}{part}") for part in ("title", "desc"))
    assert title and len(title) > 15
    assert description and len(description) > 80
    assert root.get("viewBox", "").startswith("0 0 720 ")  # the column of a notebook
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in DRAWN
        for name, value in element.attrib.items():
            assert not name.startswith("on") and "href" not in name
            assert "url(" not in value and "//" not in value
    background = root.find(f"{SVG}rect")
    assert background is not None and background.get("fill") == "#FCFCFA"  # on dark pages too


def test_no_writing_in_a_diagram_is_too_small_to_read() -> None:
    for file in DIAGRAMS:
        sizes = re.findall(r'font-size="([\d.]+)"', file.read_text(encoding="utf-8"))
        assert min(map(float, sizes)) >= 11.5
        assert len(set(sizes)) <= 3


# What the diagrams claim, counted in torchvision's own networks.


def network(name: str) -> nn.Module:
    with torch.device("meta"):
        return models.get_model(name, weights=None).eval()


def parameters(module: nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()):,}"


def macs(name: str) -> str:
    return f"{models.get_model_weights(name).IMAGENET1K_V1.meta['_ops']:.2f}"


def shapes(model: nn.Module, *names: str, side: int = 224) -> list[str]:
    """The shape, without the batch, of what each of these submodules gives for one photo."""
    found: dict[str, str] = {}
    for name in names:

        def keep(module: nn.Module, inputs: object, output: torch.Tensor, name: str = name) -> None:
            found[name] = "×".join(map(str, output.shape[1:]))

        model.get_submodule(name).register_forward_hook(keep)
    model(torch.zeros(1, 3, side, side, device="meta"))
    return [found[name] for name in names]


def short(shape: str) -> str:
    """512×7×7 as narrow drawings write it: 512×7²."""
    channels, height, width = shape.split("×")
    assert height == width
    return f"{channels}×{height}²"


def claims() -> Iterator[tuple[str, list[str]]]:
    net = network("resnet18")
    stages = [f"layer{n}" for n in range(1, 5)]
    body = sum(p.numel() for p in net.parameters()) - 513_000
    assert parameters(net.fc) == "513,000"
    classes = len(load_things().classes)
    sizes = [f"{body:,}", f"512 → {classes}", f"{513 * classes:,}", f"of {classes} classes"]
    yield "00_transfer_learning", sizes
    maps = shapes(net, *stages)
    yield "02_pipeline", [f"{body:,}", "513,000", *maps]
    blocks = [net.layer1[0], net.layer2[0]]
    yield "05_residual_block", [*(f"{parameters(b)} parameters" for b in blocks), *maps[:2]]
    stem = sum(p.numel() for p in [*net.conv1.parameters(), *net.bn1.parameters()])
    head, last = 513 * 2, sum(p.numel() for p in net.layer4.parameters())
    learning = [f"{n:,} learn" for n in (head, last + head, body + head)]
    each = [parameters(net.get_submodule(stage)) for stage in stages]
    yield "09_freezing", [*learning, f"{stem:,}", *each]

    photo = transforms.Resize(256)(torch.zeros(3, 300, 451))
    crop = transforms.CenterCrop(224)(photo)
    drawn = ["×".join(map(str, (*t.shape[1:], t.shape[0]))) for t in (photo, crop)]
    yield "01_preprocessing", ["300×451×3", *drawn, "1×3×224×224"]

    logits = torch.tensor([2.0, 1.0, -0.5])
    probs, losses = logits.softmax(0), -logits.log_softmax(0)
    shown = [*(f"{p:.2f}" for p in probs), f"{losses[0]:.2f}", f"cost {losses[2]:.2f}"]
    yield "03_classification_layer", [*shown, f"= {3 * 512 + 3:,} parameters"]

    net = network("resnet50")
    inner, outer = shapes(net, "layer1.1.conv2", "layer1.1")
    pixels, wide, narrow = 56 * 56, 2 * 9 * 256 * 256, 64 * (256 + 9 * 64 + 256)
    counted = [f"{n / 1e9:.2f} GMACs" for n in (pixels * wide, pixels * narrow)]
    plain = f"{wide + 2 * 2 * 256:,} parameters"
    yield (
        "05_bottleneck",
        [plain, f"{parameters(net.layer1[1])} parameters", *counted, inner, outer],
    )
    seen = [short(shape) for shape in shapes(net, *stages)]
    other = [f"{million(net)} M parameters", f"{macs('resnet50')} GMACs", str(net.fc.in_features)]
    yield "13_backbones", [*seen, *other]

    net = network("vgg16")
    ends, pools = (3, 8, 15, 22, 29), (0, 5, 10, 17, 24, 31)
    last_maps = [short(shape) for shape in shapes(net, *(f"features.{n}" for n in (*ends, 30)))]
    parts = [parameters(net.features[a:b]) for a, b in pairwise(pools)]
    layers = [parameters(net.features), parameters(net.classifier), parameters(net.classifier[0])]
    fully = sum(m.weight.numel() for m in net.classifier if isinstance(m, nn.Linear)) / 1e9
    work = [f"{float(macs('vgg16')) - fully:.2f} GMACs", f"{fully:.2f} in the fully connected"]
    flat = f"{net.classifier[0].in_features:,}"
    yield "06_vgg", [*last_maps, *parts, *layers, f"{parameters(net)} in all", *work, flat]

    net = network("efficientnet_b0")
    block = net.features[2][1]
    expand, depthwise, gate, project = block.block
    convs = [expand[0], depthwise[0], project[0]]
    assert parameters(convs[0]) == parameters(convs[2])
    work = [
        f"{parameters(c)} weights, {c.weight.numel() * pixels / 1e6:.1f} million" for c in convs
    ]
    squeezed = sum(m.weight.numel() for m in (gate.fc1, gate.fc2))
    assert gate.fc1.out_channels == 6 and gate.fc1.bias.numel() + gate.fc2.bias.numel() == 150
    wide_map, narrow_map = shapes(net, "features.2.1.block.0", "features.2.1")
    total = f"{parameters(block)} parameters"
    yield "07_mbconv", [*work, f"{squeezed:,} weights (and 150", total, wide_map, narrow_map]

    net = network("convnext_tiny")
    seen = [short(shape) for shape in shapes(net, *(f"features.{n}" for n in (1, 3, 5, 7)))]
    other = [f"{million(net)} M parameters", f"{macs('convnext_tiny')} GMACs"]
    yield "13_backbones", [*seen, *other, str(net.classifier[2].in_features)]
    net = network("vit_b_16")
    (tokens,) = shapes(net, "encoder.layers.encoder_layer_11")
    other = [f"{million(net)} M parameters", f"{macs('vit_b_16')} GMACs"]
    yield "13_backbones", [tokens, *other, f"{len(net.encoder.layers)} blocks"]

    cells = load_elpv(binary=True)
    yield "12_splits", [f"{len(cells):,} cells of {len(set(cells.groups))} modules"]


def million(model: nn.Module) -> str:
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}"


def test_the_numbers_in_the_diagrams_are_those_of_the_networks() -> None:
    for name, expected in claims():
        texts = "\n".join(
            "".join(element.itertext())
            for element in ElementTree.parse(FOLDER / f"{name}.svg").iter(f"{SVG}text")
        )
        assert [claim for claim in expected if claim not in texts] == [], name


def test_the_heat_map_is_as_coarse_as_the_last_maps() -> None:
    backbone = load_family("efficientnet")
    *_, last = backbone.stages().values()
    seen: list[torch.Size] = []
    last.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    with torch.no_grad():
        backbone(torch.zeros(1, 3, 224, 224))
    assert seen == [(1, 1280, 7, 7)]
    drawing = (FOLDER / "04_prediction_trace.svg").read_text(encoding="utf-8")
    squares = re.findall(r'width="15" height="15"', drawing)
    assert len(squares) == math.prod(seen[0][2:])
