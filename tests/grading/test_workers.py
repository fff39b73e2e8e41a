"""Workers: submissions side by side, on this machine and on a cluster of two."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.errors import CourseError
from utils.grading.exercise import Cell, Exercise, Kind, Step
from utils.grading.sandbox.engines import Engine
from utils.grading.workers import Job, judge_all

TEST = "from utils.checks import expect_equal\nexpect_equal('two', double(2), 4)"
EXERCISE = Exercise(
    name="made up",
    cells=(
        Cell(name="double", kind=Kind.ANSWER, source=""),
        Cell(name="doubles", kind=Kind.TEST, source=TEST, in_full=TEST, points=1),
    ),
)


def jobs(count: int) -> list[Job]:
    answers = ("def double(x):\n    return 2 * x", "def double(x):\n    return x")
    return [
        Job(student=f"student {n}", exercise=EXERCISE, seed=n, seconds=20,
            steps=(Step(source=answers[n % 2]), Step(test="doubles")), engine=Engine.BUBBLEWRAP)
        for n in range(count)
    ]  # fmt: skip


def marks(workers: int, scheduler: str | None = None) -> dict[str, float]:
    return {
        judged.student: judged.tests["doubles"].score
        for judged in judge_all(jobs(6), workers, scheduler)
    }


EXPECTED = {f"student {n}": float(n % 2 == 0) for n in range(6)}


def test_one_worker_and_two_say_the_same() -> None:
    assert marks(1) == marks(2) == EXPECTED


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and two workers, each a process of its own as on a machine of its own."""
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    local = ["--host", "127.0.0.1"]
    started = [subprocess.Popen(
        [*dask, "scheduler", *local, "--port", "0", "--no-dashboard", "--scheduler-file", file],
        **quiet,
    )]  # fmt: skip
    for _ in range(2):
        started.append(subprocess.Popen(
            [*dask, "worker", *local, "--scheduler-file", file, "--nthreads", "1", "--no-nanny",
             "--no-dashboard"], **quiet,
        ))  # fmt: skip
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.1)
    import json

    yield json.loads(file.read_text(encoding="utf-8"))["address"], started
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_says_the_same_even_if_a_worker_is_lost(
    cluster: tuple[str, list[subprocess.Popen]],
) -> None:
    address, (_, worker, _) = cluster
    found = {}
    for judged in judge_all(jobs(6), 2, address):
        worker.kill()
        found[judged.student] = judged.tests["doubles"].score
    assert found == EXPECTED


def test_a_scheduler_that_does_not_answer_is_told() -> None:
    with pytest.raises(CourseError, match="No scheduler answers"):
        list(judge_all(jobs(2), 2, "tcp://127.0.0.1:9"))


def test_a_job_that_fails_touches_no_other() -> None:
    broken = Exercise(name="broken", cells=(
        Cell(name="imports", kind=Kind.RELEASED, source="import nonsense"),
    ))  # fmt: skip
    first, second = jobs(2)
    odd = Job(**{**vars(first), "exercise": broken})
    judged = {own.student: own for own in judge_all([odd, second], 1)}
    assert "nonsense" in str(judged["student 0"].failure)
    assert judged["student 1"].failure is None
