"""Build the site: write Sphinx's source out of what is there, run Sphinx, then seal the pages."""

import shutil
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from utils.errors import CourseError
from utils.files import read_text, write_file
from utils.grading.assignments import assignment_names
from utils.learning.catalogue import lesson_names
from utils.learning.items import lesson_items
from utils.learning.sheets import write_sheets
from utils.learning.ways import Way
from utils.lessons import LESSONS
from utils.settings import PROJECT
from utils.site.config import BUNDLE, DOCTREES, OUTPUT, SITE, SOURCE, SiteConfig, site_config
from utils.site.live import build_live
from utils.site.notebooks import colab_copy, exercise_page, lesson_page
from utils.site.readme import PAGES, Page, contributing_page, readme_pages
from utils.site.seal import LIVE, seal_pages
from utils.site.sphinx_settings import sphinx_settings
from utils.site.ways import way_pages

HIDDEN_MODULES = ("__init__", "__main__")


def build_site() -> Path:
    """Build the site into `build/site/`; what hasn't changed is kept from the last time.

    Raises:
        CourseError: the components aren't built, or Sphinx finds something wrong.
    """
    config = site_config()
    if not (BUNDLE / "course.js").exists():
        raise CourseError(f"{BUNDLE}/course.js isn't there: run `make site`, which builds it.")
    write_source(config)
    _run_sphinx(config)
    _copy_beside(config)
    seal_pages(OUTPUT)
    return OUTPUT


def write_source(config: SiteConfig) -> None:
    """Write what Sphinx reads; a file that would stay the same isn't touched."""
    written = set()
    for name, content in _files(config):
        target = SOURCE / name
        written.add(target)
        if not target.exists() or target.read_text(encoding="utf-8") != content:
            write_file(target, content)
    shutil.copytree(LESSONS / "diagrams", SOURCE / "lessons" / "diagrams", dirs_exist_ok=True)
    for picture in (SITE / "pages").glob("*.jpg"):
        shutil.copyfile(picture, SOURCE / "ways" / picture.name)
    for file in SOURCE.rglob("*"):
        if file.suffix in (".md", ".ipynb") and file not in written:
            file.unlink()


def _files(config: SiteConfig) -> Iterator[tuple[str, str]]:
    pages = readme_pages(config)
    for page in pages:
        text = page.text + contents() if page.name == "index" else page.text
        yield f"{page.name}.md", text
    for page in [contributing_page(config), *way_pages(), *api_pages()]:
        yield f"{page.name}.md", page.text
    for file in sorted((SITE / "pages").glob("*.md")):
        yield f"ways/{file.name}", read_text(file)
    for lesson in lesson_names():
        yield f"lessons/{lesson}.ipynb", lesson_page(lesson, config)
    for exercise in assignment_names():
        yield f"exercises/{exercise}.ipynb", exercise_page(exercise, config)


def contents() -> str:
    """The tree of pages, at the end of the first one."""
    parts = {
        "Lessons": [f"lessons/{name}" for name in lesson_names()],
        "Ten ways": ["ways/evidence", *(f"ways/{way.value}" for way in Way), "ways/progress"],
        "Exercises": [f"exercises/{name}" for name in assignment_names()],
        "Guide": [*PAGES.values(), "contributing"],
        "Reference": ["api/index"],
    }
    return "\n\n" + "\n\n".join(_tree(title, names) for title, names in parts.items()) + "\n"


def _tree(title: str, names: list[str]) -> str:
    listed = "\n".join(names)
    return f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n:caption: {title}\n\n{listed}\n```"


def api_pages() -> list[Page]:
    """A page for each package of `utils` and for each module at its top, from their docstrings."""
    utils = PROJECT / "utils"
    modules = [
        f"utils.{f.stem}" for f in sorted(utils.glob("*.py")) if f.stem not in HIDDEN_MODULES
    ]
    packages = sorted(f.parent for f in utils.glob("*/__init__.py"))
    pages = [Page(name=f"api/{name}", text=_api(name, [name])) for name in modules]
    for folder in packages:
        inner = sorted(folder.rglob("*.py"))
        names = [".".join(f.relative_to(PROJECT).with_suffix("").parts) for f in inner]
        names = [n.removesuffix(".__init__") for n in names if not n.endswith("__main__")]
        pages.append(
            Page(name=f"api/utils.{folder.name}", text=_api(f"utils.{folder.name}", names))
        )
    listed = "\n".join(page.name.removeprefix("api/") for page in pages)
    lead = "# Reference of `utils`\n\nThe pipeline first, then the packages of its machinery."
    tree = f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```"
    return [Page(name="api/index", text=f"{lead}\n\n{tree}\n"), *pages]


def _api(title: str, modules: list[str]) -> str:
    parts = [f"# {title}\n"]
    for name in modules:
        heading = "" if [name] == modules else f"## {name}\n\n"
        parts.append(f"{heading}```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n")
    return "\n".join(parts)


def _run_sphinx(config: SiteConfig) -> None:
    from sphinx.application import Sphinx

    warnings = StringIO()
    app = Sphinx(
        str(SOURCE), None, str(OUTPUT), str(DOCTREES), "html", status=None, warning=warnings,
        confoverrides=sphinx_settings(config), parallel=2,
    )  # fmt: skip
    app.build()
    said = " ".join(warnings.getvalue().split())
    if app.statuscode or said:
        raise CourseError(f"Sphinx found something wrong: {said[:2000]}")


def _copy_beside(config: SiteConfig) -> None:
    """What stands beside Sphinx's pages: cheat sheets, and Colab's copies of the lessons."""
    shutil.copytree(LESSONS / "diagrams", OUTPUT / "lessons" / "diagrams", dirs_exist_ok=True)
    write_sheets([lesson_items(name) for name in lesson_names()], OUTPUT / "sheets")
    build_live(OUTPUT / LIVE)
    for lesson in lesson_names():
        write_file(OUTPUT / "colab" / f"{lesson}.ipynb", colab_copy(lesson, config))
