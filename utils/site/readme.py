"""README and CONTRIBUTING as pages: cut at their headings, links pointed at the site's pages."""

import re
from dataclasses import dataclass

from utils.files import read_text
from utils.settings import PROJECT
from utils.site.config import SiteConfig

# Page of each section of the README, by its heading; what isn't named stands on the first page.
PAGES = {
    "The quizzes": "guide/quizzes",
    "Ten ways to learn it": "guide/ten_ways",
    "The site": "guide/site",
    "The exercises, and marks for them": "guide/instructors",
    "Your own photos": "guide/own_photos",
    "The `course` command": "guide/command",
    "The course's own weights": "guide/weights",
    "Other ways to install": "guide/install",
    "The folders": "guide/folders",
    "Speed": "guide/speed",
    "Licences": "guide/licences",
}
FIRST = "index"
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!\!)\[([^\]]*)\]\(([^)\s]+)\)")
PICTURE = re.compile(r"(\!\[[^\]]*\])\(site/pages/([\w.-]+)\)")
NOTEBOOK = re.compile(r"^(lessons|exercises)/(?:\w+/)?(\w+)\.ipynb$")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of Markdown: its name without ending, and its text."""

    name: str
    text: str


def readme_pages(config: SiteConfig) -> list[Page]:
    """The README, a page for each section in `PAGES`, the rest on the first one."""
    text = re.sub(r"<!-- /?teachers -->\n", "", read_text(PROJECT / "README.md"))
    parts = re.split(r"(?m)^(?=## )", text)
    found: dict[str, str] = {FIRST: parts[0]}
    anchors = {}
    for part in parts[1:]:
        heading = part.splitlines()[0].removeprefix("## ")
        page = PAGES.get(heading, FIRST)
        anchors[slug(heading)] = page
        raised = part if page == FIRST else re.sub(r"(?m)^#(#+ )", r"\1", part)
        found[page] = found.get(page, "") + raised
        for inner in re.findall(r"(?m)^###+ (.+)$", part):
            anchors[slug(inner)] = page
    return [Page(name=n, text=with_links(t, n, config, anchors)) for n, t in found.items()]


def contributing_page(config: SiteConfig) -> Page:
    """CONTRIBUTING as a page."""
    text = read_text(PROJECT / "CONTRIBUTING.md")
    return Page(name="contributing", text=with_links(text, "contributing", config, {}))


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def with_links(text: str, page: str, config: SiteConfig, anchors: dict[str, str]) -> str:
    """Links to files of the repository as links to the site's pages, or to the repository."""
    up = "../" * page.count("/")

    def changed(match: re.Match[str]) -> str:
        words, address = match.groups()
        return f"[{words}]({_address(address, page, up, config, anchors)})"

    text = PICTURE.sub(rf"\1({up}ways/\2)", config.local(text, up))
    return LINK.sub(changed, text)


def _address(address: str, page: str, up: str, config: SiteConfig, anchors: dict[str, str]) -> str:
    if "://" in address or address.startswith("mailto:"):
        return address
    path, _, anchor = address.partition("#")
    if not path:
        target = anchors.get(anchor, page)
        return f"#{anchor}" if target == page else f"{up}{target}.md#{anchor}"
    if notebook := NOTEBOOK.match(path):
        return f"{up}{notebook[1]}/{notebook[2]}.ipynb"
    if path == "CONTRIBUTING.md":
        return f"{up}contributing.md"
    if path == "README.md":
        return f"{up}index.md"
    if path.startswith("site/pages/"):
        return f"{up}ways/{path.removeprefix('site/pages/')}"
    return config.file_address(path)
