"""The judge's side of a student's process: questions with a number, a time and a size each."""

import builtins
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from utils.grading.sandbox import wire

GRACE = 2.0  # seconds beyond its limit that a process gets to say that it was interrupted
SHORT = 10.0  # seconds for a question that runs nothing of a student's
LONGEST_TEXT = 2000  # characters of an error
MOST_PRINTED = 200_000  # characters
MOST_OUTPUTS = 250


class StudentError(Exception):
    """A student's call raised something that isn't one of Python's own errors."""


class ProcessGone(Exception):
    """The student's process ended, hung, or answered in a form that it may not."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call gave, or the error that it raised, and what was printed meanwhile."""

    value: Any = None
    error: Exception | None = None
    printed: str = ""


class StudentProcess:
    """One student's process, by its channel; `left` are the seconds that it may still use."""

    def __init__(self, channel: wire.Channel, seconds: float) -> None:
        self.channel, self.left, self.longest = channel, seconds, seconds / 3
        self.number, self.gone = 0, ""

    def run_cell(self, source: str) -> list[Any]:
        """Run a cell; its outputs as the student's process tells them, which can be anything.

        Raises:
            ProcessGone: it ended, hung, or lied in form.
        """
        answer = self._ask("run", {"source": source, "seconds": self._limit()})
        outputs = answer.get("outputs")
        if type(outputs) is not list or len(outputs) > MOST_OUTPUTS:
            raise self._lost("it gave outputs of no known form")
        return outputs

    def kinds(self, names: Sequence[str]) -> dict[str, str]:
        """Which of these names the student has, as "function" or "value"."""
        kinds = self._ask("kinds", {"names": list(names)}, min(SHORT, self._limit())).get("kinds")
        if type(kinds) is not dict:
            raise self._lost("it gave names of no known form")
        if not all(type(kind) is str for kind in kinds.values()):
            raise self._lost("it gave names of no known form")
        return {name: kind for name, kind in kinds.items() if name in names}

    def value(self, name: str) -> Answer:
        """The value that a name has there."""
        return self._answer(self._ask("value", {"name": name}, min(SHORT, self._limit())))

    def call(
        self,
        name: str,
        inputs: Sequence[Any],
        options: Mapping[str, Any],
        files: Mapping[str, bytes],
        inputs_after: bool = False,
    ) -> Answer:
        """Call a function with copies of these inputs; or have its copies back as it left them.

        `files` lie at these places for the time of the call.
        """
        limit = self._limit()
        lent = {"files": dict(files), "seconds": limit, "inputs_after": inputs_after}
        details = {"name": name, "inputs": list(inputs), "options": dict(options), "lent": lent}
        return self._answer(self._ask("call", details, limit))

    def _limit(self) -> float:
        """Seconds for the next question."""
        if self.gone:
            raise ProcessGone(self.gone)
        if self.left <= 0:
            raise self._lost("the time for the notebook was used up")
        return min(self.left, self.longest)

    def _ask(self, kind: str, details: dict[str, Any], seconds: float = 0) -> dict[str, Any]:
        if self.gone:
            raise ProcessGone(self.gone)
        self.number += 1
        limit = seconds or details["seconds"]
        started = time.monotonic()
        deadline = started + limit + GRACE
        try:
            self.channel.settimeout(limit + GRACE)
            wire.send(self.channel, {"number": self.number, "kind": kind, "details": details})
            answer = wire.receive(self.channel, deadline)
        except TimeoutError:
            raise self._lost("a cell or call took too long, and ignored interrupts") from None
        except (EOFError, OSError):
            raise self._lost("the student's process ended") from None
        except wire.WireError as error:
            raise self._lost(f"the student's process answered out of form ({error})") from None
        finally:
            self.left -= time.monotonic() - started
        number = answer.get("number") if type(answer) is dict else None
        if type(number) is not int or number != self.number:
            raise self._lost("the student's process answered out of turn")
        return answer

    def _answer(self, reply: dict[str, Any]) -> Answer:
        printed = reply.get("printed", "")
        printed = printed[:MOST_PRINTED] if type(printed) is str else ""
        if "error" in reply:
            return Answer(error=_error(reply["error"], reply.get("text")), printed=printed)
        if "value" not in reply:
            raise self._lost("the student's process gave no answer")
        return Answer(value=reply["value"], printed=printed)

    def _lost(self, reason: str) -> ProcessGone:
        """Take the process as gone: whatever it says from now on isn't heard."""
        self.gone = reason
        self.channel.close()
        return ProcessGone(reason)


def _error(names: Any, text: Any) -> Exception:
    """The nearest of Python's own exceptions to the one that was raised, with its text."""
    names = [name for name in names if type(name) is str] if type(names) is list else []
    shown = text[:LONGEST_TEXT] if type(text) is str else ""
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception:
            if name in TEXT_ONLY:
                return kind(shown)
            break
    return StudentError(f"{names[0][:100] if names else 'an error'}: {shown}")


# Those that take one text; the others need more, or mean something to the judge's own code.
TEXT_ONLY = {
    "ArithmeticError", "AssertionError", "AttributeError", "BufferError", "EOFError",
    "FileNotFoundError", "FloatingPointError", "ImportError", "IndexError", "IsADirectoryError",
    "KeyError", "LookupError", "MemoryError", "ModuleNotFoundError", "NameError",
    "NotImplementedError", "OSError", "OverflowError", "PermissionError", "RecursionError",
    "RuntimeError", "TypeError", "UnboundLocalError", "ValueError", "ZeroDivisionError",
}  # fmt: skip


def process_number(channel: socket.socket, seconds: float) -> int:
    """The number, as this process sees it, of the one that sends the next byte (Linux)."""
    size = struct.calcsize("3i")
    channel.settimeout(seconds)
    _, ancillary, *_ = channel.recvmsg(1, socket.CMSG_SPACE(size))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return struct.unpack("3i", data[:size])[0]
    raise EOFError("the process sent no credentials")
