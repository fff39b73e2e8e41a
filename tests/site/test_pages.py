"""Every type of page of the built site, in a real browser."""

import re
from pathlib import Path
from typing import Any

import pytest
from pages import tab_of, violations

from utils.learning.catalogue import lesson_names
from utils.learning.ways import Way
from utils.lessons import read_notebook
from utils.settings import PROJECT
from utils.site.config import site_config
from utils.site.seal import seal

PAGES = (
    "index", "lessons/05_resnet", "exercises/ex05_residual_block", "ways/evidence", "ways/progress",
    "guide/instructors", "contributing", "api/utils.features", "api/index", "search",
    "sheets/05_resnet",
    *(f"ways/{way.value}" for way in Way),
)  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_from_disk_without_errors_requests_or_barriers(
    name: str, site: Path, browser: Any
) -> None:
    for scheme, width in (("light", 1280), ("dark", 390)):
        with tab_of(browser, color_scheme=scheme, viewport={"width": width, "height": 900}) as (
            tab,
            wrong,
        ):
            tab.goto((site / f"{name}.html").as_uri())
            tab.wait_for_load_state("networkidle")
            assert wrong == []
            assert violations(tab) == []
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_page_has_a_policy_that_lets_no_other_script_run(site: Path) -> None:
    for file in site.rglob("*.html"):
        page = file.read_text(encoding="utf-8")
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
        assert policy, file
        scripts = re.search(r"script-src ([^;]+);", policy[1])[1]
        assert "unsafe-inline" not in scripts
        assert "unsafe-eval" not in scripts.replace("wasm-unsafe-eval", "")


def test_an_unknown_script_does_not_run(site: Path, browser: Any, tmp_path: Path) -> None:
    page = (site / "ways" / "evidence.html").read_text(encoding="utf-8")
    injected = page.replace("</body>", "<script>document.title = 'ran'</script></body>")
    copy = site / "ways" / "injected.html"
    copy.write_text(injected, encoding="utf-8")
    try:
        with tab_of(browser) as (tab, wrong):
            tab.goto(copy.as_uri())
            assert tab.title() != "ran"
            assert any("Content Security Policy" in said for said in wrong)
    finally:
        copy.unlink()


def test_a_handler_in_an_attribute_is_refused() -> None:
    with pytest.raises(Exception, match="handler in an attribute"):
        seal('<head></head><a onclick="f()">', "page.html")


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    for file in site.rglob("*.html"):
        page = file.read_text(encoding="utf-8")
        for address in re.findall(r'(?:href|src)="([^"#?]+)[^"]*"', page):
            if "://" not in address and not address.startswith(("data:", "mailto:")):
                assert (file.parent / address).exists(), f"{file.relative_to(site)}: {address}"


def test_readme_and_lessons_link_to_pages_that_are_there(site: Path) -> None:
    """They repeat the address that follows from site.toml; where it changes, change theirs."""
    address = site_config().pages_address + "/"
    lessons = [PROJECT / "lessons" / f"{lesson}.ipynb" for lesson in lesson_names()]
    for file in (PROJECT / "README.md", *lessons):
        text = file.read_text(encoding="utf-8")
        links = re.findall(r"\]\((https://[\w-]+\.github\.io[^)\s]*)\)", text)
        assert len(links) >= 2
        for link in links:
            assert link.startswith(address), f"{file.name}: {link} isn't below {address}"
            path = re.sub(r"(^|/)$", r"\1index.html", link.removeprefix(address))
            assert (site / path).exists(), f"{file.name}: {link}"


def test_search_finds_a_word_of_a_lesson(site: Path, browser: Any) -> None:
    with tab_of(browser) as (tab, wrong):
        tab.goto((site / "search.html").as_uri() + "?q=bottleneck")
        tab.wait_for_selector("#search-results li")
        assert "ResNet" in tab.inner_text("#search-results")
        assert wrong == []


def test_a_lessons_prediction_and_quiz_are_answered_on_its_page(site: Path, browser: Any) -> None:
    with tab_of(browser) as (tab, wrong):
        tab.goto((site / "lessons" / "05_resnet.html").as_uri())
        tab.wait_for_selector("course-quiz .course-item")
        assert tab.locator("course-predict .course-item").count() == 3
        assert tab.locator("course-quiz .course-item").count() == 3
        assert wrong == []


def test_tables_that_lessons_show_are_tables_on_their_pages(site: Path) -> None:
    for lesson in lesson_names():
        notebook = read_notebook(PROJECT / "lessons" / f"{lesson}.ipynb")
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        shown = ["".join(output.get("data", {}).get("text/markdown", "")) for output in outputs]
        page = (site / "lessons" / f"{lesson}.html").read_text(encoding="utf-8")
        assert page.count("<table") >= sum("| ---" in text for text in shown)
        assert "| ---" not in page


def test_colab_copies_begin_with_their_set_up(site: Path) -> None:
    for lesson in lesson_names():
        text = (site / "colab" / f"{lesson}.ipynb").read_text(encoding="utf-8")
        assert text.index("pip install --quiet -e ..") < text.index("After this lesson you can")
