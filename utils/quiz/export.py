"""The question bank for a learning platform: QTI (Canvas), GIFT (Moodle) or CSV."""

import csv
import html
import io
import re
from collections.abc import Sequence
from pathlib import Path

from utils.errors import CourseError
from utils.files import write_file
from utils.quiz.bank import LETTERS, Question
from utils.quiz.markup import as_html, as_markdown
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
    lines = [f"Title: {question.id}", f"{number}. {as_markdown(question.stem)}"]
    if question.code:  # under the first letter of the stem, or it is no block of code
        block = ["```python", *question.code.rstrip().splitlines(), "```"]
        lines += ["", *(" " * len(f"{number}. ") + line for line in block), ""]
    lines.append(f"... {as_markdown(question.hint)}")
    for letter, option in question.options.items():
        mark = "*" if letter == question.answer else ""
        lines.append(f"{mark}{letter.lower()}) {as_markdown(option.text)}")
        lines.append(f"... {as_markdown(option.why)}")
    return "\n".join(lines) + "\n"


def _as_gift(questions: Sequence[Question], title: str) -> str:
    """GIFT in HTML: Moodle's own format would lose the indentation of code."""
    parts = [f"// {title}\n$CATEGORY: {title}\n"]
    for question in questions:
        stem = f"<p>{as_html(question.stem)}</p>"
        if question.code:
            stem += f"<pre><code>{html.escape(question.code.rstrip())}</code></pre>"
        answers = "\n".join(
            f"\t{'=' if letter == question.answer else '~'}"
            f"{_gift(as_html(option.text))}#{_gift(as_html(option.why))}"
            for letter, option in question.options.items()
        )
        parts.append(f"::{question.id}::[html]{_gift(stem)} {{\n{answers}\n}}\n")
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
