"""A deck for Anki with the course's cards; importing a newer one keeps a learner's schedule."""

import re
from collections.abc import Sequence
from pathlib import Path

import mistune

from utils.errors import CourseError
from utils.learning.items import Card
from utils.lessons import LESSONS

# Anki knows a model and a deck by their numbers again: chosen once, at random, and never changed.
MODEL, DECK = 1_703_264_518, 2_041_187_366
GUIDS = "vision-course"  # with the card's id, what Anki knows a card by
FRONT = "{{Front}}<p class=lesson>{{Lesson}}</p>"
BACK = "{{Front}}<hr id=answer>{{Back}}<p>{{Picture}}</p><p class=lesson>{{Lesson}}</p>"
STYLE = """
.card { font-family: sans-serif; font-size: 18px; text-align: left; max-width: 40em; margin: auto; }
pre, code { font-family: monospace; font-size: 15px; } pre { overflow-x: auto; }
.lesson { color: #767676; font-size: 13px; } img { max-width: 100%; background: #fff; }
"""
FORMULA = re.compile(r"\$([^$\n]+)\$")


def write_deck(cards: Sequence[Card], file: Path) -> None:
    """Write cards into an .apkg file, with the pictures that they show.

    Raises:
        CourseError: the name doesn't end in .apkg, or the file can't be written.
    """
    import genanki

    if file.suffix != ".apkg":
        raise CourseError(f"Anki opens .apkg files: give {file.name} that ending.")
    fields = [{"name": name} for name in ("Id", "Front", "Back", "Picture", "Lesson")]
    model = genanki.Model(
        MODEL, "Vision course", fields=fields, css=STYLE,
        templates=[{"name": "Card", "qfmt": FRONT, "afmt": BACK}],
    )  # fmt: skip
    deck, pictures = genanki.Deck(DECK, "Pre-trained vision models"), set()
    for card in cards:
        if card.picture:
            pictures.add(str(LESSONS / card.picture))
        deck.add_note(genanki.Note(
            model=model, guid=genanki.guid_for(GUIDS, card.id), tags=[card.lesson, card.kind],
            fields=[card.id, to_html(card.front), to_html(card.back), _image(card), card.lesson],
        ))  # fmt: skip
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        package = genanki.Package(deck)
        package.media_files = sorted(pictures)
        package.write_to_file(str(file))
    except OSError as error:
        raise CourseError(
            f"{file} can't be written ({error.strerror or error}): choose another folder."
        ) from error


def to_html(markdown: str) -> str:
    """A side of a card as Anki shows it; formulas between dollars are set by its MathJax."""
    return mistune.html(FORMULA.sub(r"\\\\(\1\\\\)", markdown)).strip()


def _image(card: Card) -> str:
    return f'<img src="{Path(card.picture).name}">' if card.picture else ""
