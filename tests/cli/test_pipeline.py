"""`course predict` and `course trace`."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from commands import CAT, Ended, assert_refused, course

from utils.images import sample_photo

CATS = {"Egyptian cat", "tabby", "tiger cat", "lynx", "Siamese cat"}


def test_predict_knows_a_cat() -> None:
    ended = course("predict", CAT, "--json")
    answer = ended.json()
    (photo,) = answer["photos"]
    assert (ended.code, answer["model"]) == (0, "efficientnet_lite0")
    assert answer["weights"].startswith("offline (EfficientNet-Lite0")
    assert photo["photo"] == str(CAT)
    assert len({p["label"] for p in photo["top"]} & CATS) >= 3
    probabilities = [p["probability"] for p in photo["top"]]
    assert len(probabilities) == 5
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.5 < sum(probabilities) <= 1


def test_predict_shows_as_many_classes_as_asked_for() -> None:
    ended = course("predict", CAT, sample_photo("coffee"), "--top", 1)
    assert ended.code == 0
    assert "offline (EfficientNet-Lite0" in ended.out
    assert "espresso" in ended.out
    assert len(re.findall(r"0\.\d\d\d", ended.out)) == 2


def test_a_bad_photo_does_not_cost_the_answers_of_the_good_ones(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo", encoding="utf-8")
    words = (tmp_path / "notes.txt", CAT, tmp_path / "nothing.jpg")
    ended = course("predict", *words)
    assert_refused(ended, words[0], "is not an image", words[2], "check the path")
    assert "Egyptian cat" in ended.out
    as_json = course("predict", *words, "--json")
    assert as_json.code == 2
    assert [photo["photo"] for photo in as_json.json()["photos"]] == [str(CAT)]


@pytest.mark.parametrize("name", ["cat [small].png", "cat[", "Käthes Katze 猫.png"])
def test_a_photo_is_called_by_its_name(name: str, tmp_path: Path) -> None:
    file = shutil.copy(CAT, tmp_path / name)
    ended = course("predict", file, "--top", 3)
    assert ended.code == 0
    assert name in re.sub(r"\n", "", ended.out)


def test_predict_without_training_says_so() -> None:
    assert "UNTRAINED" in course("predict", CAT, "--weights", "untrained").out


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


def test_a_trace_is_one_json_object_of_a_fixed_form(traced: tuple[Ended, Ended, Path]) -> None:
    assert (traced[0].code, traced[0].err) == (0, "")
    content = traced[0].json()
    assert set(content) == {"runs"}
    (run,) = content["runs"]
    assert {"family", "model", "weights", "textbook", "data_flow", "training", "prediction", "top",
            "key_insight", "pretraining"} <= set(run)  # fmt: skip
    assert (run["family"], run["model"]) == ("efficientnet", "efficientnet_lite0")
    assert run["weights"].startswith("offline")
    assert set(run["textbook"]) == {"model", "feature_dim", "parameters", "gmacs"}
    assert [set(stage) for stage in run["data_flow"]] == [
        {"stage", "before", "operation", "after", "example"}
    ] * 3
    assert [set(layer) for layer in run["prediction"]] == [
        {"layer", "input", "operation", "output"}
    ] * 4
    assert [set(answer) for answer in run["top"]] == [{"label", "probability"}] * 5
    assert len({answer["label"] for answer in run["top"]} & CATS) >= 3


def test_the_training_of_a_trace_has_a_row_per_epoch(traced: tuple[Ended, Ended, Path]) -> None:
    training = traced[0].json()["runs"][0]["training"]
    assert {"dataset", "classes", "n_train", "n_val", "n_test", "epochs",
            "test_accuracy", "majority", "informed_floor"} <= set(training)  # fmt: skip
    assert training["dataset"] == "elpv"
    assert len(training["classes"]) == 4
    assert [training[f"n_{part}"] for part in ("train", "val", "test")] == [24, 7, 9]
    assert [set(row) for row in training["epochs"]] == [
        {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "seconds",
         "rise_error",
         "observation"}
    ] * 2  # fmt: skip
    assert [row["epoch"] for row in training["epochs"]] == [1, 2]
    assert training["epochs"][0]["observation"].startswith("start: ")
    assert training["test_accuracy"] in [right / 9 for right in range(10)]


def test_the_key_insight_gives_the_measured_numbers(traced: tuple[Ended, Ended, Path]) -> None:
    run = traced[0].json()["runs"][0]
    assert f"reaches {run['training']['test_accuracy']:.1%}" in run["key_insight"]
    gain = run["pretraining"]["gain"]
    spread = f"({gain['least']:+.1f} to {gain['most']:+.1f};"
    assert f"{gain['mean']:+.1f} points on average {spread}" in run["key_insight"]
    assert {len(run["pretraining"][name]) for name in ("pretrained", "untrained", "floor")} == {5}


def test_a_trace_is_the_same_twice(traced: tuple[Ended, Ended, Path]) -> None:
    first, second, _ = traced
    assert without_seconds(first.json()) == without_seconds(second.json())


def test_a_trace_leaves_a_page(traced: tuple[Ended, Ended, Path]) -> None:
    page = traced[2].read_text(encoding="utf-8")
    run = traced[0].json()["runs"][0]
    assert run["key_insight"] in page
    assert run["training"]["epochs"][1]["observation"] in page
    assert 'class="untrained"' not in page
    assert not re.search(r"(src|href)=.?(https?:)?//", page)
    assert page.count('src="data:image/png;base64,') == page.count("<img") == 4


def test_an_untrained_family_is_said_to_be_noise_in_terminal_and_page(
    traced: tuple[Ended, Ended, Path], tmp_path: Path
) -> None:
    """On the features that the other trace, with its untrained baseline, has cached."""
    photo = shutil.copy(CAT, tmp_path / "<script>cat.png")
    page = tmp_path / "trace.html"
    ended = course("trace", photo, "--family", "efficientnet", "--weights", "untrained", "--limit",
                   40, "--epochs", 1, "--out", page)  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    assert "Weights: untrained (seed 0). UNTRAINED" in ended.out
    assert "a new head on an UNTRAINED backbone reaches" in re.sub(r"[\s│]+", " ", ended.out)
    content = page.read_text(encoding="utf-8")
    assert '<span class="untrained">untrained (seed 0)</span>' in content
    assert "<script" not in content
    assert "&lt;script&gt;cat.png" in content
