"""Code inside a sentence: `between backticks` in the bank, as HTML or Markdown elsewhere."""

import html
import re

CODE = re.compile(r"`([^`]+)`")


def as_html(text: str) -> str:
    """Text as HTML that shows exactly this text, with what stands between backticks as code."""
    return CODE.sub(r"<code>\1</code>", html.escape(text))


def as_markdown(text: str) -> str:
    """One line of Markdown that shows exactly this text; only code between backticks is markup."""
    # split leaves the code at the odd places
    parts = CODE.split(" ".join(text.split()))
    return "".join(f"`{part}`" if n % 2 else _escaped(part) for n, part in enumerate(parts))


def _escaped(text: str) -> str:
    # Markdown knows no escape of "<"
    return re.sub(r"([\\`*_{}\[\]>$#])", r"\\\1", text).replace("<", "&lt;")
