"""`course train`: what it leaves, resumes and refuses."""

import json
import math
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from commands import (
    TRAIN,
    Ended,
    assert_refused,
    course,
    course_process,
)


@pytest.fixture(scope="module")
def finished(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    """A head trained for three epochs, and the folder of its results."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    return course(*TRAIN, "--data", squares, "--epochs", 3, "--out", folder), folder


@pytest.fixture
def earlier(finished: tuple[Ended, Path], tmp_path: Path) -> Path:
    """A copy of the finished run, to be resumed or damaged."""
    return shutil.copytree(finished[1], tmp_path / "earlier")


@pytest.mark.parametrize("limit", ["many", "0", "-5", "2.5", "1e3", "", "²"])
def test_a_limit_that_is_no_number_is_refused(limit: str) -> None:
    assert_refused(course("trace", "--limit", limit), f"--limit '{limit}'", "or all", "number")


def test_int8_is_refused_where_a_backbone_learns(squares: Path) -> None:
    words = ("train", "--model", "resnet18", "--data", squares, "--mode", "full")
    assert_refused(course(*words, "--precision", "int8"), "'int8'", "--mode head", "fp32")


def test_training_leaves_weights_checkpoint_and_trace(finished: tuple[Ended, Path]) -> None:
    ended, folder = finished
    assert (ended.code, ended.err) == (0, "")
    assert sorted(f.name for f in folder.iterdir()) == [
        "last.pt",
        "learned.txt",
        "model.json",
        "model.safetensors",
        "report.html",
        "trace.json",
    ]
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}/3: " in ended.out
    trace = json.loads((folder / "trace.json").read_text(encoding="utf-8"))
    assert trace["classes"] == ["grün kariert", "rot"]
    assert [trace[f"n_{part}"] for part in ("train", "val", "test")] == [12, 3, 5]
    assert f"Best epoch {trace['best_epoch']}; test accuracy 100.0%" in ended.out
    weights = safetensors.torch.load_file(folder / "model.safetensors")
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
    assert ended.err.startswith("Skipped 7 of 27 files, which can't be read as photos (7 .jpg): ")
    assert str(folder / "rot" / "bad 0.jpg") in ended.err
    assert ended.err.endswith("bad 4.jpg and 2 more\n")
    assert ended.json()["n_train"] == 12


def test_the_last_block_learns_too_and_its_best_weights_are_kept(
    finished: tuple[Ended, Path], squares: Path, tmp_path: Path
) -> None:
    ended = course(
        *TRAIN, "--data", squares, "--mode", "last-block", "--epochs", 1, "--out", tmp_path
    )
    assert (ended.code, ended.err) == (0, "")
    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert weights["head.linear.weight"].shape == (2, 1280)
    assert weights["backbone.body.conv_stem.weight"].shape == (32, 3, 3, 3)


def test_a_folder_for_results_that_cannot_be_made_is_named(squares: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    ended = course(*TRAIN, "--data", squares, "--epochs", 1, "--json", "--out", tmp_path / "file")
    assert_refused(ended, tmp_path / "file", "can't be written", "--out for results")


def test_an_earlier_run_is_replaced_only_if_asked(
    squares: Path, earlier: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(earlier, tmp_path / "run")
    before = (folder / "model.safetensors").read_bytes()
    words = (*TRAIN, "--data", squares, "--epochs", 1, "--seed", 1, "--out", folder)
    assert_refused(course(*words, "--json"), "an earlier run", "--out", "--resume", "--overwrite")
    assert (folder / "model.safetensors").read_bytes() == before
    assert course(*words, "--overwrite").code == 0
    assert (folder / "model.safetensors").read_bytes() != before


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
    assert_refused(ended, earlier / "last.pt", f"({setting}", "give the same as before")


def test_resuming_on_other_photos_is_refused(
    traced: tuple[Ended, Ended, Path], earlier: Path
) -> None:
    words = (*TRAIN, "--epochs", 3, "--out", earlier, "--resume", "--json")
    ended = course(*words, "--data", "elpv", "--limit", 40)  # whose features the trace has cached
    assert_refused(ended, earlier / "last.pt", "(data, split)")


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
    assert sorted(f.name for f in tmp_path.iterdir()) == ["last.pt", "model.safetensors"]
    before = torch.load(tmp_path / "last.pt", weights_only=True)["history"]

    ended = course(*words, "--resume")
    assert ended.code == 0
    assert f"epoch {len(before)}/2" not in ended.out
    assert f"epoch {len(before) + 1}/2" in ended.out
    after = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))["epochs"]
    assert after[: len(before)] == before
    assert [row["epoch"] for row in after] == [1, 2]
