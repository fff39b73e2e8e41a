"""Cards for spaced repetition: questions, the key insight, terms and shapes of a lesson."""

import re
from functools import cache

from utils.errors import CourseError
from utils.learning.items import Card
from utils.learning.predictions import table_rows
from utils.learning.sources import Term, lesson_source
from utils.lessons import LESSONS, code_cells, read_notebook
from utils.quiz.bank import Question, find_bank, read_bank

SHAPE = re.compile(r"\d+(?:×\d+){1,3}")
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
    among = f"\n\n{choices}" if question.among_options else ""
    return Card(
        id=f"q-{question.id}", lesson=lesson, kind="question",
        front=f"{question.stem}{code}{among}", back=f"**{right.text}**\n\n{right.why}",
    )  # fmt: skip


def shape_cards(lesson: str) -> list[Card]:
    """A card for each row of the tables of shapes that the lesson's source names.

    Raises:
        CourseError: a cell without such a table.
    """
    cells = {cell.id: cell for cell in code_cells(read_notebook(LESSONS / f"{lesson}.ipynb"))}
    cards = []
    for asked in lesson_source(lesson).shapes:
        head, *rows = table_rows(cells[asked.cell]) if asked.cell in cells else [[]]
        if asked.column not in head:
            raise CourseError(f"learning/{lesson}.yaml: {asked.cell} has no {asked.column}.")
        position = head.index(asked.column)
        for row in rows:
            if (not asked.rows or row[0] in asked.rows) and (shape := SHAPE.match(row[position])):
                front = asked.ask.replace("{row}", f"**{row[0]}**")
                back = f"**{shape.group()}**"
                name = f"{lesson[:2]}-shape-{_slug(row[0])}"
                cards.append(Card(id=name, lesson=lesson, kind="shape", front=front, back=back))
    return cards


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def term_card(lesson: str, term: str | Term) -> Card:
    """A term left out of the sentence that introduces it, or asked for by what it means."""
    name = term if isinstance(term, str) else term.term
    marked = re.compile(rf"(?<!\*)\*{re.escape(name)}\*(?!\*)", re.IGNORECASE)
    sentence = next(filter(marked.search, _sentences(lesson)), None)
    if sentence is None:
        raise CourseError(f"learning/{lesson}.yaml: the lesson introduces no term '*{name}*'.")
    if isinstance(term, str):
        anywhere = re.compile(rf"(?<!\w)\*?{re.escape(name)}s?\*?(?!\w)", re.IGNORECASE)
        front, back = anywhere.sub(BLANK, sentence), f"**{name}**\n\n{sentence}"
    else:
        front, back = f"{term.means} What is the term?", f"**{name}**"
    return Card(
        id=f"{lesson[:2]}-term-{_slug(name)}", lesson=lesson, kind="term", front=front, back=back
    )


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
