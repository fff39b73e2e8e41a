"""Marks: kept on SQLite and on PostgreSQL, whoever else writes, beside what a person gave."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from class_of_students import NAME
from databases import FULL, by_hand, mark, mark_all, new_class, postgres
from nbgrader.api import Gradebook

from utils.errors import CourseError
from utils.grading.assignments import COURSE
from utils.grading.class_folder import ClassFolder
from utils.grading.marks.database import seeds_of
from utils.grading.marks.gradebook import (
    AutoScores,
    all_marks,
    marks_of,
    record,
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClassFolder]:
    """A class whose gradebook knows an assignment, on either database."""
    root = tmp_path_factory.mktemp("class")
    if request.param == "sqlite":
        yield new_class(root)
    else:
        with postgres() as url:
            yield new_class(root, url)


def test_automatic_scores_are_kept(folder: ClassFolder) -> None:
    marks = mark(folder, "Zoë", softmax_test_large=0.5)
    assert marks == marks_of(folder, "Zoë", NAME)
    assert (marks.score, marks.points, marks.pending_points) == (9.5, 10, 0)
    assert marks.cells == FULL | {"softmax_test_large": 0.5}


def test_marks_and_comments_by_hand_stay_until_another_notebook_comes(folder: ClassFolder) -> None:
    mark(folder, "Ada", softmax_test=0)
    by_hand(folder, "Ada", "softmax_test", manual_score=1.5, extra_credit=0.25)
    by_hand(folder, "Ada", "softmax", manual_comment="nearly")
    again = mark(folder, "Ada", softmax_test=0)
    assert (again.cells["softmax_test"], again.extra_credit, again.score) == (1.5, 0.25, 9.75)
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        assert gradebook.find_comment("softmax", NAME, NAME, "Ada").comment == "nearly"
        assert not gradebook.find_submission(NAME, "Ada").needs_manual_grade
    other = mark(folder, "Ada", notebook="second", softmax_test=0)
    assert (other.cells["softmax_test"], other.extra_credit, other.score) == (0, 0, 8)
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        assert gradebook.find_comment("softmax", NAME, NAME, "Ada").comment is None


def test_a_mark_by_hand_is_looked_at_again_where_the_judge_changed_its_mind(
    folder: ClassFolder,
) -> None:
    mark(folder, "Emmy", softmax_test=0)
    by_hand(folder, "Emmy", "softmax_test", manual_score=1)
    assert mark(folder, "Emmy", softmax_test=2).cells["softmax_test"] == 1
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        assert gradebook.find_submission(NAME, "Emmy").needs_manual_grade


def test_nbgrader_reads_the_same_scores(folder: ClassFolder) -> None:
    marks = mark(folder, "Grace", decide_test=0)
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        submission = gradebook.find_submission(NAME, "Grace")
        assert (submission.score, submission.max_score) == (marks.score, marks.points)
        (row,) = [r for r in gradebook.submission_dicts(NAME) if r["student"] == "Grace"]
        assert (row["score"], row["needs_manual_grade"]) == (9, False)
        (part,) = gradebook.notebook_submission_dicts(NAME, NAME)[:1]  # what formgrader lists
        assert part["max_score"] == 10


def test_an_answer_left_as_released_is_told_to_formgrader(folder: ClassFolder) -> None:
    own = AutoScores(
        student="Blank", assignment=NAME, scores=dict.fromkeys(FULL, 0.0), notebook="blank",
        unanswered=frozenset({"softmax"}),
    )  # fmt: skip
    assert record(folder, own).score == 0
    with Gradebook(folder.gradebook_url, COURSE) as gradebook:
        assert gradebook.find_comment("softmax", NAME, NAME, "Blank").comment == "No response."
        assert gradebook.find_comment("decide", NAME, NAME, "Blank").comment is None


def test_cells_that_a_person_marks_are_pending(folder: ClassFolder) -> None:
    scores: dict[str, float | None] = {**FULL, "decide_test": None}
    own = AutoScores(student="Waits", assignment=NAME, scores=scores, notebook="first")
    marks = record(folder, own)
    assert (marks.score, marks.pending_points, marks.cells["decide_test"]) == (9, 1, None)


def test_who_was_not_graded_has_no_marks(folder: ClassFolder) -> None:
    mark(folder, "Kept")
    assert marks_of(folder, "Never", NAME) is None


def test_a_seed_is_drawn_once(folder: ClassFolder) -> None:
    seed = seeds_of(folder, ["Ada"], NAME)["Ada"]
    assert 0 <= seed < 2**63
    assert seeds_of(folder, ["Ada"], NAME)["Ada"] == seed
    assert seeds_of(folder, ["Zoë"], NAME)["Zoë"] != seed


def test_processes_that_write_at_once_all_succeed(folder: ClassFolder) -> None:
    groups = [[f"writer {n}, {i}" for i in range(8)] + ["everybody's"] for n in range(2)]
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=mark_all, args=(folder, group)) for group in groups]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    graded = all_marks(folder)
    assert all(graded[student][NAME].score == 10 for group in groups for student in group)


def test_points_outside_of_a_cell_are_refused(folder: ClassFolder) -> None:
    for score in (3, -1, float("nan")):
        with pytest.raises(CourseError, match=r"softmax_test: .* points were given of 2"):
            mark(folder, "Greedy", softmax_test=score)
    assert marks_of(folder, "Greedy", NAME) is None


def test_foreign_cells_are_refused(folder: ClassFolder) -> None:
    with pytest.raises(CourseError, match=r"aren't those that were graded \(bonus\)"):
        mark(folder, "Foreign", bonus=1)


def test_an_assignment_that_is_not_in_the_gradebook_is_told(folder: ClassFolder) -> None:
    own = AutoScores(student="Ada", assignment="ex01_preprocess", scores={}, notebook="first")
    with pytest.raises(CourseError, match="doesn't know ex01_preprocess yet"):
        record(folder, own)


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    folder = ClassFolder(tmp_path, f"postgresql://course:secret@/marks?host={tmp_path}")
    with pytest.raises(CourseError, match="can't be used") as told:
        all_marks(folder)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["marks", "mysql://course@host/marks", "sqlite://"])
def test_other_databases_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(CourseError, match="COURSE_GRADEBOOK"):
        all_marks(ClassFolder(tmp_path, url))


def test_no_marks_yet(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="Nothing was graded yet"):
        all_marks(ClassFolder(tmp_path))
    with pytest.raises(CourseError, match="Nothing was graded yet"):
        all_marks(new_class(tmp_path))


def test_a_gradebook_elsewhere_is_chosen_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    monkeypatch.setenv("COURSE_GRADEBOOK", "postgresql://ada:p%40ss@host/marks")
    url = "postgresql+psycopg://ada:p%40ss@host/marks"
    assert ClassFolder.chosen().gradebook_url == url
