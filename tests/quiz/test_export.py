"""Exports: the same keys on every platform."""

import csv
import html
import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from utils.errors import CourseError
from utils.quiz.bank import LETTERS, Question, bank_files, read_bank
from utils.quiz.export import export_quiz


@pytest.fixture(scope="module")
def bank() -> tuple[Question, ...]:
    return tuple(q for file in bank_files() for q in read_bank(file).questions)


def read_qti(file: Path) -> ElementTree.Element:
    with zipfile.ZipFile(file) as archive:
        name = max((i for i in archive.infolist() if i.filename.endswith(".xml")),
                   key=lambda info: info.file_size)  # fmt: skip
        return ElementTree.fromstring(archive.read(name))


def test_the_qti_file_holds_the_same_keys(bank: tuple[Question, ...], tmp_path: Path) -> None:
    export_quiz(bank, "course", "qti", tmp_path / "quiz.zip")
    tree = read_qti(tmp_path / "quiz.zip")
    space = {"q": tree.tag.split("}")[0].strip("{")}
    items = tree.findall(".//q:item", space)
    assert [item.get("title") for item in items] == [question.id for question in bank]
    for item, question in zip(items, bank, strict=True):
        choices = [label.get("ident") for label in item.findall(".//q:response_label", space)]
        right = [
            condition.find(".//q:varequal", space).text
            for condition in item.findall(".//q:respcondition", space)
            if condition.find("q:setvar", space) is not None
        ]
        assert [LETTERS[choices.index(ident)] for ident in right] == [question.answer]


def test_the_gift_file_holds_the_same_keys(bank: tuple[Question, ...], tmp_path: Path) -> None:
    export_quiz(bank, "course", "gift", tmp_path / "quiz.txt")
    text = (tmp_path / "quiz.txt").read_text(encoding="utf-8")
    blocks = re.findall(r"^::(.+?)::.*?(?<!\\)\{\n(.*?)^\}$", text, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in blocks] == [question.id for question in bank]
    for (_, body), question in zip(blocks, bank, strict=True):
        marks = [line.strip()[0] for line in body.splitlines()]
        assert [letter for letter, mark in zip(LETTERS, marks, strict=True) if mark == "="] == [
            question.answer
        ]


def test_the_csv_file_holds_the_same_keys(bank: tuple[Question, ...], tmp_path: Path) -> None:
    export_quiz(bank, "course", "csv", tmp_path / "quiz.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "quiz.csv").read_text(encoding="utf-8"))))
    assert [(row["id"], row["answer"]) for row in rows] == [(q.id, q.answer) for q in bank]


def code_blocks(page: str) -> list[str]:
    found = re.findall(r"<pre><code[^>]*>(.*?)</code></pre>", page, re.DOTALL)
    return [html.unescape(text).rstrip("\n") for text in found]


def test_code_keeps_its_lines_in_qti(code_question: Question, tmp_path: Path) -> None:
    # numbers of one, two and three digits move the text to the right
    many = [code_question.model_copy(update={"id": f"q{n}", "stem": f"{code_question.stem} {n}"})
            for n in range(101)]  # fmt: skip
    export_quiz(many, "course", "qti", tmp_path / "quiz.zip")
    texts = [e.text for e in read_qti(tmp_path / "quiz.zip").iter() if e.tag.endswith("mattext")]
    stems = [text for text in texts if "What is" in text]
    assert len(stems) == len(many)
    for n, stem in enumerate(stems):
        assert code_blocks(stem) == [code_question.code]
        assert stem.startswith(
            f"<p>What is <code>x</code> here, if 2 * 3 &gt; $5 and [a] &lt;b&gt;? {n}</p>"
        )
    assert "<p><code>x[_1] = a*b*c</code>, if a &lt; b</p>" in texts


def test_code_keeps_its_lines_in_gift(code_question: Question, tmp_path: Path) -> None:
    export_quiz([code_question], "course", "gift", tmp_path / "quiz.txt")
    text = (tmp_path / "quiz.txt").read_text(encoding="utf-8")
    stem, answers = text.split("::")[2].split(" {\n")
    assert stem.startswith("[html]")
    assert "\n" not in stem
    plain = re.sub(r"\\([~=#{}:\\])", r"\1", stem.replace("\\n", "\n"))
    assert code_blocks(plain) == [code_question.code]
    assert "here, if 2 * 3 &gt; $5 and [a] &lt;b&gt;?</p>" in plain
    assert answers.startswith("\t~<code>x[_1] \\= a*b*c</code>, if a &lt; b#")


def test_code_keeps_its_lines_in_a_table(code_question: Question, tmp_path: Path) -> None:
    export_quiz([code_question], "course", "csv", tmp_path / "quiz.csv")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "quiz.csv").read_text(encoding="utf-8")))
    assert (row["stem"], row["code"]) == (code_question.stem, code_question.code)


def test_an_unknown_format_is_named(bank: tuple[Question, ...], tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="Unknown format 'doc': use qti, gift, csv"):
        export_quiz(bank, "course", "doc", tmp_path / "quiz.doc")
