"""What several of these tests use."""

import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from utils import cli
from utils.images import sample_photo

CAT = sample_photo("chelsea")


TRAIN = ("train", "--model", "efficientnet_lite0")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Everything on stdout, which must be one JSON object without NaN or Infinity."""

        def refuse(name: str) -> None:
            raise ValueError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


def course(*words: object) -> Ended:
    """Run `course` with these words, in this process."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["course", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def course_process(*words: object, **environment: str) -> subprocess.Popen:
    """Start `course` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "utils.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        env=os.environ | environment,
        preexec_fn=None if sys.platform == "win32" else listen_to_ctrl_c,
    )


def listen_to_ctrl_c() -> None:
    """A shell's background job ignores SIGINT, and hands that on to what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def assert_refused(ended: Ended, *parts: object) -> None:
    """Exit code 2, and one sentence on stderr that has these parts."""
    assert ended.code == 2
    for part in parts:
        assert str(part) in ended.err
    assert ended.err.endswith(".\n")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err


def put_squares(folder: Path, count: int = 10) -> Path:
    """Two classes of noise in two colours, that any model can tell apart."""
    random = np.random.default_rng(0)
    for name, channel in (("grün kariert", 1), ("rot", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 60, (64, 64, 3), dtype=np.uint8)
            pixels[..., channel] += 180
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder
