"""Predictions and Parsons problems in a notebook, in a real browser."""

import re
from pathlib import Path

import pytest
from browser import CHROMIUM, opened

from utils.errors import CourseError
from utils.learning.items import exercise_items, lesson_items
from utils.learning.notebook import parsons_page, predict_page, show_parsons, show_predict

LESSON, EXERCISE = "05_resnet", "ex05_residual_block"
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")


def said(page: str, script: str, folder: Path) -> str:
    """What a page says after a script has used it."""
    file = folder / "page.html"
    file.write_text(f"<meta charset=utf-8>{page}<script>{script}</script>", encoding="utf-8")
    return re.search(r'<p role="status">(.*?)</p>', opened(file, folder), re.DOTALL)[1]


@in_a_browser
@pytest.mark.parametrize("kind", ["number", "shape", "choice"])
def test_a_guess_is_compared_with_the_answer(kind: str, tmp_path: Path) -> None:
    asked = next(p for p in lesson_items(LESSON).predictions if p.kind == kind)
    if kind == "choice":
        number = asked.options.index(asked.answer)
        enter = f"document.querySelectorAll('input')[{number}].checked = true;"
    else:
        enter = f"document.querySelector('input').value = {asked.answer!r};"
    click = "document.querySelector('button').click();"
    assert said(predict_page(asked), enter + click, tmp_path).startswith(
        "Right." if kind == "choice" else "Exactly."
    )
    assert "Make a guess first" in said(predict_page(asked), click, tmp_path)


@in_a_browser
def test_the_right_order_is_right_and_a_distractor_is_named(tmp_path: Path) -> None:
    problem = exercise_items(EXERCISE).parsons[-1]
    page, check = parsons_page(problem), "document.querySelector('form > button').click();"
    distractors = [d.code for d in problem.distractors]
    assert "doesn't belong" in said(page, check, tmp_path)
    solve = """
      const press = (code, label) => [...document.querySelectorAll("li")]
        .find((li) => li.querySelector("pre").textContent === code)
        .querySelector(`button[aria-label^="${label}"]`).click();
    """
    rows = [line.code for line in problem.lines]
    for code in distractors:
        solve += f"press({code!r}, 'leave out');"
    for line in problem.lines:
        solve += f"press({line.code!r}, 'more indented');" * line.indent
        solve += f"for (let i = 0; i < {len(rows) + len(distractors)}; i++) "
        solve += f"press({line.code!r}, 'down');"
    assert said(page, solve + check, tmp_path) == "Right."


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(CourseError, match="no prediction 'nothing'"):
        show_predict(LESSON, "nothing")
    with pytest.raises(CourseError, match="no Parsons problem 'nothing'"):
        show_parsons(EXERCISE, "nothing")


def test_a_page_asks_nothing_of_another_host() -> None:
    page = show_predict(LESSON, lesson_items(LESSON).predictions[0].id).data
    assert "http" not in page
    assert "http" not in show_parsons(EXERCISE).data
