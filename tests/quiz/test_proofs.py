"""Proofs: each holds for the key and for no other letter; weak ones are refused."""

import re

import pytest
from banks import QUESTIONS

from utils.errors import CourseError
from utils.quiz.bank import LETTERS, Question
from utils.quiz.proofs import check_key, prove


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_proof_holds_for_the_key_and_for_no_other_letter(question: Question) -> None:
    proved = prove(question)
    check_key(question, proved)
    for letter in set(LETTERS) - {question.answer}:
        with pytest.raises(CourseError, match=f"but its proof holds for {proved}"):
            check_key(question.model_copy(update={"answer": letter}), proved)


def broken(question: Question, **options: str) -> Question:
    """A question with other proofs."""
    changed = {
        letter: option.model_copy(update={"true_if": options.get(letter, option.true_if)})
        for letter, option in question.options.items()
    }
    return question.model_copy(update={"options": changed})


def test_a_proof_that_holds_twice_or_never_is_refused(example: Question) -> None:
    everything = dict.fromkeys(LETTERS, "len(name) > 0")
    with pytest.raises(CourseError, match="holds for A and B and C and D"):
        prove(broken(example, **everything))
    nothing = dict.fromkeys(LETTERS, "len(name) < 0")
    with pytest.raises(CourseError, match="holds for no option"):
        prove(broken(example, **nothing))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_no_option_is_true_without_what_the_setup_computes(question: Question) -> None:
    imports = [line for line in question.setup.splitlines() if re.match("(from|import) ", line)]
    with pytest.raises(CourseError, match=r"fails|no option"):
        prove(question.model_copy(update={"setup": "\n".join(imports)}))


def test_a_proof_without_a_library_is_refused(example: Question) -> None:
    table = broken(example, A="key == 'A'", B="key == 'B'", C="key == 'C'", D="key == 'D'")
    with pytest.raises(CourseError, match="imports none of"):
        prove(table.model_copy(update={"setup": "key = 'C'"}))
    with pytest.raises(CourseError, match="is a constant"):
        prove(broken(example, A="True"))


def test_a_proof_runs_the_code_that_the_question_shows(example: Question) -> None:
    setup = "import numpy as np\nnumber = 3\nname = printed(code)"
    shown = example.model_copy(update={"setup": setup, "code": "print(np.ones(number).sum())"})
    assert prove(broken(shown, B="name == '3.0'", D="name == '4.0'")) == "B"
    fails = shown.model_copy(update={"code": "print(1)\nnumber.upper()"})
    assert prove(broken(fails, C="name == 'AttributeError'", D="name == '1'")) == "C"


PRINTS = [
    question
    for question in QUESTIONS
    if question.stem == "What does this print?" and "= printed(code)\n" in f"{question.setup}\n"
]


@pytest.mark.parametrize("question", PRINTS, ids=lambda question: question.id)
def test_what_is_said_to_be_printed_is_compared_as_it_is(question: Question) -> None:
    for option in question.options.values():
        assert option.true_if.endswith(f" == {option.text!r}")


def test_a_proof_that_fails_is_named(example: Question) -> None:
    with pytest.raises(CourseError, match=f"The proof of {example.id} fails: ZeroDivisionError"):
        prove(example.model_copy(update={"setup": "import torch\n1 / 0"}))
    with pytest.raises(CourseError, match="fails: SyntaxError"):
        prove(broken(example, B="name =="))


def test_a_proof_never_sees_the_key(example: Question) -> None:
    moved = example.model_copy(update={"answer": "A"})
    assert prove(moved) == prove(example.model_copy(update={"answer": "B"})) == prove(example)
