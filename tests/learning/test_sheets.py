"""Cheat sheets: complete, and a page each when printed."""

from pathlib import Path

import pytest
from browser import CHROMIUM

from utils.errors import CourseError
from utils.learning import sheets
from utils.learning.catalogue import lesson_names
from utils.learning.items import lesson_items
from utils.learning.sheets import count_pages, print_pdf, write_all, write_sheets

ITEMS = [lesson_items(name) for name in lesson_names()]


def test_a_sheet_has_the_insight_computed_numbers_and_calls(tmp_path: Path) -> None:
    files = write_sheets(ITEMS, tmp_path)
    assert [file.stem for file in files] == [*lesson_names(), "course"]
    page = (tmp_path / "05_resnet.html").read_text(encoding="utf-8")
    assert "learns a correction to its input" in page
    assert "25,557,032" in page
    assert "torch.nn.Conv2d(" in page
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")
def test_every_sheet_is_one_printed_page(tmp_path: Path) -> None:
    page = write_all(ITEMS, tmp_path / "all.html")
    assert count_pages(print_pdf(page, tmp_path / "sheets.pdf")) == 1 + len(ITEMS)


def test_without_a_browser_the_page_to_print_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "BROWSERS", ())
    with pytest.raises(CourseError, match=r"all\.html"):
        print_pdf(tmp_path / "all.html", tmp_path / "sheets.pdf")
