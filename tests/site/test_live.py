"""The live page as it is built: its code out of the lessons, and nothing from outside."""

import re

import pytest

from utils.errors import CourseError
from utils.site.live import CODE, PAGE, lesson_code


@pytest.mark.parametrize("name", CODE)
def test_each_view_shows_code_of_a_lesson(name: str) -> None:
    shown = lesson_code(f"live-{name}")
    assert re.match(r"\d\d_", shown["lesson"])
    assert shown["code"].strip()


def test_a_tag_that_no_cell_has_is_named() -> None:
    with pytest.raises(CourseError, match="live-nothing"):
        lesson_code("live-nothing")


def test_page_asks_for_nothing_outside() -> None:
    text = (PAGE / "live.html").read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses == {"http://localhost:8000/live/"}  # how to serve it
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text).group(1)
    scripts = re.search(r"script-src ([^;]+)", policy).group(1).split()
    assert scripts == ["'self'", "'wasm-unsafe-eval'"]


def test_no_script_makes_code_or_handlers_out_of_text() -> None:
    for file in PAGE.rglob("*.js"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML", text), file.name
