"""The question bank for a learning platform: QTI (Canvas), GIFT (Moodle) or CSV."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from utils.errors import CourseError
from utils.files import write_file
from utils.quiz.bank import LETTERS, Question
from utils.settings import ExportFormat

ENDINGS = {"qti": ".zip", "gift": ".gift.txt", "csv": ".csv"}


def export_quiz(questions: Sequence[Question], title: str, form: str, file: Path) -> None:
    """Write questions with their keys, explanations and hints; raises CourseError."""
    writers = {"qti": _as_qti, "gift": _as_gift, "csv": _as_csv}
    if form not in writers:
        raise CourseError(f"Unknown format '{form}': use {', '.join(ExportFormat)}.")
    write_file(file, writers[form](questions, title))


def _as_qti(questions: Sequence[Question], title: str) -> bytes:
    from text2qti.config import Config
    from text2qti.qti import QTI
    from text2qti.quiz import Quiz

    text = f"Quiz title: {title}\n\n" + "\n".join(
        _for_text2qti(number, question) for number, question in enumerate(questions, 1)
    )
    return QTI(Quiz(text, config=Config(), source_name=title)).zip_bytes()


def _for_text2qti(number: int, question: Question) -> str:
    """A question in text2qti's notation; what would be markup is escaped."""
    lines = [f"Title: {question.id}", f"{number}. {_plain(question.stem)}"]
    if question.code:
        lines += ["", "    ```python"]
        lines += [f"    {line}" for line in question.code.rstrip().splitlines()]
        lines += ["    ```", ""]
    lines.append(f"... {_plain(question.hint)}")
    for letter, option in question.options.items():
        mark = "*" if letter == question.answer else ""
        lines += [f"{mark}{letter.lower()}) {_plain(option.text)}", f"... {_plain(option.why)}"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """One line of Markdown that shows exactly this text."""
    return re.sub(r"([\\`*_{}\[\]<>$#])", r"\\\1", " ".join(text.split()))


def _as_gift(questions: Sequence[Question], title: str) -> str:
    parts = [f"// {title}\n$CATEGORY: {title}\n"]
    for question in questions:
        code = f"\n{question.code.rstrip()}" if question.code else ""
        answers = "\n".join(
            f"\t{'=' if letter == question.answer else '~'}{_gift(option.text)}#{_gift(option.why)}"
            for letter, option in question.options.items()
        )
        parts.append(f"::{question.id}::{_gift(question.stem + code)} {{\n{answers}\n}}\n")
    return "\n".join(parts)


def _gift(text: str) -> str:
    """Text for GIFT: its signs escaped, line ends written out."""
    return re.sub(r"([~=#{}:\\])", r"\\\1", text).replace("\n", "\\n")


def _as_csv(questions: Sequence[Question], title: str) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    explained = [f"why {letter}" for letter in LETTERS]
    writer.writerow(
        ["quiz", "id", "difficulty", "stem", "code", *LETTERS, "answer", *explained, "hint"]
    )
    for q in questions:
        texts = [q.options[letter].text for letter in LETTERS]
        whys = [q.options[letter].why for letter in LETTERS]
        row = [title, q.id, q.difficulty, q.stem, q.code, *texts, q.answer, *whys, q.hint]
        writer.writerow(row)
    return buffer.getvalue()
