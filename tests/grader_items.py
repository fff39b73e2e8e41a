"""Each list in `exercises/` (`ex01_preprocess.yaml` …) is a file of tests: every answer is one."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pytest

from utils.grading.assignments import GRADERS_TESTS
from utils.grading.grader_tests import SOLUTION, UNTOUCHED, Outcome, check, read_answers


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "Answers | None":
    if file_path.suffix == ".yaml" and file_path.parent == GRADERS_TESTS:
        return Answers.from_parent(parent, path=file_path)
    return None


class Answers(pytest.File):
    def collect(self) -> Iterator["OneAnswer"]:
        wrong, right = read_answers(self.path.stem)
        names = [SOLUTION, UNTOUCHED, *(answer.name for answer in [*wrong, *right])]
        for name in names:
            yield OneAnswer.from_parent(self, name=name)

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """All answers of an assignment are graded together, through nbgrader."""
        return {outcome.name: outcome for outcome in check(self.path.stem)}


class OneAnswer(pytest.Item):
    def runtest(self) -> None:
        outcome = self.parent.outcomes[self.name]
        assert outcome.as_listed, str(outcome)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.stem}: {self.name}"
