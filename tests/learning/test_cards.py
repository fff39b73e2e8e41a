"""Cards, and the deck for Anki, opened by Anki's own library."""

import time
from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.learning.anki import to_html, write_deck
from utils.learning.cards import BLANK, question_card, term_card
from utils.learning.items import Card, lesson_items
from utils.learning.sources import Term
from utils.quiz.bank import find_bank, read_bank

LESSON = "05_resnet"


def test_a_term_is_left_out_of_the_sentence_that_introduces_it() -> None:
    card = term_card(LESSON, "shortcut")
    assert BLANK in card.front
    assert "shortcut" not in card.front
    assert "*shortcut*" in card.back


def test_a_term_may_be_asked_for_by_what_it_means() -> None:
    card = term_card(LESSON, Term(term="shortcut", means="The path past the residual branch."))
    assert card.front == "The path past the residual branch. What is the term?"


def test_a_term_that_the_lesson_does_not_introduce_is_named() -> None:
    with pytest.raises(CourseError, match=r"introduces no term .*perceptron"):
        term_card(LESSON, "perceptron")


def test_options_are_shown_only_where_the_question_is_about_them() -> None:
    question = read_bank(find_bank(LESSON)).questions[0]
    options = [f"- {option.text}" for option in question.options.values()]
    hidden = question_card(LESSON, question).front
    shown = question_card(LESSON, question.model_copy(update={"among_options": True})).front
    assert not any(option in hidden for option in options)
    assert all(option in shown for option in options)


def test_a_shape_card_asks_for_a_row_of_a_table() -> None:
    card = next(card for card in lesson_items("07_efficientnet").cards if card.kind == "shape")
    assert card.front.endswith("What shape leaves its step **expand**?")
    assert card.back == "**1×144×56×56**"


def test_code_and_formulas_are_markup_in_anki() -> None:
    page = to_html("$y = x + F(x)$\n\n```python\nx < y\n```")
    assert "\\(y = x + F(x)\\)" in page
    assert "<pre>" in page
    assert "x &lt; y" in page


@pytest.fixture
def cards() -> list[Card]:
    return list(lesson_items(LESSON).cards)


def imported(collection: "Collection", file: Path) -> None:  # noqa: F821 (anki is imported late)
    from anki.collection import ImportAnkiPackageOptions, ImportAnkiPackageRequest

    options = ImportAnkiPackageOptions(merge_notetypes=True, with_scheduling=False)
    collection.import_anki_package(
        ImportAnkiPackageRequest(package_path=str(file), options=options)
    )


def test_a_newer_deck_changes_a_card_and_keeps_its_schedule(
    cards: list[Card], tmp_path: Path
) -> None:
    from anki.collection import Collection

    write_deck(cards, tmp_path / "old.apkg")
    edited = cards[0].model_copy(update={"back": "A better answer."})
    time.sleep(1.1)  # Anki asks which note is newer, in whole seconds
    write_deck([edited, *cards[1:]], tmp_path / "new.apkg")
    collection = Collection(str(tmp_path / "collection.anki2"))
    imported(collection, tmp_path / "old.apkg")
    notes = {collection.get_note(n).guid: n for n in collection.find_notes("")}
    assert len(notes) == len(collection.find_cards("")) == len(cards)
    learned = collection.find_cards(f"Id:{cards[0].id}")
    collection.sched.set_due_date(learned, "20")
    due = collection.get_card(learned[0]).due
    imported(collection, tmp_path / "new.apkg")
    assert {collection.get_note(n).guid: n for n in collection.find_notes("")} == notes
    assert collection.find_cards(f"Id:{cards[0].id}") == learned
    assert collection.get_card(learned[0]).due == due
    assert "A better answer." in collection.get_card(learned[0]).note()["Back"]
    collection.close()


def test_pictures_are_inside_the_deck(cards: list[Card], tmp_path: Path) -> None:
    from anki.collection import Collection

    write_deck(cards, tmp_path / "deck.apkg")
    collection = Collection(str(tmp_path / "collection.anki2"))
    imported(collection, tmp_path / "deck.apkg")
    pictures = {Path(card.picture).name for card in cards if card.picture}
    assert pictures
    assert {file.name for file in Path(collection.media.dir()).iterdir()} == pictures
    collection.close()


def test_a_deck_under_another_ending_is_refused(cards: list[Card], tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"deck\.zip"):
        write_deck(cards, tmp_path / "deck.zip")
