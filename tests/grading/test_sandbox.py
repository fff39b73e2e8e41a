"""Sandboxes: what students' code can't reach, with forks and without."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.grading.sandbox.engines import IMAGE, Engine, choose_engine, has_image
from utils.grading.sandbox.probes import ATTEMPTS, advice, probe
from utils.grading.sandbox.sandbox import Released, Sandbox
from utils.grading.sandbox.student_process import ProcessGone
from utils.settings import PROJECT


@pytest.mark.parametrize("forks", [True, False])
def test_nothing_that_a_student_might_try_gets_out(forks: bool) -> None:
    probes = probe(Engine.BUBBLEWRAP, forks)
    assert [own.name for own in probes] == list(ATTEMPTS)
    assert [own.name for own in probes if not own.kept_in] == []


CONTAINERS = [engine for engine in (Engine.PODMAN, Engine.DOCKER) if has_image(engine)]


@pytest.mark.skipif(not CONTAINERS, reason=f"needs podman or docker with the image {IMAGE}")
def test_nothing_gets_out_of_a_container_and_none_is_left_running(tmp_path: Path) -> None:
    for engine in CONTAINERS:
        assert [own.name for own in probe(engine) if not own.kept_in] == []
        sandbox = Sandbox(engine, Released(cells=(), cache=tmp_path))
        deaf = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60))\n"
        with pytest.raises(ProcessGone), sandbox.student(3) as process:
            process.run_cell(deaf + "while True: pass")
        command = [engine, "ps", "--quiet", "--filter", f"name={sandbox.name}"]
        assert subprocess.run(command, capture_output=True, check=True).stdout == b""


def test_the_probes_notice_a_sandbox_that_is_none() -> None:
    harmless = ("a server on this machine", "a file in the home folder", "the solutions")
    probes = probe(Engine.NONE, only=harmless)
    assert [own.kept_in for own in probes] == [False, False, False]
    with pytest.raises(CourseError, match="reach a server on this machine"):
        advice(probes)


@pytest.mark.parametrize("forks", [True, False])
def test_a_student_leaves_nothing_to_the_next(tmp_path: Path, forks: bool) -> None:
    sandbox = Sandbox(Engine.BUBBLEWRAP, Released(cells=("shared = []",), cache=tmp_path))
    sandbox.forks = forks
    look = "import glob\nprint(shared, glob.glob('/tmp/work/*'), glob.glob('/dev/shm/*'))"
    leave = (
        "shared.append(1)\nfor f in ('/tmp/work/a', '/dev/shm/b'): open(f, 'w').close()\n"
        "import os, time\nif os.fork() == 0:\n    time.sleep(60)"
    )
    try:
        for source in (look, leave, look):
            with sandbox.student(20) as process:
                outputs = process.run_cell(source)
            if source == look:
                assert outputs[0]["text"] == "[] [] []\n"
    finally:
        sandbox.close()


def test_a_sandbox_whose_cells_fail_says_which(tmp_path: Path) -> None:
    sandbox = Sandbox(Engine.BUBBLEWRAP, Released(cells=("import nonsense",), cache=tmp_path))
    with pytest.raises(CourseError, match="No module named 'nonsense'"), sandbox.student(20):
        pass


def test_a_machine_without_any_needs_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CourseError, match="--no-sandbox"):
        choose_engine(sandbox=True)
    assert choose_engine(sandbox=False) is Engine.NONE


def test_a_process_that_lies_in_form_is_heard_no_more(tmp_path: Path) -> None:
    sandbox = Sandbox(Engine.BUBBLEWRAP, Released(cells=(), cache=tmp_path))
    forge = (
        "import gc, socket\nfrom utils.grading.sandbox import wire\n"
        "channel = next(o for o in gc.get_objects() if isinstance(o, socket.socket))\n"
        "wire.send(channel, {'number': 99, 'outputs': []})"
    )
    try:
        with sandbox.student(20) as process:
            with pytest.raises(ProcessGone, match="out of turn"):
                process.run_cell(forge)
            with pytest.raises(ProcessGone, match="out of turn"):
                process.kinds(["x"])
    finally:
        sandbox.close()


def test_a_student_may_import_torch_where_the_exercise_does_not(tmp_path: Path) -> None:
    sandbox = Sandbox(Engine.BUBBLEWRAP, Released(cells=("import numpy",), cache=tmp_path))
    try:
        with sandbox.student(120) as process:
            outputs = process.run_cell("import torch\ntorch.ones(2).sum().item()")
    finally:
        sandbox.close()
    assert outputs[-1]["data"]["text/plain"] == "2.0"


LATE_IMPORT = """\
from pathlib import Path
from utils.grading.sandbox.engines import Engine
from utils.grading.sandbox.sandbox import Released, Sandbox

sandbox = Sandbox(Engine.BUBBLEWRAP, Released(cells=(), cache=Path.cwd()))
with sandbox.student(60) as process:
    print(process.run_cell("from utils.errors import CourseError\\nCourseError.__name__"))
sandbox.close()
"""


def test_a_course_that_lies_in_tmp_is_seen_beside_the_students_own_tmp(tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(PROJECT / "utils", course / "utils")
    run = subprocess.run(
        [sys.executable, "-c", LATE_IMPORT], cwd=course, env=os.environ | {"PYTHONPATH": course},
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert "'CourseError'" in run.stdout
