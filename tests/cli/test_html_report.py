"""The HTML report: one page that needs no other file, and says what ran."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from utils.backbones import Textbook
from utils.classifier import Prediction
from utils.cli.html_report import render_report, write_report
from utils.errors import CourseError
from utils.observations import EpochRecord
from utils.studies.family_run import FamilyRun
from utils.studies.pretraining import TransferAccuracy
from utils.tracing import DataFlowStage, PhotoTrace, PredictionLayer
from utils.training import TrainingTrace

EPOCHS = tuple(
    EpochRecord(
        epoch=n,
        train_loss=1 / n,
        train_accuracy=0.5,
        val_loss=1.2 / n,
        val_accuracy=0.625,
        lr=3e-3,
        seconds=0.1,
        observation=f"learning: round {n}",
    )
    for n in (1, 2)
)


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


def family_run(family: str = "resnet", untrained: bool = False) -> FamilyRun:
    photo = PhotoTrace(
        data_flow=(
            DataFlowStage(
                stage="1 Input image",
                before="a photo",
                operation="resize",
                after="1×3×224×224",
                example="0.12",
            ),
        ),
        prediction=(PredictionLayer("4 Output", "1×1000", "top 2 with names", "tabby 0.700"),),
        top=(Prediction("tabby", 0.7), Prediction("lynx", 0.2)),
        steps={"photo 30×40": np.zeros((30, 40, 3)), "normalised": np.zeros((8, 8, 3))},
        feature_maps={"stride 4": np.random.default_rng(0).random((8, 6, 6))},
        features=np.zeros(512),
    )
    training = TrainingTrace(
        dataset="elpv",
        split="split by module",
        side=128,
        model="resnet18",
        weights="the weights",
        mode="head",
        classes=("good", "defective"),
        n_train=36,
        n_val=9,
        n_test=15,
        majority=0.6,
        informed_floor=0.65,
        epochs=EPOCHS,
        best_epoch=2,
        test_accuracy=0.8,
        seconds=1.0,
    )
    weights = "untrained (seed 0)" if untrained else "offline"
    book = Textbook("resnet50", 2048, 25_557_032, 4.09)
    worth = TransferAccuracy(
        model="resnet18",
        dataset="elpv",
        classes=("good", "defective"),
        photos=60,
        split="split by module",
        pretrained=(0.8,),
        untrained=(0.5,),
        floor=(0.6,),
    )
    return FamilyRun(
        family=family,
        model="resnet18",
        weights=weights,
        untrained=untrained,
        naming_note="",
        textbook=book,
        photo=photo,
        training=training,
        transfer=None if untrained else worth,
    )


def red_classes(source: str) -> set[str]:
    """Names of the style classes whose colour has much more red than green and blue."""
    found = re.findall(r"\.(\w+) *{[^}]*color: *#(\w\w)(\w\w)(\w\w)", source)
    return {name for name, *rgb in found if int(rgb[0], 16) > 2 * max(int(x, 16) for x in rgb[1:])}


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_report([family_run()], Path("cat.png")))


def test_the_page_needs_no_other_file(page: Page) -> None:
    linked = [a.get("src") or a.get("href") or "" for _, a in page.tags if a]
    assert not [link for link in linked if re.match(r"(https?:)?//", link)]
    assert not any(page.all("script"))
    assert not any(page.all("link"))


def test_every_picture_is_inside_the_page_and_has_words(page: Page) -> None:
    pictures = list(page.all("img"))
    assert len(pictures) == 4
    for picture in pictures:
        assert (picture["src"] or "").startswith("data:image/png;base64,iVBOR")
        assert len(picture["alt"] or "") > 20


@pytest.mark.parametrize(
    "part",
    [
        "cat.png",
        "25,557,032 parameters",
        "4.09 GMACs",
        "1×3×224×224",
        "tabby 0.700",
        "36 photos to train on",
        "learning: round 2",
        "Best epoch 2",
        "80.0 %",
        "worth +30.0 points",
        "largest class alone: 60.0%",
        "right kind, its largest class: 65.0%",
    ],
)
def test_the_page_shows_the_numbers_of_the_run(part: str, page: Page) -> None:
    assert part in page.text


def test_an_untrained_family_is_marked_in_red_and_a_trained_one_is_not(page: Page) -> None:
    source = render_report([family_run(untrained=True)], Path("cat.png"))
    red = red_classes(source)
    assert red
    marked = [a for a in Page(source).all("span") if a.get("class") in red]
    assert len(marked) == 2
    assert "has learned nothing" in source
    assert not [a for a in page.all("span") if a.get("class") in red]
    assert "has learned nothing" not in page.text


def test_the_links_at_the_top_lead_to_each_family() -> None:
    runs = [family_run(name) for name in ("resnet", "vgg")]
    page = Page(render_report(runs, Path("cat.png")))
    assert [a["href"] for a in page.all("a")] == ["#resnet", "#vgg"]
    assert [a["id"] for a in page.all("h2")] == ["resnet", "vgg"]


@pytest.mark.parametrize("name", ["<script>alert(1)<", '"><img src=x onerror=alert(1)>', "a & b"])
def test_names_are_shown_and_never_run(name: str) -> None:
    run = family_run()
    run = replace(run, training=replace(run.training, dataset=name))
    source = render_report([run], Path(f"{name}.png"))
    page = Page(source)
    assert name not in source
    assert f"{name}.png" in unescape(page.text)
    assert not any(page.all("script"))
    assert len(list(page.all("img"))) == 4


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(CourseError, match=r"report\.html can't be written"):
        write_report([family_run()], Path("cat.png"), tmp_path / "file" / "report.html")
    write_report([family_run()], Path("cat.png"), tmp_path / "new" / "report.html")
    assert "</html>" in (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
