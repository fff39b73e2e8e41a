"""Run a submission within budgets of time and output; a dead kernel doesn't stop the grading.

Preprocessors for nbgrader, used by its own commands too (`nbgrader_config.py`).
"""

import json
import os
import queue
import re
import time
from collections.abc import Sequence
from typing import Any

from jupyter_core.utils import run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from traitlets import Float, Int, Unicode

from utils.lessons import PINNED

PATIENCE = 3  # seconds that an interrupted cell gets to come to its end
LONGEST_ERROR = 2_000  # characters of an error that are kept
TOO_LONG = "a cell took too long"
CUT = "… (more output than is kept: cut off)\n"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LimitedExecute(Execute):
    """Runs a notebook within budgets; nothing that its code does stops the grading.

    A cell that takes too long is interrupted, and if that doesn't help the kernel is killed. After
    a kernel's death the later cells are marked as not run; what was run before is kept.
    """

    seconds = Float(120, help="For the whole notebook.").tag(config=True)
    characters = Int(1_000_000, help="Of output that are kept, in the whole notebook.").tag(
        config=True
    )

    cache = Unicode(help="The feature cache that the code gets; by default the usual one.").tag(
        config=True
    )

    raise_on_iopub_timeout = False  # a cell that goes on after its time is dealt with below

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> Any:
        self.deadline = time.monotonic() + self.seconds
        self.written, self.stopped = 0, ""
        self.error_on_timeout = {**self.error_on_timeout, "evalue": TOO_LONG}
        return super().preprocess(nb, resources, km)

    async def async_start_new_kernel(self, **options: Any) -> None:
        """Start it with its own feature cache, and the settings that stored outputs need."""
        own = ("PYTHON", "COURSE_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(own)}
        pinned = {**PINNED, "COURSE_CACHE": self.cache}  # an empty variable counts as unset
        await super().async_start_new_kernel(env=environment | pinned, **options)

    start_new_kernel = run_sync(async_start_new_kernel)  # nbclient binds its own one by name

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, index: int
    ) -> tuple[NotebookNode, Any]:
        if cell.cell_type != "code":
            return cell, resources
        left = self.deadline - time.monotonic()
        if left <= 0 and not self.stopped:
            self.stopped = f"the notebook's {self.seconds:.0f} seconds were used up"
        if self.stopped:
            cell.outputs = [error_output("NotRun", self.stopped)]
            return cell, resources
        self.timeout = max(1, int(min(left, self.seconds / 3)))
        try:
            super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self._stop(cell, "the kernel died")
        if any(output.get("ename") == "CellTimeoutError" for output in cell.outputs):
            self._wait_or_kill(cell)
        return cell, resources

    def _wait_or_kill(self, cell: NotebookNode) -> None:
        """After an interrupt: go on as soon as the kernel answers, else end it."""
        asked, until = self.kc.kernel_info(), time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                reply = run_sync(self.kc.get_shell_msg)(timeout=1)
            except queue.Empty:
                continue
            if reply["parent_header"].get("msg_id") == asked:
                return
        run_sync(self.km.shutdown_kernel)(now=True)
        self._stop(cell, f"{TOO_LONG}, and ignored interrupts")

    def _stop(self, cell: NotebookNode, reason: str) -> None:
        cell.outputs.append(error_output("Stopped", reason))
        self.stopped = f"not run, since above {reason}"

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> Any:
        """Keep outputs until the budget is used up; errors are always kept, shortened."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "error":
            content["evalue"] = content["evalue"][:LONGEST_ERROR]
            content["traceback"] = [line[:LONGEST_ERROR] for line in content["traceback"][-20:]]
        elif kind in ("stream", "display_data", "execute_result", "update_display_data"):
            before = self.written
            self.written += len(content.get("text", "")) + len(json.dumps(content.get("data", "")))
            if self.written > self.characters:
                if before <= self.characters:
                    cell.outputs.append(new_output("stream", name="stdout", text=CUT))
                if kind != "execute_result":
                    return None
                # the last value of a test cell may be its points: it must not be lost
                text = str(content["data"].get("text/plain", ""))
                content["data"] = {"text/plain": text[:LONGEST_ERROR]}
        return super().process_message(msg, cell, cell_index)


def error_output(name: str, reason: str) -> NotebookNode:
    """An error of one line, as a notebook stores it."""
    line = f"{name}: {ANSI.sub('', reason)}"
    return new_output("error", ename=name, evalue=reason, traceback=[line])


def what_stopped(cells: Sequence[NotebookNode]) -> str | None:
    """Find the reason why a run, or else a cell, didn't finish; None if all did."""
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    for name in ("Stopped", "NotRun", "CellTimeoutError"):
        for output in outputs:
            if output.get("ename") == name:
                return output.evalue
    return None
