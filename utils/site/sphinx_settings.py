"""Sphinx's settings: stored outputs, no request to another host."""

from typing import Any

from utils.site.config import BUNDLE, SITE, SiteConfig

MATHJAX = "mathjax/tex-svg.js"


def sphinx_settings(config: SiteConfig) -> dict[str, Any]:
    """All that Sphinx and its theme need to know."""
    return {
        "project": config.title,
        "author": "the course's contributors",
        "extensions": [
            "myst_nb",
            "sphinx.ext.autodoc",
            "sphinx.ext.napoleon",
            "sphinx.ext.mathjax",
        ],
        "html_theme": "sphinx_book_theme",
        "html_title": config.title,
        "html_static_path": [str(BUNDLE), str(SITE / "static")],
        "html_css_files": ["course.css", "site.css"],
        "html_js_files": ["course.js"],
        "html_theme_options": {
            "repository_url": config.repository,
            "use_repository_button": True,
            "use_download_button": False,
            "use_fullscreen_button": False,
            "show_navbar_depth": 1,
            "navbar_start": [],
            "navbar_center": [],
            "navbar_end": [],
            "navbar_persistent": [],
        },
        "html_context": {"default_mode": "auto"},
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_show_search_summary": False,  # it would fetch pages, which fails from a disk
        "nb_execution_mode": "off",
        "nb_merge_streams": True,
        "nb_render_markdown_format": "myst",  # CommonMark, the default, has no tables
        "myst_enable_extensions": ["dollarmath"],
        "myst_heading_anchors": 4,
        "mathjax_path": MATHJAX,
        "mathjax_options": {"defer": "defer"},
        "default_role": "code",
        "autodoc_typehints": "description",
        "autodoc_member_order": "bysource",
        "suppress_warnings": ["misc.highlighting_failure"],
        "language": "en",
    }
