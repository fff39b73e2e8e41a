"""Seal the pages: a Content-Security-Policy for each, in which only known scripts run."""

import base64
import hashlib
import re
from pathlib import Path

from utils.errors import CourseError
from utils.files import write_file

SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
HANDLER = re.compile(
    r"<[^>]+\son(?:click|load|error|submit|change|key\w+|mouse\w+)=", re.IGNORECASE
)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n?')
# What the theme leaves to be desired by readers who listen: names that they hear, landmarks.
THEMES_GAPS = {
    ' title="Search" aria-label="Search"': ' title="Search"',
    '<div id="pst-primary-sidebar" class': (
        '<div id="pst-primary-sidebar" role="navigation" aria-label="Pages" class'
    ),
    '<summary><span class="toctree': '<summary aria-label="More pages"><span class="toctree',
}
LIVE = "live"  # this page has a policy of its own: it compiles WebAssembly
HEAD = "<head>"
DATA = ("application/json", "text/plain")


def seal_pages(folder: Path) -> None:
    """Give every page of a folder its policy.

    Raises:
        CourseError: a page has a handler in an attribute, which no policy lets run.
    """
    for template in (folder / "_static").glob("*.html"):  # the theme's own, no page of the site
        template.unlink()
    for file in sorted(folder.rglob("*.html")):
        if file.parent == folder / LIVE:
            continue
        page = file.read_text(encoding="utf-8")
        sealed = seal(page, str(file.relative_to(folder)))
        if sealed != page:
            write_file(file, sealed)


def seal(page: str, name: str) -> str:
    """A page with a policy that names its inline scripts by their hashes."""
    page = POLICY.sub("", page)
    for found, mended in THEMES_GAPS.items():
        page = page.replace(found, mended)
    if handler := HANDLER.search(page):
        raise CourseError(f"{name} has a handler in an attribute: {handler.group()[:120]}")
    hashes = " ".join(sorted({_hash(code) for code in _inline(page)}))
    policy = (
        f"default-src 'self' file: data: blob:; script-src 'self' file: {hashes}; "
        "style-src 'self' file: 'unsafe-inline'; object-src 'none'; base-uri 'none'"
    )
    return page.replace(
        HEAD, f'{HEAD}\n<meta http-equiv="Content-Security-Policy" content="{policy}">', 1
    )


def _inline(page: str) -> list[str]:
    found = []
    for match in SCRIPT.finditer(page):
        attributes = match["attributes"]
        if "src=" not in attributes and not any(kind in attributes for kind in DATA):
            found.append(match["code"])
    return found


def _hash(code: str) -> str:
    digest = hashlib.sha256(code.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
