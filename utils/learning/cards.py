"""Cards for spaced repetition: questions, the key insight, terms and shapes of a lesson."""

import re
from functools import cache

from utils.errors import CourseError
from utils.learning.items import Card
from utils.learning.predictions import table_rows
from utils.learning.sources import Term, lesson_source
from utils.lessons import LESSONS, code_cells, read_notebook
from utils.quiz.bank import Question, find_bank, read_bank

AMONG = re.compile(r"\b[Ww]hich\b|\bof these\b|\bthese (?:four|lines|sentences)")
SHAPE = re.compile(r"\d+(?:×\d+){1,3}")
MOST_SHAPES = 5
BLANK = "\\_\\_\\_\\_\\_"
SENTENCE = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z*$\[`\"“])")
PICTURE = re.compile(r"!\[[^\]]*\]\((diagrams/[\w-]+\.svg)\)")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def cards_of(lesson: str) -> list[Card]:
    """A lesson's cards: its questions, its key insight, its terms.

    Raises:
        CourseError: the lesson doesn't introduce a term in its own words.
    """
    bank = read_bank(find_bank(lesson))
    insight = Card(
        id=f"{lesson[:2]}-insight", lesson=lesson, kind="insight", back=bank.key_insight,
        front=f"What is the key insight of lesson {lesson_title(lesson)}?",
        picture=first_picture(lesson),
    )  # fmt: skip
    questions = [question_card(lesson, question) for question in bank.questions]
    terms = [term_card(lesson, term) for term in lesson_source(lesson).terms]
    return [*questions, insight, *terms, *shape_cards(lesson)]


def question_card(lesson: str, question: Question) -> Card:
    """A question; its options are shown only where it can't be answered without them."""
    code = f"\n\n```python\n{question.code.rstrip()}\n```" if question.code else ""
    right = question.options[question.answer]
    choices = "\n".join(f"- {option.text}" for option in question.options.values())
    among = f"\n\n{choices}" if AMONG.search(question.stem) else ""
    return Card(
        id=f"q-{question.id}", lesson=lesson, kind="question",
        front=f"{question.stem}{code}{among}", back=f"**{right.text}**\n\n{right.why}",
    )  # fmt: skip


def shape_cards(lesson: str) -> list[Card]:
    """A card for each row of the lesson's tables of shapes, as C×H×W."""
    found: dict[str, Card] = {}
    for cell in code_cells(read_notebook(LESSONS / f"{lesson}.ipynb")):
        head, *rows = table_rows(cell) or [[]]
        for position, column in enumerate(head):
            shapes = [row for row in rows if len(row) > position and SHAPE.fullmatch(row[position])]
            if position == 0 or len(shapes) < 2:
                continue
            for row in shapes[:MOST_SHAPES]:
                name = re.sub(r"[^a-z0-9]+", "-", row[0].lower()).strip("-")
                found[name] = Card(
                    id=f"{lesson[:2]}-shape-{name}", lesson=lesson, kind="shape",
                    front=f"{head[0]} **{row[0]}**: which shape has the {column}?",
                    back=f"**{row[position]}**",
                )  # fmt: skip
    return list(found.values())[:MOST_SHAPES]


def term_card(lesson: str, term: str | Term) -> Card:
    """A term left out of the sentence that introduces it, or asked for by what it means."""
    name = term if isinstance(term, str) else term.term
    marked = re.compile(rf"(?<!\*)\*{re.escape(name)}\*(?!\*)")
    sentence = next(filter(marked.search, _sentences(lesson)), None)
    if sentence is None:
        raise CourseError(f"learning/{lesson}.yaml: the lesson introduces no term '*{name}*'.")
    if isinstance(term, str):
        anywhere = re.compile(rf"(?<!\w)\*?{re.escape(name)}s?\*?(?!\w)", re.IGNORECASE)
        front, back = anywhere.sub(BLANK, sentence), f"**{name}**\n\n{sentence}"
    else:
        front, back = f"{term.means} What is it called?", f"**{name}**"
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return Card(id=f"{lesson[:2]}-term-{slug}", lesson=lesson, kind="term", front=front, back=back)


def first_picture(lesson: str) -> str:
    """The lesson's first diagram, a file beside the lessons."""
    cells = read_notebook(LESSONS / f"{lesson}.ipynb").cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return found.group(1) if (found := PICTURE.search(prose)) else ""


def lesson_title(lesson: str) -> str:
    """A lesson's number and title, as in "5. ResNet: …"."""
    return read_notebook(LESSONS / f"{lesson}.ipynb").cells[0].source.splitlines()[0].lstrip("# ")


@cache
def _sentences(lesson: str) -> tuple[str, ...]:
    """The sentences of a lesson's prose; links are their text."""
    found: list[str] = []
    for cell in read_notebook(LESSONS / f"{lesson}.ipynb").cells:
        if cell.cell_type == "markdown":
            for paragraph in re.split(r"\n\s*\n|\n(?=- |\d\. )", cell.source):
                text = LINK.sub(r"\1", " ".join(paragraph.split())).removeprefix("- ")
                found += SENTENCE.split(text)
    return tuple(found)
