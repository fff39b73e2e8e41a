"""What several of these tests begin with."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from class_of_students import NAME, SECONDS, submissions
from typer.testing import CliRunner

from utils.cli import app, main


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A grading folder with all these submissions."""
    folder = tmp_path_factory.mktemp("grading")
    submissions(folder / "submitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_GRADING", str(folder))
        yield folder


@pytest.fixture(scope="module")
def graded(class_folder: Path) -> dict[str, dict]:
    """What `course grade --json` says of each student."""
    command = ["grade", NAME, "--seconds", str(SECONDS), "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    return {own["student"]: own for own in json.loads(result.stdout)["students"]}


@pytest.fixture
def course(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What the command says to bad input, on one line."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        return " ".join(capsys.readouterr().err.split())

    return run
