"""A student's notebook file, read whatever editor saved it: cells of plain text, nothing else."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from utils.grading.incoming.sources import LARGEST, Unreadable, open_regular

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # what may be attached
# At the beginning of a line; without backtracking, for a line may have millions of letters.
DEFINITION = re.compile(
    r"^(?:async +)?(?:def|class) ++(\w++)|^(\w++) *+(?::[^=\n]++)?=(?!=)", re.MULTILINE
)
NOT_A_NOTEBOOK = "isn't a notebook"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell as it was handed in."""

    kind: str  # code, markdown or raw
    text: str
    id: str | None
    grade_id: str | None
    schema: Any = None  # nbgrader's version of what it keeps with a cell
    tags: tuple[str, ...] = ()
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def defines(self) -> set[str]:
        """Names that it defines."""
        return defined_names(self.text)


def read_cells(file: Path) -> list[Cell]:
    """The cells of a notebook file, of any format from 2 to 4.5 and in any encoding.

    Raises:
        Unreadable: it is no regular file, too large, empty, or not a notebook.
    """
    try:
        with open_regular(file) as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise Unreadable("can't be opened") from error
    if len(content) > LARGEST:
        raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
    if not content.strip(b"\0 \t\r\n"):
        raise Unreadable("is an empty file")
    try:
        # Editors that died while they saved leave NULs behind, and raw control characters.
        found = json.loads(decoded(content).strip("\0 \t\r\n"), strict=False)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(NOT_A_NOTEBOOK) from error
    return [cell for raw in _raw_cells(found) if (cell := _cell(raw))]


def decoded(content: bytes) -> str:
    """The text of a JSON file: UTF-8, -16 or -32, with a mark of byte order or not, or Windows'."""
    encoding = json.detect_encoding(content)
    try:
        return content.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def looks_like_a_notebook(start: bytes) -> bool:
    """Whether a file that begins so is one, whatever its name."""
    text = decoded(start[: len(start) // 4 * 4]).lstrip("\ufeff\0 \t\r\n")
    return text.startswith("{") and any(
        key in text for key in ('"cell_type"', '"nbformat"', '"worksheets"')
    )


def clean_text(text: str) -> str:
    """The text with lines that end in `\\n`, and without halves of characters and NULs."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    lines = whole.replace("\r\n", "\n").replace("\r", "\n")
    return lines.replace("\0", "").removeprefix("\ufeff")


def defined_names(text: str) -> set[str]:
    """Names that a cell defines at its top level, by the look of its lines.

    A student's text is never parsed here: that can take all memory, and it needn't be Python.
    """
    return {first or second for first, second in DEFINITION.findall(text)}


def _raw_cells(found: Any) -> Iterator[Any]:
    """The cells of format 4, or those of the sheets of 2 and 3."""
    if not isinstance(found, dict):
        raise Unreadable(NOT_A_NOTEBOOK)
    sheets = found.get("worksheets")
    sheets = [found] if "cells" in found else sheets if isinstance(sheets, list) else None
    if sheets is None or not all(
        isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) for sheet in sheets
    ):
        raise Unreadable(NOT_A_NOTEBOOK)
    for sheet in sheets:
        yield from sheet["cells"]


def _cell(raw: Any) -> Cell | None:
    """A cell's own text; None where there is nothing in it that is text."""
    if not isinstance(raw, dict):
        return None
    text = _text(raw.get("source", raw.get("input")))
    if text is None:
        return None
    kind = raw.get("cell_type")
    if kind == "heading":  # of format 3
        level = raw.get("level")
        text = f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {text}"
    if kind not in ("code", "raw"):
        # A type that got lost is most likely that of code, where there are outputs or a count.
        lost = not isinstance(kind, str) and {"outputs", "execution_count"} & set(raw)
        kind = "code" if lost else "markdown"
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    own = metadata.get("nbgrader")
    own = own if isinstance(own, dict) else {}
    tags = metadata.get("tags")
    return Cell(
        kind=kind,
        text=text,
        id=_name(raw.get("id")),
        grade_id=_name(own.get("grade_id")),
        schema=own.get("schema_version"),
        tags=tuple(clean_text(str(tag)) for tag in tags) if isinstance(tags, list) else (),
        attachments=_attachments(raw.get("attachments")),
    )


def _text(source: Any) -> str | None:
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return clean_text(source) if isinstance(source, str) else None


def _name(value: Any) -> str | None:
    return clean_text(value) if isinstance(value, str) else None


def _attachments(found: Any) -> dict[str, dict[str, str]]:
    """Pictures in prose, as plain data."""
    kept: dict[str, dict[str, str]] = {}
    for name, data in found.items() if isinstance(found, dict) else ():
        pictures = {
            kind: content
            for kind, content in (data.items() if isinstance(data, dict) else ())
            if kind in PICTURES and isinstance(content, str) and content.isascii()
        }
        if pictures:
            kept[clean_text(name)] = pictures
    return kept
