"""Submissions judged side by side: in this process, on this machine's cores, or on a cluster.

A job is plain data: the exercise, the student's cells, a seed. A worker needs the course installed
and nothing else of this machine; where one is lost, its jobs are done again by another.
"""

import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import CourseError
from utils.grading.exercise import Exercise, Step
from utils.grading.judge import Judge, Tested
from utils.grading.sandbox.engines import Engine
from utils.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Job:
    """One submission to be judged."""

    student: str
    exercise: Exercise
    steps: tuple[Step, ...]  # the student's cells and the tests, in order
    seed: int
    seconds: float
    engine: Engine


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of it; outputs are safe to be shown. `failure`: why it couldn't be judged."""

    student: str
    tests: dict[str, Tested]
    outputs: list[list[dict[str, Any]]]
    stopped: str | None
    seconds: float
    failure: str | None = None


MEMORY = 4 * 2**30  # bytes that judging one submission may take
_READY: dict[str, Judge] = {}  # the exercise that this process judges


def judge_job(job: Job) -> Judged:
    """Judge one submission; a failure of the machinery is told, and touches no other job."""
    started = time.perf_counter()
    try:
        judge = _judge_for(job)
        with _bounded_memory():
            verdict = judge.judge(job.steps, job.seed, job.seconds)
    except CourseError as error:
        return _failed(job, str(error))
    except Exception as error:  # whatever goes wrong with one must not end the class
        return _failed(job, f"the judge failed ({type(error).__name__}: {error})")
    return Judged(
        student=job.student,
        tests=verdict.tests,
        outputs=verdict.outputs,
        stopped=verdict.stopped,
        seconds=round(time.perf_counter() - started, 2),
    )


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Let what tests make of a student's values end in a MemoryError, a failed test, in time."""
    if sys.platform != "linux":
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


def _failed(job: Job, reason: str) -> Judged:
    return Judged(
        student=job.student, tests={}, outputs=[], stopped=None, seconds=0.0, failure=reason
    )


def _judge_for(job: Job) -> Judge:
    """The judge of a job's exercise; libraries and released cells are loaded once."""
    key = hashlib.sha256(repr((job.exercise, job.engine)).encode("utf-8")).hexdigest()
    if key not in _READY:
        end_judges()
        _READY[key] = Judge(job.exercise, job.engine, Settings().cache / "exercises")
    return _READY[key]


def end_judges() -> None:
    """End this process's sandbox."""
    for judge in _READY.values():
        judge.close()
    _READY.clear()


def judge_all(jobs: Sequence[Job], workers: int, scheduler: str | None = None) -> Iterator[Judged]:
    """Judge jobs, as they finish: `workers` at a time here, or on the cluster of a scheduler.

    Raises:
        CourseError: the scheduler doesn't answer.
    """
    if scheduler is None and (workers == 1 or len(jobs) < 2):
        try:
            yield from map(judge_job, jobs)
        finally:
            end_judges()
        return
    with _client(min(workers, len(jobs)), scheduler) as client:
        from distributed import as_completed

        futures = client.map(judge_job, jobs, pure=False, retries=2)
        of = {future.key: job for future, job in zip(futures, jobs, strict=True)}
        for future in as_completed(futures):
            error = future.exception()
            yield (
                _failed(of[future.key], f"its worker was lost ({error})")
                if error
                else (future.result())
            )
            future.release()
        client.run(end_judges)


@contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.worker.memory.terminate": False})
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise CourseError(
                f"No scheduler answers at {scheduler} ({error}): start one with dask scheduler."
            ) from error
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            memory_limit=None, silence_logs=40, host="127.0.0.1", protocol="tls://",
            security=True,  # else any program on this machine could send the workers code
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield client
