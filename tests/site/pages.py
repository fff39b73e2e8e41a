"""A browser in which a page's errors and its requests to the outside are counted."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from utils.site.config import SITE

NO_GPU = ["--disable-gpu"]
SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
SWITCHES = ["--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run"]  # fmt: skip
LOCAL = ("file:", "data:", "blob:")
AXE = SITE / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VIOLATIONS = """axe.run({ preload: false }).then((found) =>
  found.violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 300)]))"""


@contextmanager
def running_browser() -> Iterator[Any]:
    """Debian's Chromium without a window or a GPU."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = started(driver.chromium, NO_GPU)
        yield browser
        browser.close()


def started(chromium: Any, switches: list[str]) -> Any:
    """Another Chromium, with switches of its own; one driver serves all."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *switches, *as_root])


@contextmanager
def tab_of(browser: Any, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """An empty tab of its own, and a list of what goes wrong in it."""
    context = browser.new_context(**options)
    tab, wrong = context.new_page(), []
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda asked: asked.url[:5] in LOCAL or wrong.append(asked.url))
    tab.set_default_timeout(60_000)
    yield tab, wrong
    context.close()


def violations(tab: Any) -> list[Any]:
    """What axe-core finds against WCAG on a page."""
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    return tab.evaluate(VIOLATIONS)
