"""The components in Debian's Chromium: by keyboard and mouse, with and without storage."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from component_page import EXERCISE, LESSON, bundle, page
from pages import AXE, CHROMIUM, violations

from utils.learning.items import exercise_items, lesson_items
from utils.learning.progress import read_progress
from utils.quiz.bank import find_bank, read_bank

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
NAMES = ("quiz", "cards", "predict", "parsons", "bugs", "progress")
NO_STORAGE = "Object.defineProperty(window, 'indexedDB', { value: undefined });"
FULL = """IDBObjectStore.prototype.put = () => {
  throw new DOMException("full", "QuotaExceededError");
};"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium isn't installed"),
    pytest.mark.skipif(not AXE.exists(), reason="`npm ci` hasn't run in site/"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("components")
    bundle(made)
    return made


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """An empty tab of its own; errors and requests to the outside fail the test."""
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    opened, wrong = context.new_page(), []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request", lambda asked: asked.url[:5] in ("file:", "blob:") or wrong.append(asked.url)
    )
    opened.set_default_timeout(60_000)
    yield opened
    context.close()
    assert not wrong


def answers(tab: Any, folder: Path) -> list[tuple[str, bool]]:
    """What is kept, as the page of progress exports it."""
    tab.goto(page(folder, "progress"))
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export all answers").click()
    return [(answered.item, answered.right) for answered in read_progress(download.value.path())]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_every_element_is_accessible(tab: Any, folder: Path, name: str, theme: str) -> None:
    tab.goto(page(folder, name, theme=theme))
    tab.wait_for_selector(f"course-{name} .course-item, course-{name} table")
    for width in (1000, 390):
        tab.set_viewport_size({"width": width, "height": 900})
        assert violations(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_quiz_by_keyboard_alone_and_kept_over_a_reload(tab: Any, folder: Path) -> None:
    questions = read_bank(find_bank(LESSON)).questions[:3]
    tab.goto(page(folder, "quiz"))
    for number, question in enumerate(questions):
        right = "ABCD".index(question.answer)
        _tab_to(tab, "input[type=radio]:not(:disabled)")
        tab.keyboard.press("Space")
        for _ in range(right if number else (right + 1) % 4):  # the first one is answered wrongly
            tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        focus = tab.evaluate("document.activeElement.textContent")
        assert focus.startswith("Right." if number else "Not ")
        assert question.check in focus
    assert violations(tab) == []
    assert "2 of 3 right" in tab.inner_text(".course-score")
    tab.reload()
    tab.wait_for_selector("text=last time not right")
    assert tab.locator("text=✓ last time right").count() == 2
    kept = [(f"quiz/{q.id}", number > 0) for number, q in enumerate(questions)]
    assert answers(tab, folder) == kept


def _tab_to(tab: Any, selector: str) -> None:
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"the keyboard doesn't reach {selector}")


def test_a_prediction_tells_the_gap(tab: Any, folder: Path) -> None:
    predictions = lesson_items(LESSON).predictions
    tab.goto(page(folder, "predict"))
    number = next(i for i, p in enumerate(predictions) if p.kind == "shape")
    box = tab.locator(".course-item").nth(number)
    box.get_by_role("button", name="Compare").click()
    assert "Type the dimensions first" in box.inner_text()
    box.get_by_label("Your guess").fill(predictions[number].answer)
    tab.keyboard.press("Enter")
    assert "Right. It is" in box.locator(".course-result").inner_text()
    tab.wait_for_selector("text=✓ last time right")
    assert violations(tab) == []


def test_cards_come_one_by_one_and_a_sitting_ends(tab: Any, folder: Path) -> None:
    tab.goto(page(folder, "cards"))
    for known in (True, False, True, True):
        tab.get_by_role("button", name="Show the back").press("Enter")
        tab.get_by_role("button", name="I knew it" if known else "I didn't know it").press("Enter")
    tab.wait_for_selector("text=You knew 3 of 4. The next one comes back on")
    assert "20 new" in tab.inner_text(".course-count")
    assert violations(tab) == []
    tab.get_by_role("button", name="more new cards").click()
    tab.wait_for_selector("text=Show the back")
    assert [right for _, right in answers(tab, folder)] == [True, False, True, True]


def test_a_parsons_problem_is_solved_by_keyboard(tab: Any, folder: Path) -> None:
    problem = exercise_items(EXERCISE).parsons[0]
    tab.goto(page(folder, "parsons"))
    box = tab.locator(".course-item").first
    for stray in problem.distractors:
        _press(_line(box, stray.code), "Leave out")
    for place, line in enumerate(problem.lines):
        row = _line(box, line.code)
        for _ in range(_place(row) - place):
            _press(row, "Up")
        for _ in range(line.indent):
            _press(row, "More indented")
    assert "level 1" in box.locator(".course-say").inner_text()
    box.get_by_role("button", name="Check").press("Enter")
    tab.wait_for_selector("text=✓ last time right")
    assert box.locator(".course-say").inner_text() == "Right."
    assert violations(tab) == []
    assert answers(tab, folder) == [(f"parsons/{problem.id}", True)]


def _line(box: Any, code: str) -> Any:
    """The line with exactly this code, wherever it stands."""
    return box.evaluate_handle(
        "(box, code) => [...box.querySelectorAll('li')]"
        ".find((line) => line.querySelector('code').textContent === code)",
        code,
    ).as_element()


def _press(row: Any, name: str) -> None:
    row.query_selector(f"button[aria-label^='{name}:']").press("Enter")


def _place(row: Any) -> int:
    return row.evaluate("(place) => [...place.parentNode.children].indexOf(place)")


def test_a_line_is_dragged_up_and_set_in(tab: Any, folder: Path) -> None:
    tab.goto(page(folder, "parsons"))
    box = tab.locator(".course-item").first
    row, code = box.locator("li").nth(3), box.locator("li code").nth(3).text_content()
    start, end = (
        row.locator(".course-handle").bounding_box(),
        box.locator("li").first.bounding_box(),
    )
    tab.mouse.move(start["x"] + 5, start["y"] + 5)
    tab.mouse.down()
    tab.mouse.move(start["x"] + 20, start["y"] - 20, steps=3)
    tab.mouse.move(start["x"] + 75, end["y"] + 2, steps=8)
    tab.mouse.up()
    assert box.locator("li code").first.text_content() == code
    assert box.locator(".course-say").inner_text() == "Line 1 of 6, level 2."


def test_another_order_is_not_called_wrong(tab: Any, folder: Path) -> None:
    tab.goto(page(folder, "parsons"))
    box = tab.locator(".course-item").first
    for stray in exercise_items(EXERCISE).parsons[0].distractors:
        _press(_line(box, stray.code), "Leave out")
    box.get_by_role("button", name="Check").click()
    tab.wait_for_selector("text=the one order that this page knows")
    for _ in range(4):
        box.get_by_role("button", name="Check").click()
    assert answers(tab, folder) == []


def test_a_bug_is_found_named_and_mended(tab: Any, folder: Path) -> None:
    hunt = exercise_items(EXERCISE).bugs[0]
    tab.goto(page(folder, "bugs"))
    box = tab.locator(".course-item").first
    box.locator("form").nth(0).locator("input").nth(hunt.first - 1).press("Space")
    tab.keyboard.press("Enter")
    box.get_by_label(hunt.mistake, exact=True).press("Space")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("text=✓ last time right")
    area, compare = box.locator("textarea"), box.get_by_role("button", name="Compare")
    compare.click()
    assert "only the exercise's tests can tell" in box.inner_text()
    mended = hunt.mended.splitlines()[hunt.first - 1 : hunt.last]
    area.fill("\n".join(f"{line}  # mended" for line in mended))
    compare.click()
    assert "Right: this is the mended code." in box.inner_text()
    assert violations(tab) == []
    assert answers(tab, folder) == [(f"bugs/{hunt.id}", True)]


def test_a_file_of_answers_is_imported_once(tab: Any, folder: Path, tmp_path: Path) -> None:
    line = {"at": "2026-03-01T12:00:00.123456Z", "item": "quiz/resnet-zero-branch", "way": "quiz",
            "lesson": LESSON, "right": False}  # fmt: skip
    file = tmp_path / "progress.jsonl"
    file.write_text(json.dumps(line) + '\n{"at": "2026-0', encoding="utf-8")
    tab.goto(page(folder, "progress"))
    tab.set_input_files("input[type=file]", file)
    tab.wait_for_selector("text=1 answer added; 0 were here already. 1 lines could not be read")
    assert tab.get_by_role("row", name=LESSON).locator("td").nth(1).inner_text() == "0/1/8 1 due"
    tab.set_input_files("input[type=file]", file)
    tab.wait_for_selector("text=0 answers added; 1 were here already.")
    file.write_text("a letter to a friend", encoding="utf-8")
    tab.set_input_files("input[type=file]", file)
    tab.wait_for_selector("text=holds no answers")
    tab.get_by_role("button", name="Delete all answers").click()
    assert violations(tab) == []
    tab.get_by_role("button", name="Delete them").press("Enter")
    tab.wait_for_selector("text=1 answer deleted.")
    assert answers(tab, folder) == []


@pytest.mark.parametrize(
    ("lead", "sentence"), [(NO_STORAGE, "stores nothing for this page"), (FULL, "no room left")]
)
def test_without_storage_answers_stay_and_a_sentence_says_so(
    tab: Any, folder: Path, lead: str, sentence: str
) -> None:
    tab.goto(page(folder, "quiz", lead=lead))
    box = tab.locator(".course-item").first
    box.locator("input").first.check()
    box.get_by_role("button", name="Check").click()
    tab.wait_for_selector(f"text={sentence}")
    assert "last time" in box.inner_text()
    assert violations(tab) == []
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export my answers").click()
    assert len(read_progress(download.value.path())) == 1
