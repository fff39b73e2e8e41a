"""Quizzes in a notebook."""

import html
import re

from banks import BANKS

from utils.quiz.bank import Question
from utils.quiz.notebook import for_jupyterquiz, notebook_quiz


def test_in_a_notebook_every_answer_has_its_explanation_in_one_column() -> None:
    shown = for_jupyterquiz(BANKS["03_classification_layer"].of_kind("lesson")[0])
    assert shown["answer_cols"] == 1
    assert [answer["correct"] for answer in shown["answers"]].count(True) == 1
    assert all(len(answer["feedback"]) > 10 for answer in shown["answers"])


def test_code_is_shown_as_code_and_every_other_sign_as_it_is(code_question: Question) -> None:
    shown = for_jupyterquiz(code_question)
    assert html.unescape(shown["code"]) == code_question.code
    assert "<" not in shown["code"]
    assert "What is <code>x</code> here" in shown["question"]
    assert "[a] &lt;b&gt;?" in shown["question"]
    assert shown["answers"][0]["answer"] == "A. <code>x[_1] = a*b*c</code>, if a &lt; b"


def test_the_notebook_quiz_asks_no_other_host_and_stays_the_same() -> None:
    texts = notebook_quiz("05_resnet")
    assert not re.search(r"https?://(?!www\.w3\.org)", "".join(texts))
    assert texts == notebook_quiz("05_resnet")
    assert BANKS["05_resnet"].questions[0].topic not in texts[0]
    assert texts[1].count('"correct": true') == 3
