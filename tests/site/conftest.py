"""The site, built once for all of these tests, and one browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import CHROMIUM, running_browser

from utils.site.config import BUNDLE


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium")
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def site() -> Path:
    pytest.importorskip("sphinx", reason="sphinx isn't installed")
    if not (BUNDLE / "course.js").exists():
        pytest.skip("the components aren't built: make components")
    from utils.site.build import build_site

    return build_site()
