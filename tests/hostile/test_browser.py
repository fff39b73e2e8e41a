"""Feedback pages in a real browser: nothing of a student's runs there, and nothing is asked for."""

import html
import re
from pathlib import Path

import pytest
from browser import CHROMIUM, opened
from hostile_class import Attack, read_attacks
from hostile_run import World

PAGES = [a for a in read_attacks() if "hostile'" in str(a) or "@PORT@/hostile-" in str(a)]
SHOWN = [attack for attack in PAGES if attack.notebook != "none"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")


def title(page: str) -> str:
    return html.unescape(re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1])


def test_the_browser_would_show_a_script_that_ran(tmp_path: Path, world: World) -> None:
    page = tmp_path / "page.html"
    there = f"http://127.0.0.1:{world.canaries.port}/control"
    page.write_text(f"<title>a</title><img src='{there}' onerror=\"document.title='b'\">", "utf-8")
    assert title(opened(page, tmp_path)) == "b"
    assert any("/control" in visit for visit in world.canaries.visits)
    world.canaries.visits.clear()


@pytest.mark.parametrize("attack", SHOWN, ids=lambda attack: attack.name)
def test_nothing_of_a_students_runs(attack: Attack, world: World, tmp_path: Path) -> None:
    folder = world.classes[attack.exercise].folder / "feedback" / attack.folder
    before = list(world.canaries.visits)
    page = opened(folder / attack.exercise / f"{attack.exercise}.html", tmp_path)
    assert title(page) == f"{attack.exercise}: {attack.shown}"
    assert "<script" not in page
    assert world.canaries.visits == before
