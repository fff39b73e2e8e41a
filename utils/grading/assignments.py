"""The graded exercises: students' copies made from `solutions/`, and nbgrader's settings."""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from traitlets.config import Config

from utils.errors import CourseError, known_name
from utils.files import write_file
from utils.lessons import read_notebook
from utils.settings import PROJECT

SOLUTIONS = PROJECT / "solutions"
EXERCISES = PROJECT / "exercises"
COURSE = "vision-course"
ERROR = re.compile(r"[\w.]+(?:Error|Exception|Exists|Entry)\b: ")  # how a traceback ends
STUB = 'raise NotImplementedError("your code here")'
# What a class gets: no solutions, no marks, no tests, no benchmarks, no maintainers' rules.
STUDENTS_COPY = (
    "LICENSE", "Makefile", "data", "environment.yml", "exercises", "learning", "lessons",
    "pyproject.toml", "quizzes", "requirements.txt", "site/pages", "utils", "vision_course.py",
    "weights",
)  # fmt: skip
# Practice made from an exercise gives its solution away: a class gets it when the exercise is over.
LEFT_OUT = (
    "__pycache__", ".ipynb_checkpoints", "my_answers.yaml", ".my_answers.*", "Makefile", "ex*.json",
)  # fmt: skip
# Parts of the README for those who teach and maintain.
TEACHERS_PART = re.compile(r"<!-- teachers -->\n.*?<!-- /teachers -->\n", re.DOTALL)
GRADERS_TESTS = PROJECT / "tests" / "exercises"


@dataclass(frozen=True)
class Assignment:
    """One assignment as its source has it: names of the cells that are marked, and their points."""

    name: str
    points: dict[str, float]
    manually_graded: tuple[str, ...]  # those of them that a person marks


def assignment_names() -> list[str]:
    """All assignments, in order.

    Raises:
        CourseError: this copy has no solutions, like a student's.
    """
    names = sorted(folder.name for folder in SOLUTIONS.glob("ex*") if folder.is_dir())
    if not names:
        raise CourseError(
            f"{SOLUTIONS} isn't there: grading needs the instructor's repository, not a student's "
            "copy of it."
        )
    return names


def source_notebook(name: str) -> NotebookNode:
    """An assignment with its solutions and hidden tests."""
    return read_notebook(SOLUTIONS / name / f"{name}.ipynb")


def find_assignment(name: str) -> Assignment:
    """The assignment of that name.

    Raises:
        CourseError: unknown name; the nearest ones are given.
    """
    known_name("assignment", name, assignment_names())
    cells = [
        cell for cell in source_notebook(name).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]  # fmt: skip
    settings = [cell.metadata.nbgrader for cell in cells]
    return Assignment(
        name,
        {own.grade_id: float(own.points) for own in settings},
        tuple(own.grade_id for own in settings if own.solution),
    )


def nbgrader_settings() -> Config:
    """Where nbgrader finds its folders here, and what stands in a student's copy.

    `grading/` holds what students hand in, and everything that comes of it.
    """
    settings = Config()
    settings.CourseDirectory.course_id = COURSE
    settings.CourseDirectory.root = str(PROJECT)
    settings.CourseDirectory.source_directory = str(SOLUTIONS)
    settings.CourseDirectory.release_directory = str(EXERCISES)
    settings.ClearSolutions.code_stub = {"python": STUB}
    settings.ClearSolutions.text_stub = "*Your answer here.*"
    settings.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.LockCells",
        "nbgrader.preprocessors.ClearSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "utils.grading.hidden_tests.NameHiddenTests",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    return settings


def nbgrader(settings: Config) -> Any:
    """nbgrader's API with these settings."""
    from nbgrader.apps import NbGraderAPI

    return NbGraderAPI(config=settings)


def reason(result: dict[str, Any]) -> str:
    """Find in nbgrader's log the error that stopped it; its last line only points to the log."""
    lines = f"{result.get('error', '')}\n{result.get('log', '')}".splitlines()
    errors = [line.strip() for line in lines if ERROR.match(line.strip())]
    telling = [line for line in errors if "NbGraderException" not in line]
    return (telling or errors or ["no reason given"])[-1][:300]


def generate(names: Sequence[str], target: Path, gradebook: str | None = None) -> None:
    """Write students' copies of these assignments to `target`, and their cells to a gradebook.

    Without a `gradebook` (a database's URL) the cells are kept nowhere. If one assignment fails, no
    copy is touched.

    Raises:
        CourseError: nbgrader refused a source notebook.
    """
    from utils.grading.gradebook_tables import create_tables

    with tempfile.TemporaryDirectory() as folder:
        settings = nbgrader_settings()
        settings.CourseDirectory.release_directory = folder
        settings.CourseDirectory.db_url = gradebook or f"sqlite:///{folder}/gradebook.db"
        create_tables(settings.CourseDirectory.db_url)
        api = nbgrader(settings)
        for name in names:
            result = api.generate_assignment(name, force=True, create=True)
            if not result["success"]:
                raise CourseError(
                    f"nbgrader can't make the students' copy of {name} ({reason(result)}): "
                    f"correct solutions/{name}/{name}.ipynb."
                )
        for name in names:
            replace_folder(Path(folder) / name, target / name)


def replace_folder(new: Path, old: Path) -> None:
    """Put the folder `new` in the place of `old`, which is never half written.

    Raises:
        CourseError: the place can't be written.
    """
    beside = old.with_name(f".{old.name}.new")
    retired = old.with_name(f".{old.name}.old")
    try:
        old.parent.mkdir(parents=True, exist_ok=True)
        for leftover in (beside, retired):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(new, beside)
        if old.exists():
            old.rename(retired)
        beside.rename(old)
        shutil.rmtree(retired, ignore_errors=True)
    except OSError as error:
        raise CourseError(
            f"{old} can't be written ({error.strerror or error}): make its folder writable."
        ) from error


def students_copy(target: Path) -> Path:
    """Write what a class gets: everything but solutions, marks, tests and maintainers' tools.

    Raises:
        CourseError: there is something at `target` already, or it can't be written.
    """
    if target.exists():
        raise CourseError(f"{target} is there already: delete it, or choose another folder.")
    with tempfile.TemporaryDirectory() as folder:
        for name in STUDENTS_COPY:
            source, copy = PROJECT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
            elif source.exists():
                shutil.copy2(source, copy)
        readme = (PROJECT / "README.md").read_text(encoding="utf-8")
        write_file(Path(folder) / "README.md", TEACHERS_PART.sub("", readme))
        replace_folder(Path(folder), target)
    return target
