"""HTML pages that need no other file: their templates, and the figures inside them."""

from dataclasses import dataclass
from typing import Any

import jinja2
from matplotlib.figure import Figure

from utils.plots import data_uri


@dataclass(frozen=True)
class Picture:
    """A figure for a page, with the words that stand in for it."""

    source: str
    alt: str


def picture(figure: Figure, alt: str) -> Picture:
    return Picture(data_uri(figure), alt)


def render(template: str, **content: Any) -> str:
    """A page from one of the templates beside this module."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("utils.cli"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)
