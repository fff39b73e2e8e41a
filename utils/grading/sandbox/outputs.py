"""What a cell shows, taken in the student's process and kept within bounds.

The judge checks all of it again: these bounds are for students whose cells print too much.
"""

import base64
import io
import re
from typing import Any

MOST_TEXT = 100_000  # characters that a cell, or a call, may print
MOST_OUTPUTS = 200  # of one cell
LARGEST_PICTURE = 2_000_000  # characters of one display
MOST_SHOWN = 8_000_000  # characters of all displays of a cell
CUT = "… (more output than is kept: cut off)\n"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
LAST_LINES = 20  # of a traceback

Output = dict[str, Any]


class CappedText(io.TextIOBase):
    """What is printed, up to a number of characters; pieces in a row become one output."""

    def __init__(self, outputs: list[Output], name: str) -> None:
        self.outputs, self.name, self.left = outputs, name, MOST_TEXT

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.left > 0:
            kept = text[: self.left]
            self.left -= len(kept)
            self._add(kept if self.left > 0 else kept + CUT)
        return len(text)

    def _add(self, text: str) -> None:
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == self.name:
            last["text"] += text
        elif len(self.outputs) < MOST_OUTPUTS:
            self.outputs.append({"output_type": "stream", "name": self.name, "text": text})


class Collector:
    """Where displays of the running cell go."""

    def __init__(self) -> None:
        self.begin([])

    def begin(self, outputs: list[Output]) -> None:
        """Take displays into this list from now on."""
        self.outputs, self.left = outputs, MOST_SHOWN

    def add(self, output_type: str, data: dict[str, Any]) -> None:
        shown = {kind: _text(value) for kind, value in data.items() if _is_shown(value)}
        self.left -= sum(map(len, shown.values()))
        if shown and self.left > 0 and len(self.outputs) < MOST_OUTPUTS:
            self.outputs.append({"output_type": output_type, "data": shown})


COLLECTOR = Collector()


def _is_shown(value: Any) -> bool:
    return isinstance(value, str | bytes) and len(value) <= LARGEST_PICTURE


def _text(value: str | bytes) -> str:
    if isinstance(value, str):
        return value
    return base64.b64encode(value).decode("ascii")


def error_output(etype: type, evalue: BaseException, lines: list[str]) -> Output:
    """An error as a notebook stores it, shortened."""
    text = ANSI.sub("", "\n".join(lines)).splitlines()[-LAST_LINES:]
    return {
        "output_type": "error",
        "ename": getattr(etype, "__name__", "error")[:200],
        "evalue": message_of(evalue),
        "traceback": [line[:2000] for line in text],
    }


def message_of(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except BaseException:  # a student's __str__ may raise anything
        return ""
