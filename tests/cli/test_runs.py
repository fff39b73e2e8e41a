"""From a folder of photos to a classifier that is asked, evaluated and exported."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from commands import TRAIN, assert_refused, course
from PIL import Image

from utils.datasets import Crops
from utils.engines.openvino import openvino_core
from utils.photo_folders import unlabelled
from utils.runs.export import load_onnx
from utils.runs.folder import load_run


def stripes(file: Path, upright: bool, seed: int) -> Path:
    """A noisy photo of upright or lying stripes."""
    random = np.random.default_rng(seed)
    wave = (np.arange(96) // int(random.integers(6, 14))) % 2 * 140
    pixels = np.tile(wave, (96, 1)) if upright else np.tile(wave, (96, 1)).T
    pixels = pixels[..., None] + random.integers(0, 90, (96, 96, 3))
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(file)
    return file


def photos_in(folder: Path, count: int, seed: int) -> Path:
    for number in range(count):
        stripes(folder / "up <b>" / f"{number}.png", True, seed + number)
        stripes(folder / "across" / f"{number}.png", False, seed + 500 + number)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photos_in(tmp_path_factory.mktemp("stripes") / "photos", 20, 0)


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "stripes"
    assert course(*TRAIN, "--data", photos, "--out", folder).code == 0
    return folder


@pytest.fixture(scope="module")
def exported(run: Path) -> dict:
    ended = course("export", run, "--int8", "--json")
    assert ended.code == 0
    return ended.json()


def test_a_run_says_all_that_is_needed_to_use_it(run: Path, photos: Path) -> None:
    record = json.loads((run / "model.json").read_text(encoding="utf-8"))
    assert (record["family"], record["model"]) == ("efficientnet", "efficientnet_lite0")
    assert record["classes"] == ["across", "up <b>"]
    assert (record["mode"], record["preprocessing"]["crop"]) == ("head", 224)
    assert record["data"]["source"] == str(photos)
    assert [record["split"][part] for part in ("train", "val", "test")] == [24, 6, 10]
    assert record["metrics"]["test_accuracy"] == 1.0


def test_a_trained_classifier_names_new_photos_by_its_own_classes(
    run: Path, tmp_path: Path
) -> None:
    new = photos_in(tmp_path / "new", 2, 9000)
    (new / "notes.txt").write_text("no photo", encoding="utf-8")
    table = tmp_path / "answers.csv"
    ended = course("predict", new, "--run", run, "--csv", table, "--json")
    assert ended.code == 0
    assert "Skipped 1 of 5 files" in ended.err
    for photo in ended.json()["photos"]:
        assert photo["top"][0]["label"] == Path(photo["photo"]).parent.name
    rows = list(csv.reader(table.read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["file", "class", "probability"]
    assert [Path(file).parent.name for file, _, _ in rows[1:]] == [name for _, name, _ in rows[1:]]


def test_below_the_threshold_of_the_run_the_answer_is_none_of_these(
    run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "strict")
    record = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert 0.5 < record["reject_below"] < 1
    unsure = tmp_path / "grey.png"
    Image.new("RGB", (96, 96), "grey").save(unsure)
    record["reject_below"] = 1.1
    (folder / "model.json").write_text(json.dumps(record), encoding="utf-8")
    assert "none of these" in course("predict", unsure, "--run", folder, "--reject").out
    assert "none of these" not in course("predict", unsure, "--run", folder).out


def test_an_evaluation_agrees_with_the_one_look_at_the_test_split(run: Path) -> None:
    trace = json.loads((run / "trace.json").read_text(encoding="utf-8"))
    found = course("evaluate", run, "--json").json()
    assert found["accuracy"] == trace["test_accuracy"]
    assert {"interval", "balanced_accuracy", "per_class", "calibration_error"} <= found.keys()
    assert [sum(row) for row in found["confusion"]] == [5, 5]
    assert found["curves"]["roc_auc"] == 1.0


def test_an_evaluation_on_new_photos_shows_its_mistakes(run: Path, tmp_path: Path) -> None:
    new = photos_in(tmp_path / "swapped", 3, 5000)
    (new / "across").rename(new / "other")
    (new / "up <b>").rename(new / "across")
    (new / "other").rename(new / "up <b>")
    ended = course("evaluate", run, "--data", new, "--out", tmp_path / "page.html", "--json")
    found = ended.json()
    assert (found["accuracy"], len(found["mistakes"])) == (0.0, 6)
    assert found["mistakes"][0]["photo"].endswith(".png")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 6
    assert "<b>" not in page
    assert "up &lt;b&gt;" in page


def test_photos_that_were_learned_from_are_left_out_of_an_evaluation(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    mixed = shutil.copytree(photos, tmp_path / "mixed")
    ended = course("evaluate", run, "--data", mixed, "--json")
    assert "30 of 40 photos are ones" in ended.err
    assert sum(map(sum, ended.json()["confusion"])) == 10


def test_photos_of_other_classes_or_that_changed_are_refused(run: Path, tmp_path: Path) -> None:
    new = photos_in(tmp_path / "new", 2, 7000)
    (new / "across").rename(new / "diagonal")
    assert_refused(course("evaluate", run, "--data", new), "diagonal", "across")
    moved = shutil.copytree(run, tmp_path / "moved")
    record = json.loads((moved / "model.json").read_text(encoding="utf-8"))
    record["data"]["source"] = str(tmp_path / "gone")
    (moved / "model.json").write_text(json.dumps(record), encoding="utf-8")
    assert_refused(course("evaluate", moved), "gone", "--data")
    assert_refused(course("export", moved), "gone")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda run: (run / "model.json").unlink(), "hasn't finished"),
        (lambda run: (run / "model.json").write_text("{}", encoding="utf-8"), "damaged"),
        (lambda run: (run / "model.safetensors").write_bytes(b"half"), "damaged"),
        (lambda run: (run / "model.safetensors").unlink(), "missing"),
        (lambda run: shutil.rmtree(run), "no run folder"),
    ],
)
def test_a_run_that_cannot_be_read_is_refused(run: Path, tmp_path: Path, damage, told: str) -> None:
    broken = shutil.copytree(run, tmp_path / "broken")
    damage(broken)
    assert_refused(course("evaluate", broken), broken, told)


def test_flags_that_contradict_each_other_are_refused(run: Path) -> None:
    refused = course("predict", "cat.png", "--run", run, "--model", "resnet18")
    assert_refused(refused, "--run brings its own model")
    assert_refused(course("predict", "cat.png", "--reject"), "--reject needs --run")


def test_another_training_leaves_no_result_of_the_first(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "again")
    (folder / "model.onnx").write_bytes(b"of the first training")
    again = (*TRAIN, "--data", photos, "--out", folder, "--overwrite", "--seed", 1)
    assert course(*again, "--epochs", 1, "--json").code == 0
    assert not (folder / "model.onnx").exists()
    assert json.loads((folder / "model.json").read_text(encoding="utf-8"))["split"]["seed"] == 1


def test_a_fine_tuned_classifier_is_read_back_as_it_was(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tuned"
    words = (*TRAIN, "--data", photos, "--mode", "last-block", "--epochs", 1, "--limit", 20)
    assert course(*words, "--out", folder).code == 0
    trace = json.loads((folder / "trace.json").read_text(encoding="utf-8"))
    assert course("evaluate", folder, "--json").json()["accuracy"] == trace["test_accuracy"]


def test_an_exported_file_answers_as_pytorch_does(run: Path, exported: dict) -> None:
    plain, small = exported["files"]
    assert (plain["photos"], plain["changed"]) == (10, 0)
    assert plain["largest"] < 1e-3
    assert small["accuracy_torch"] - small["accuracy"] <= 0.1
    sizes = [Path(entry["file"]).stat().st_size for entry in (plain, small)]
    assert sizes[1] < sizes[0] / 3
    model = onnx.load(run / "model.onnx")
    assert model.opset_import[0].version == exported["opset"]


@pytest.mark.parametrize("name", ["model.onnx", "model.int8.onnx"])
def test_onnx_runtime_and_openvino_read_any_number_of_photos(
    run: Path, photos: Path, exported: dict, name: str
) -> None:
    files = sorted((photos / "across").iterdir())[:3]
    spec = load_run(run).record.preprocessing
    pixels = torch.stack([crop for crop, _ in Crops(unlabelled(files), spec)]).numpy()
    session = onnxruntime.InferenceSession(str(run / name))
    compiled = openvino_core().compile_model(run / name, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for count in (1, 3):
        logits = session.run(None, {"pixels": pixels[:count]})[0]
        assert logits.shape == (count, 2)
        other = compiled({0: pixels[:count]})[0]
        if name == "model.onnx":
            np.testing.assert_allclose(other, logits, atol=1e-3)
        assert (other.argmax(1) == 0).all()


def test_an_exported_file_can_be_asked_like_its_run(
    run: Path, exported: dict, tmp_path: Path
) -> None:
    photo = stripes(tmp_path / "new.png", True, 123)
    by_run = course("predict", photo, "--run", run, "--json").json()["photos"][0]["top"]
    by_file = course("predict", photo, "--run", run / "model.onnx", "--json").json()["photos"][0]
    assert (
        [p["label"] for p in by_file["top"]] == [p["label"] for p in by_run] == ["up <b>", "across"]
    )
    assert by_file["top"][0]["probability"] == pytest.approx(by_run[0]["probability"], abs=1e-3)


def test_a_file_that_the_course_did_not_export_is_refused(run: Path, tmp_path: Path) -> None:
    photo = stripes(tmp_path / "new.png", True, 123)
    assert_refused(course("predict", photo, "--run", tmp_path / "no.onnx"), "no.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    assert_refused(course("predict", photo, "--run", tmp_path / "bad.onnx"), "damaged")
    with pytest.raises(Exception, match="classes"):
        nameless = onnx.helper.make_model(
            onnx.helper.make_graph(
                [onnx.helper.make_node("Identity", ["x"], ["y"])],
                "g",
                [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])],
                [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])],
            ),
            ir_version=10,
            opset_imports=[onnx.helper.make_opsetid("", 18)],
        )
        onnx.save(nameless, tmp_path / "nameless.onnx")
        load_onnx(tmp_path / "nameless.onnx")
