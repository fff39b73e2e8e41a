"""The command: wrong words are refused in one sentence, and every command explains itself."""

import re
from pathlib import Path

import pytest
import torch
from commands import CAT, TRAIN, Ended, assert_refused, course, course_process, put_squares

DISTILL = ("distill", "--photos", "nowhere", "--cutouts", "nowhere")


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
        (("xyzzy",), ("No such command 'xyzzy'",)),
        (("train",), ("Missing option '--model'",)),
        ((*TRAIN, "--epochs", "0"), ("--epochs", "1")),
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


def test_an_engine_that_is_not_there_is_refused(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_ENGINE", "openvin")
    words = (*TRAIN, "--data", squares, "--epochs", 1, "--out", tmp_path)
    assert_refused(course(*words), "'openvin'", "openvino", "eager")


def test_output_fits_the_encoding_of_a_windows_pipe(squares: Path, tmp_path: Path) -> None:
    """Where stdout is no terminal, Windows gives it cp1252, which has no box characters."""
    process = course_process(*TRAIN, "--data", squares, "--epochs", 1, "--out", tmp_path,
                             PYTHONIOENCODING="cp1252")  # fmt: skip
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "Best epoch 1; test accuracy" in out


@pytest.mark.parametrize("command", ["trace", "predict", "train", "weights", "cache", "doctor"])
def test_every_command_explains_itself(command: str) -> None:
    ended = course(command, "--help")
    assert ended.code == 0
    assert "--json" in ended.out
    assert re.search(rf"Usage: .+ {command} ", ended.out)
