"""What a student's code showed, made safe to be seen: no script, no request, no form, no link out.

Outputs come from a process that nobody trusts; their form is checked here, piece by piece.
"""

import base64
import binascii
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import mistune
import nh3

from utils.settings import PROJECT

LONGEST = 200_000  # characters of one text
LARGEST_PICTURE = 2_000_000  # characters in base64
MOST = 1_000_000  # characters of all outputs of a notebook
PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
TEXTS = ("text/plain", "text/markdown", "text/latex")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
TAGS = nh3.ALLOWED_TAGS - {"a", "area", "img", "map"}  # nothing with an address
ATTRIBUTES = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
# Where things lie on the teacher's machine is nothing for a page.
PLACES = [(str(PROJECT), "/course"), (sys.prefix, "/environment"), (sys.base_prefix, "/python")]
CUT = "… (more output than is kept: cut off)"
Output = dict[str, Any]

render_markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


def plain_text(text: Any, most: int = LONGEST) -> str:
    """The text without control characters and half pairs; "" if it is none."""
    if type(text) is not str:
        return ""
    clean = CONTROLS.sub("", ANSI.sub("", text[:most]))
    for path, shown in PLACES:
        clean = clean.replace(path, shown)
    return clean


def safe_html(html: str) -> str:
    """HTML without scripts, styles, addresses, and whatever else could reach out or run."""
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, link_rel=None)


@lru_cache(maxsize=128)  # the released cells are the same on every student's page
def markdown_html(source: str) -> str:
    """A student's Markdown as safe HTML: tags that they wrote are shown as text."""
    return safe_html(str(render_markdown(plain_text(source))))


class SafeOutputs:
    """Outputs of a notebook's cells as a notebook stores them, cut where they are too many."""

    def __init__(self) -> None:
        self.cells: list[list[Output]] = []
        self.left = MOST

    def add(self, outputs: Sequence[Any]) -> None:
        """Take what a cell of a student's showed, whatever it is."""
        own: list[Output] = []
        self.cells.append(own)
        for output in outputs:
            safe = self._safe(output)
            if safe is not None:
                self.left -= _size(safe)
                own.append(safe if self.left > 0 else _stream(CUT))

    def _safe(self, output: Any) -> Output | None:
        if self.left <= 0:
            return None
        try:
            return _safe_output(output)
        except Exception:  # its parts may be anything, and none may stop the others
            return None


def _safe_output(output: Any) -> Output | None:
    kind = output.get("output_type") if type(output) is dict else None
    if type(kind) is not str:
        return None
    if kind == "stream":
        return _stream(plain_text(output.get("text")), str(output.get("name")) == "stderr")
    if kind == "error":
        return error_output(output.get("ename"), output.get("evalue"), output.get("traceback"))
    if kind in ("display_data", "execute_result") and type(output.get("data")) is dict:
        data = _safe_data(output["data"])
        return {"output_type": "display_data", "data": data, "metadata": {}} if data else None
    return None


def _stream(text: str, error: bool = False) -> Output:
    return {"output_type": "stream", "name": "stderr" if error else "stdout", "text": text}


def error_output(name: Any, message: Any, lines: Any = None) -> Output:
    """An error as a notebook stores it."""
    own = [plain_text(line, 2000) for line in lines[-20:]] if type(lines) is list else []
    name, message = plain_text(name, 200) or "Error", plain_text(message, 2000)
    return {
        "output_type": "error", "ename": name, "evalue": message,
        "traceback": own or [f"{name}: {message}"],
    }  # fmt: skip


def _safe_data(data: dict[Any, Any]) -> dict[str, str]:
    """One picture, or a table, or text: the richest that is safe, and the text beside it."""
    texts = [text for kind in TEXTS if (text := plain_text(data.get(kind)))]
    safe = {"text/plain": texts[0]} if texts else {}
    html = data.get("text/html")
    if type(html) is str and len(html) <= LONGEST:
        safe["text/html"] = safe_html(plain_text(html))
    for kind, beginning in PICTURES.items():
        if _is_picture(data.get(kind), beginning):
            safe[kind] = data[kind]
    return safe


def _is_picture(content: Any, beginning: bytes) -> bool:
    if type(content) is not str or len(content) > LARGEST_PICTURE:
        return False
    try:
        return base64.b64decode(content, validate=True).startswith(beginning)
    except (ValueError, binascii.Error):
        return False


def _size(output: Output) -> int:
    texts = (output.get("text", ""), *output.get("data", {}).values())
    return sum(map(len, texts)) + 100
