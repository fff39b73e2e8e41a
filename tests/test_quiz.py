"""The question bank: its schema, its balance, its proofs, and that a moved key is found."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from utils.errors import CourseError
from utils.lessons import find_lessons
from utils.quiz.bank import LETTERS, Bank, Question, bank_files, find_bank, read_bank
from utils.quiz.notebook import for_jupyterquiz, notebook_quiz
from utils.quiz.proofs import check_key, prove
from utils.quiz.scoring import LEAST_BY_SECTION, SECTIONS, TEST_MIX, draw_test, score

BANKS: dict[str, Bank] = {file.stem: read_bank(file) for file in bank_files()}
QUESTIONS = [question for bank in BANKS.values() for question in bank.questions]
LESSONS = [name for name in BANKS if name != "test"]


def test_every_lesson_has_its_quiz_and_questions_of_the_promised_kinds() -> None:
    assert [file.stem for file in find_lessons()] == LESSONS
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    for number, name in enumerate(LESSONS, 1):
        kinds = Counter(question.kind for question in BANKS[name].questions)
        assert kinds == {"lesson": 3, "practice": 5}, name
        assert {question.lesson for question in BANKS[name].questions} == {number}
    test = BANKS["test"].questions
    assert Counter(q.difficulty for q in test) == {"easy": 10, "medium": 10, "hard": 10}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_proof_holds_for_the_key_and_for_no_other_letter(question: Question) -> None:
    proved = prove(question)
    check_key(question, proved)
    for letter in set(LETTERS) - {question.answer}:  # 378 moved keys in all
        with pytest.raises(CourseError, match=f"but its proof holds for {proved}"):
            check_key(question.model_copy(update={"answer": letter}), proved)


def test_keys_are_spread_over_the_letters() -> None:
    for name in LESSONS:
        keys = Counter(question.answer for question in BANKS[name].questions)
        assert all(1 <= keys[letter] <= 3 for letter in LETTERS), name
    keys = Counter(question.answer for question in QUESTIONS)
    assert all(0.2 <= keys[letter] / len(QUESTIONS) <= 0.3 for letter in LETTERS)
    for bank in BANKS.values():
        row = "".join(question.answer for question in bank.questions)
        assert not re.search(r"(.)\1\1\1", row)


def test_the_right_option_is_seldom_the_longest() -> None:
    def longest(question: Question) -> bool:
        lengths = {letter: len(option.text) for letter, option in question.options.items()}
        right = lengths.pop(question.answer)
        return right > max(lengths.values())

    assert sum(map(longest, QUESTIONS)) <= 0.35 * len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_no_question_gives_its_answer_away(question: Question) -> None:
    texts = [option.text.lower() for option in question.options.values()]
    assert not [text for text in texts if re.search(r"(all|none) of the above", text)]
    right = question.options[question.answer].text
    told = rf"(?<![\w.]){re.escape(right.lower())}(?![\w.])"
    assert not re.search(told, question.stem.lower())
    assert not re.search(told, question.hint.lower())


def broken(question: Question, **options: str) -> Question:
    """A question with other proofs."""
    changed = {
        letter: option.model_copy(update={"true_if": options.get(letter, option.true_if)})
        for letter, option in question.options.items()
    }
    return question.model_copy(update={"options": changed})


@pytest.fixture
def example() -> Question:
    return BANKS["06_vgg"].questions[0]


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


def test_a_proof_that_fails_is_named(example: Question) -> None:
    with pytest.raises(CourseError, match=f"The proof of {example.id} fails: ZeroDivisionError"):
        prove(example.model_copy(update={"setup": "1 / 0"}))
    with pytest.raises(CourseError, match="fails: SyntaxError"):
        prove(broken(example, B="name =="))


def test_a_proof_never_sees_the_key(example: Question) -> None:
    moved = example.model_copy(update={"answer": "A"})
    assert prove(moved) == prove(example.model_copy(update={"answer": "B"})) == prove(example)


def test_an_error_in_a_file_is_told_with_its_line(tmp_path: Path, example: Question) -> None:
    file = tmp_path / "bank.yaml"
    text = find_bank("06").read_text(encoding="utf-8")
    file.write_text(text.replace("difficulty: easy", "difficulty: simple", 1), encoding="utf-8")
    line = text.splitlines().index("  difficulty: easy") + 1
    with pytest.raises(CourseError, match=f"bank.yaml, line {line}: questions.0.difficulty"):
        read_bank(file)
    file.write_text("topic: [", encoding="utf-8")
    with pytest.raises(CourseError, match="line 1: this isn't YAML"):
        read_bank(file)
    content = yaml.safe_load(text)
    content["questions"][1]["id"] = content["questions"][0]["id"]
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CourseError, match="two questions are called"):
        read_bank(file)


def test_an_unknown_quiz_is_named() -> None:
    with pytest.raises(CourseError, match="no quiz '77'"):
        find_bank("77")
    assert find_bank("1").stem == "01_input_image"


def test_a_drawn_test_has_the_promised_mix_and_depends_on_its_seed() -> None:
    draws = [draw_test(BANKS["test"], seed) for seed in range(30)]
    for drawn in draws:
        assert Counter(q.difficulty for q in drawn) == TEST_MIX
        for section in SECTIONS:
            assert sum(q.lesson in section for q in drawn) >= LEAST_BY_SECTION
    assert draw_test(BANKS["test"], 5) == draws[5]
    assert any(first != second for first, second in pairwise(draws))


def test_a_bank_without_the_mix_is_refused() -> None:
    bank = BANKS["test"]
    without = [q for q in bank.questions if q.difficulty != "hard"]
    first_lesson = [q.model_copy(update={"lesson": 1}) for q in bank.questions]
    for questions in (without, first_lesson):
        with pytest.raises(CourseError, match="No test can be drawn"):
            draw_test(bank.model_copy(update={"questions": tuple(questions)}), 0)


def test_the_verdict_follows_the_stated_rule() -> None:
    bank = BANKS["test"].questions
    wrong = {q.id: next(x for x in LETTERS if x != q.answer) for q in bank}

    def verdict(right: int) -> str:
        return score(
            [(q, q.answer if n < right else wrong[q.id]) for n, q in enumerate(bank)]
        ).verdict

    assert verdict(30) == "strong"
    assert verdict(20) == "nearly"
    assert verdict(0).startswith("review lesson ")
    hard_ones_wrong = [(q, wrong[q.id] if q.difficulty == "hard" else q.answer) for q in bank]
    assert score(hard_ones_wrong).verdict == "nearly"


def test_in_a_notebook_every_answer_has_its_explanation_in_one_column() -> None:
    shown = for_jupyterquiz(BANKS["03_classification_layer"].of_kind("lesson")[0])
    assert shown["answer_cols"] == 1
    assert [answer["correct"] for answer in shown["answers"]].count(True) == 1
    assert all(len(answer["feedback"]) > 10 for answer in shown["answers"])


def test_the_notebook_quiz_asks_no_other_host_and_stays_the_same() -> None:
    texts = notebook_quiz("05_resnet")
    assert not re.search(r"https?://(?!www\.w3\.org)", "".join(texts))
    assert texts == notebook_quiz("05_resnet")
    assert BANKS["05_resnet"].questions[0].topic not in texts[0]
    assert texts[1].count('"correct": true') == 3
