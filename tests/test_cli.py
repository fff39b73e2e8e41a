"""The `course` command as its users meet it: output, exit codes, and one sentence when it fails."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from utils import cli
from utils.images import sample_photo
from utils.models import MODELS
from utils.weights import official_file

CAT = sample_photo("chelsea")
CATS = {"Egyptian cat", "tabby", "tiger cat", "lynx", "Siamese cat"}
TRAIN = ("train", "--model", "efficientnet_lite0")
DISTILL = ("distill", "--photos", "nowhere", "--cutouts", "nowhere")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Everything on stdout, which must be one JSON object without NaN or Infinity."""

        def refuse(name: str) -> None:
            raise ValueError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


def course(*words: object) -> Ended:
    """Run `course` with these words, in this process."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["course", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def course_process(*words: object, **environment: str) -> subprocess.Popen:
    """Start `course` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "utils.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        env=os.environ | environment,
        preexec_fn=None if sys.platform == "win32" else listen_to_ctrl_c,
    )


def listen_to_ctrl_c() -> None:
    """A shell's background job ignores SIGINT, and hands that on to what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def assert_refused(ended: Ended, *parts: object) -> None:
    """Exit code 2, and one sentence on stderr that has these parts."""
    assert ended.code == 2
    for part in parts:
        assert str(part) in ended.err
    assert ended.err.endswith(".\n")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err


def put_squares(folder: Path, count: int = 10) -> Path:
    """Two classes of noise in two colours, that any model can tell apart."""
    random = np.random.default_rng(0)
    for name, channel in (("grün kariert", 1), ("rot", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 60, (64, 64, 3), dtype=np.uint8)
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_squares(tmp_path_factory.mktemp("data") / "squares")


@pytest.fixture(scope="module")
def finished(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    """A head trained for three epochs, and the folder of its results."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    return course(*TRAIN, "--data", squares, "--epochs", 3, "--out", folder), folder


@pytest.fixture
def earlier(finished: tuple[Ended, Path], tmp_path: Path) -> Path:
    """A copy of the finished run, to be resumed or damaged."""
    return shutil.copytree(finished[1], tmp_path / "earlier")


@pytest.fixture
def no_official_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


# What is refused


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("trace", "--family", "resnett"), ("family 'resnett'", "did you mean resnet", "vgg")),
        (("trace", "--family", "x"), ("family 'x'", "use resnet, vgg, efficientnet")),
        (("predict", CAT, "--model", "resnet51"), ("model 'resnet51'", "resnet50 or resnet")),
        ((*TRAIN[:2], "efficientnet"), ("model 'efficientnet'", "did you mean efficientnet_")),
        (("trace", "--data", "elpw"), ("data set 'elpw'", "did you mean elpv")),
        (("trace", "--data", "x"), ("data set 'x'", "use elpv, things,", "folder of photos")),
        (("predict", CAT, "--weights", "x"), ("--weights", "'x'", "auto", "imagenet", "untrained")),
        ((*TRAIN, "--mode", "heads"), ("--mode", "'heads'", "head", "last-block", "full")),
        (("trace", "--device", "tpu"), ("--device", "'tpu'", "cuda", "mps", "cpu")),
        (("trace", "--precision", "fp64"), ("--precision", "'fp64'", "fp32", "bf16")),
        (("quiz", "export", "--format", "pdf"), ("--format", "'pdf'", "qti", "gift", "csv")),
        (("quizz",), ("No such command 'quizz'",)),
        (("train",), ("Missing option '--model'",)),
        ((*TRAIN, "--epochs", "0"), ("--epochs", "0")),
        (("trace", "--precision", "fp16"), ("Precision 'fp16' is not offered on cpu", "use fp32")),
        (("trace", "--limit", "3"), ("--limit 3", "4 classes", "use at least 20, or all")),
        (("weights", "--download", "alexnet"), ("family 'alexnet'", "use resnet, vgg")),
        (("trace", "no/photo.jpg"), ("no/photo.jpg", "check the path")),
        ((*DISTILL, "--student", "resnet50"), ("student 'resnet50'", "use resnet18, vgg11_gap")),
        ((*DISTILL, "--student", "resnet18"), ("no folder nowhere", "photos", "check the path")),
        ((*DISTILL, "--student", "resnet18", "--images", 1, "--minutes", 1), ("give one of them",)),
        (
            (*DISTILL, "--student", "vgg11_gap", "--resume"),
            ("nothing to resume", "without --resume"),
        ),
        (("weights-report", *DISTILL[1:]), ("no folder nowhere", "check the path")),
    ],
)
def test_a_wrong_word_is_named_with_the_right_ones(
    words: tuple[object, ...], parts: tuple[str, ...]
) -> None:
    ended = course(*words)
    assert_refused(ended, *parts)
    assert ended.out == ""


@pytest.mark.parametrize("limit", ["many", "0", "-5", "2.5", "1e3", "", "²"])
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    assert_refused(course("trace", "--limit", limit), f"--limit '{limit}'", "or all", "number")


@pytest.mark.parametrize(
    "words",
    [("--epochs", "0"), ("--epochs", "ten"), ("--batch-size", "0"), ("--lr", "-1"),
     ("--seed", "-1"), ("--patience", "0"), ("--no-such-option",)],
)  # fmt: skip
def test_numbers_out_of_range_are_refused_before_anything_runs(words: tuple[str, ...]) -> None:
    ended = course(*TRAIN, *words)
    assert (ended.code, ended.out) == (2, "")
    assert words[0] in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_refused() -> None:
    assert_refused(course("trace", "--device", "cuda"), "'cuda' is not on this machine", "cpu")


def test_an_empty_class_folder_is_refused(tmp_path: Path) -> None:
    folder = put_squares(tmp_path / "squares", 5)
    (folder / "blau").mkdir()
    assert_refused(course("trace", "--data", folder), folder, "class 'blau' has 0", "add photos")


def test_a_process_that_refuses_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    process = course_process("predict", tmp_path / "nothing.jpg")
    out, err = process.communicate(timeout=60)
    assert_refused(Ended(process.returncode, out, err), tmp_path / "nothing.jpg", "check the path")


@pytest.mark.parametrize(
    ("variable", "option", "value"),
    [
        ("COURSE_DEVICE", "--device", "cpu"),
        ("COURSE_PRECISION", "--precision", "fp32"),
        ("COURSE_WEIGHTS", "--weights", "offline"),
    ],
)
def test_an_option_beats_its_environment_variable(
    variable: str, option: str, value: str, squares: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv(variable, "nonsense")
    words = (*TRAIN, "--data", squares, "--epochs", 1, "--out", tmp_path)
    assert_refused(course(*words), "'nonsense'", value)
    assert course(*words, option, value).code == 0


# Weights, doctor, cache


def test_missing_official_weights_are_not_downloaded_silently(no_official_weights: Path) -> None:
    ended = course("predict", CAT, "--model", "resnet50", "--weights", "imagenet")
    assert_refused(ended, "resnet50", "`course weights --download resnet`", "or", "resnet18")
    assert ended.out == ""
    assert not no_official_weights.exists()


def test_a_family_without_its_official_weights_is_refused_too(
    no_official_weights: Path, tmp_path: Path
) -> None:
    ended = course("trace", "--family", "vgg", "--weights", "imagenet", "--limit", 40,
                   "--json", "--out", tmp_path / "trace.html")  # fmt: skip
    assert_refused(ended, "vgg16", "`course weights --download vgg`", "vgg11_gap")
    assert ended.out == ""


def test_a_textbook_model_has_no_offline_weights() -> None:
    ended = course("predict", CAT, "--model", "resnet50", "--weights", "offline")
    assert_refused(ended, "resnet50 has no offline weights", "--weights imagenet", "resnet18")


def test_weights_lists_what_is_here_missing_and_broken(no_official_weights: Path) -> None:
    damaged = official_file(MODELS["resnet50"].enum)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half a download")
    ended = course("weights", "--json")
    assert ended.code == 0
    rows = {row["name"]: row for row in ended.json()["models"]}
    assert list(rows) == list(MODELS)
    assert rows["efficientnet_lite0"]["state"] == "ok"
    assert rows["resnet50"]["state"] == "broken"
    assert f"{damaged} is damaged" in rows["resnet50"]["detail"]
    assert rows["vgg16"]["state"] == "missing"
    assert "`course weights --download vgg`" in rows["vgg16"]["detail"]
    refused = course("predict", CAT, "--model", "resnet50", "--weights", "imagenet")
    assert_refused(refused, damaged, "is damaged", "`course weights --download` again")


def test_doctor_finds_this_machine_well(no_official_weights: Path) -> None:
    ended = course("doctor", "--json")
    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert {"python", "torch", "device", "disk", "cache", "data elpv", "data things"} < set(checks)
    assert {f"weights {name}" for name in MODELS} < set(checks)
    assert f"torch {torch.__version__.split('+')[0]}," in checks["torch"]["detail"]
    assert checks["device"]["detail"] == "cpu, fp32"
    assert checks["data elpv"] == {
        "name": "data elpv", "state": "ok", "detail": "2624 photos, offline"
    }  # fmt: skip
    assert not [name for name, check in checks.items() if check["state"] == "broken"]
    assert (ended.code, ended.err) == (0, "")


def test_doctor_fails_on_a_broken_setting_and_still_shows_everything(
    monkeypatch: pytest.MonkeyPatch, no_official_weights: Path
) -> None:
    monkeypatch.setenv("COURSE_DEVICE", "tpu")
    ended = course("doctor", "--json")
    assert_refused(ended, "broken", "do what its line says")
    checks = {check["name"]: check for check in ended.json()["checks"]}
    assert checks["device"]["state"] == "broken"
    assert "'tpu'" in checks["device"]["detail"]


def test_the_cache_is_shown_and_cleared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    empty = {"folder": str(tmp_path / "features"), "files": 0, "bytes": 0, "cleared": False}
    assert course("cache", "--json").json() == empty
    (tmp_path / "features").mkdir()
    (tmp_path / "data").mkdir()
    for file in ("features/a.safetensors", "features/b.safetensors", "data/pets.tar"):
        (tmp_path / file).write_bytes(bytes(700_000))
    holding = empty | {"files": 2, "bytes": 1_400_000}
    assert course("cache", "--json").json() == holding
    assert "Holding 2 files, 1.4 MB" in course("cache").out
    assert course("cache", "--clear", "--json").json() == holding | {"cleared": True}
    assert course("cache", "--json").json() == empty
    assert (tmp_path / "data" / "pets.tar").exists()


# Predict


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


# Trace


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Ended, Path]:
    """The same trace twice, as JSON, and its page."""
    page = tmp_path_factory.mktemp("reports") / "new" / "trace.html"
    words = ("trace", "--family", "efficientnet", "--limit", 40, "--epochs", 2, "--json",
             "--out", page)  # fmt: skip
    return course(*words), course(*words), page


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


# Train


def test_training_leaves_weights_checkpoint_and_trace(finished: tuple[Ended, Path]) -> None:
    ended, folder = finished
    assert (ended.code, ended.err) == (0, "")
    assert sorted(f.name for f in folder.iterdir()) == ["best.safetensors", "last.pt", "trace.json"]
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}/3: " in ended.out
    trace = json.loads((folder / "trace.json").read_text(encoding="utf-8"))
    assert trace["classes"] == ["grün kariert", "rot"]
    assert [trace[f"n_{part}"] for part in ("train", "val", "test")] == [12, 3, 5]
    assert f"Best epoch {trace['best_epoch']}; test accuracy 100.0%" in ended.out
    weights = safetensors.torch.load_file(folder / "best.safetensors")
    assert weights["linear.weight"].shape == (2, 1280)


def test_training_as_json_prints_the_trace_and_nothing_else(squares: Path, tmp_path: Path) -> None:
    ended = course(*TRAIN, "--data", squares, "--epochs", 1, "--out", tmp_path, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json() == json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))


def test_unreadable_photos_are_counted_named_and_skipped(squares: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(squares, tmp_path / "squares")
    for number in range(7):
        (folder / "rot" / f"bad {number}.jpg").write_bytes(b"\xff\xd8\xff")
    ended = course(*TRAIN, "--data", folder, "--epochs", 1, "--out", tmp_path / "run", "--json")
    assert ended.code == 0
    assert ended.err.startswith(f"Skipped 7 unreadable photos: {folder / 'rot' / 'bad 0.jpg'}, ")
    assert ended.err.endswith("bad 4.jpg and 2 more\n")
    assert ended.json()["n_train"] == 12


def test_the_last_block_learns_too_and_its_best_weights_are_kept(
    finished: tuple[Ended, Path], squares: Path, tmp_path: Path
) -> None:
    ended = course(
        *TRAIN, "--data", squares, "--mode", "last-block", "--epochs", 1, "--out", tmp_path
    )
    assert (ended.code, ended.err) == (0, "")
    weights = safetensors.torch.load_file(tmp_path / "best.safetensors")
    assert weights["head.linear.weight"].shape == (2, 1280)
    assert weights["backbone.body.conv_stem.weight"].shape == (32, 3, 3, 3)


def test_a_folder_for_results_that_cannot_be_made_is_named(squares: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    ended = course(*TRAIN, "--data", squares, "--epochs", 1, "--json", "--out", tmp_path / "file")
    assert_refused(ended, tmp_path / "file" / "last.pt", "can't be written", "--out for results")


def test_resuming_a_finished_run_trains_no_more(squares: Path, earlier: Path) -> None:
    before = json.loads((earlier / "trace.json").read_text(encoding="utf-8"))
    words = (*TRAIN, "--data", squares, "--epochs", 3, "--out", earlier, "--resume", "--json")
    after = course(*words).json()
    assert after["epochs"] == before["epochs"]
    assert after["test_accuracy"] == before["test_accuracy"]


def test_resuming_without_a_checkpoint_is_refused(squares: Path, tmp_path: Path) -> None:
    ended = course(*TRAIN, "--data", squares, "--out", tmp_path, "--resume", "--json")
    assert_refused(ended, "nothing to resume", tmp_path, "run without --resume")


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_a_damaged_checkpoint_is_refused_and_left(
    content: bytes | None, squares: Path, earlier: Path
) -> None:
    last = earlier / "last.pt"
    content = last.read_bytes()[:-1000] if content is None else content
    last.write_bytes(content)
    words = (*TRAIN, "--data", squares, "--epochs", 3, "--out", earlier, "--resume", "--json")
    assert_refused(course(*words), last, "is damaged", "delete it and train again")
    assert last.read_bytes() == content


@pytest.mark.parametrize(
    ("option", "value", "setting"),
    [("--lr", "0.1", "lr"), ("--seed", "1", "seed"), ("--epochs", "4", "epochs")],
)
def test_resuming_with_another_setting_is_refused(
    option: str, value: str, setting: str, squares: Path, earlier: Path
) -> None:
    words = (*TRAIN, "--data", squares, "--epochs", 3, "--out", earlier, "--resume", "--json")
    ended = course(*words, option, value)
    assert_refused(ended, earlier / "last.pt", f"another {setting}", "same settings as before")


def test_resuming_on_other_photos_is_refused(
    traced: tuple[Ended, Ended, Path], earlier: Path
) -> None:
    words = (*TRAIN, "--epochs", 3, "--out", earlier, "--resume", "--json")
    ended = course(*words, "--data", "elpv", "--limit", 40)  # whose features the trace has cached
    assert_refused(ended, earlier / "last.pt", "another data")


@pytest.mark.parametrize("rate", ["1e20", "1e30"])
def test_a_loss_that_is_not_finite_ends_training_and_keeps_no_spoilt_checkpoint(
    rate: str, squares: Path, tmp_path: Path
) -> None:
    ended = course(*TRAIN, "--data", squares, "--epochs", 6, "--lr", rate, "--out", tmp_path,
                   "--json")  # fmt: skip
    assert_refused(ended, "lower the learning rates (--lr)")
    assert re.search(r"loss became -?(nan|inf) at step \d+ of epoch \d", ended.err)
    assert ended.out == ""
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    losses = [row[f"{part}_loss"] for row in kept["history"] for part in ("train", "val")]
    assert losses
    assert all(map(math.isfinite, losses))
    assert kept["best"]["linear.weight"].isfinite().all()


@pytest.mark.parametrize("rate", ["1e38", "1e39", "inf", "nan"])
def test_a_rate_beyond_all_numbers_is_refused(rate: str, squares: Path, tmp_path: Path) -> None:
    ended = course(*TRAIN, "--data", squares, "--epochs", 2, "--lr", rate, "--out", tmp_path,
                   "--json")  # fmt: skip
    assert (ended.code, ended.out) == (2, "")
    assert "--lr" in ended.err
    assert not (tmp_path / "last.pt").exists()


def test_output_fits_the_encoding_of_a_windows_pipe(squares: Path, tmp_path: Path) -> None:
    """Where stdout is no terminal, Windows gives it cp1252, which has no box characters."""
    process = course_process(*TRAIN, "--data", squares, "--epochs", 1, "--out", tmp_path,
                             PYTHONIOENCODING="cp1252")  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "Best epoch 1; test accuracy" in out


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_control_c_keeps_the_last_epoch_and_resume_goes_on_from_it(
    traced: tuple[Ended, Ended, Path], tmp_path: Path
) -> None:
    words = (*TRAIN, "--data", "elpv", "--limit", 40, "--mode", "full", "--weights", "untrained",
             "--epochs", 2, "--out", tmp_path)  # fmt: skip
    process = course_process(*words)
    assert process.stdout
    while (line := process.stdout.readline()) and not line.startswith("epoch 1/2"):
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode == 130
    assert sorted(f.name for f in tmp_path.iterdir()) == ["best.safetensors", "last.pt"]
    before = torch.load(tmp_path / "last.pt", weights_only=True)["history"]

    ended = course(*words, "--resume")
    assert ended.code == 0
    assert f"epoch {len(before)}/2" not in ended.out
    assert f"epoch {len(before) + 1}/2" in ended.out
    after = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))["epochs"]
    assert after[: len(before)] == before
    assert [row["epoch"] for row in after] == [1, 2]


@pytest.mark.parametrize("command", ["trace", "predict", "train", "weights", "cache", "doctor"])
def test_every_command_explains_itself(command: str) -> None:
    ended = course(command, "--help")
    assert ended.code == 0
    assert "--json" in ended.out
    assert re.search(rf"Usage: .+ {command} ", ended.out)
