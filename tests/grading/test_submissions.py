"""Submissions: collected from folders and zips; bad ones are told."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from class_of_students import NAIVE, NAME, notebook
from typer.testing import CliRunner

from utils.cli import app
from utils.grading import assignments as exercises
from utils.grading import submissions as collecting
from utils.grading.grader_tests import hand_in


def test_a_zip_or_folder_of_notebooks_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    inbox = tmp_path / "inbox"
    (inbox / "Grace Hopper" / NAME).mkdir(parents=True)
    nbformat.write(notebook(), inbox / "Ada Lovelace.ipynb")
    nbformat.write(notebook(softmax=NAIVE), inbox / "Grace Hopper" / NAME / f"{NAME}.ipynb")
    other = exercises.read_notebook(exercises.EXERCISES / "ex10_final_test/ex10_final_test.ipynb")
    nbformat.write(other, inbox / "Grace Hopper" / "ex10_final_test.ipynb")
    (inbox / "__MACOSX").mkdir()
    (inbox / "__MACOSX" / "._Ada Lovelace.ipynb").write_text("not for anybody", encoding="utf-8")
    packed = shutil.make_archive(str(tmp_path / "class"), "zip", inbox)
    for source in (str(inbox), packed):
        command = ["grade", NAME, "--submissions", source, "--json"]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        scores = {own["student"]: own["score"] for own in json.loads(result.stdout)["students"]}
        assert scores == {"Ada Lovelace": 10, "Grace Hopper": 9}


def test_bad_input_gets_one_sentence(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    assert "did you mean ex03_softmax_head" in course("grade", "ex03_softmax")
    assert "There are no submissions" in course("grade", NAME)
    assert "isn't there" in course("grade", NAME, "--submissions", tmp_path / "nowhere")
    assert "Nothing was graded yet" in course("grades")
    text = tmp_path / "essay.txt"
    text.write_text("My answers", encoding="utf-8")
    assert "neither a folder nor a zip" in course("grade", NAME, "--submissions", text)
    (tmp_path / "only texts").mkdir()
    shutil.copy(text, tmp_path / "only texts")
    assert "holds no notebook" in course("grade", NAME, "--submissions", tmp_path / "only texts")
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("Ada.ipynb", nbformat.writes(notebook()))
    damaged.write_bytes(damaged.read_bytes().replace(b"softmax", b"hardmax", 1))
    assert "can't be unpacked" in course("grade", NAME, "--submissions", damaged)
    for compression in (zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(damaged, "w", compression) as archive:
            archive.writestr("Ada.ipynb", nbformat.writes(notebook()))
        content = bytearray(damaged.read_bytes())
        content[60:90] = bytes(30)
        damaged.write_bytes(content)
        assert "can't be unpacked" in course("grade", NAME, "--submissions", damaged)
    monkeypatch.setattr(collecting, "LARGEST_ZIP", 1000)
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("Ada", "Grace"):
            archive.writestr(f"{name}.ipynb", " " * 900)
    assert "would unpack to more than" in course("grade", NAME, "--submissions", damaged)
    escaping = tmp_path / "escaping.zip"
    with zipfile.ZipFile(escaping, "w") as archive:
        archive.writestr("../../Ada.ipynb", nbformat.writes(notebook()))
    assert "leads out of it" in course("grade", NAME, "--submissions", escaping)
    hand_in(NAME, "Ada", notebook(), tmp_path / "grading" / "submitted")
    assert "'Adam' has handed in nothing" in course("grade", NAME, "--student", "Adam")
