"""Until when an assignment can be handed in, kept with it in the gradebook, and applied to all."""

from datetime import UTC, datetime, timedelta, timezone

from nbgrader.api import Assignment, Gradebook, SubmittedAssignment
from nbgrader.utils import parse_utc
from sqlalchemy import delete, insert, select, update

from utils.grading.assignments import COURSE
from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.timestamps import read_stamp, read_time
from utils.grading.marks.database import LATE_RULES, SUBMISSIONS, own_row, submission_key, writing
from utils.grading.marks.lateness import LateRule, zone_of


def choose_late_rule(folder: ClassFolder, assignment: str, rule: LateRule | None) -> None:
    """Keep when an assignment is due and what lateness costs, and apply it to all who have marks.

    Times of `timestamp.txt` are read again, since those without a zone are of the due date's.

    Raises:
        CourseError: the gradebook can't be written.
    """
    with writing(folder) as gradebook:
        own = _find(gradebook, assignment)
        if own is None:
            own = Assignment(name=assignment, course_id=COURSE)
            gradebook.db.add(own)
        own.duedate = rule and rule.due.astimezone(UTC).replace(tzinfo=None)
        gradebook.db.execute(delete(LATE_RULES).where(LATE_RULES.c.assignment == assignment))
        if rule:
            offset = int(zone_of(rule.due).utcoffset(None).total_seconds())
            row = {"assignment": assignment, "utc_offset": offset}
            costs = {"points_per_day": rule.points_per_day, "grace_minutes": rule.grace_minutes}
            gradebook.db.execute(insert(LATE_RULES).values(row | costs))
        for submission in own.submissions:
            stamp = read_stamp(folder.submitted(submission.student_id, assignment))
            if stamp is None:  # its files may lie on another instructor's machine
                noted = own_row(gradebook, submission.student_id, assignment).handed_in
                _charge(submission, noted, rule)
            else:
                set_time(gradebook, submission, stamp, rule)


def chosen_late_rule(folder: ClassFolder, assignment: str) -> LateRule | None:
    """What was chosen for an assignment; None where it is never too late.

    Raises:
        CourseError: the database doesn't answer.
    """
    with writing(folder) as gradebook:
        return late_rule(gradebook, assignment)


def late_rule(gradebook: Gradebook, assignment: str) -> LateRule | None:
    """What was chosen for an assignment; None where it is never too late."""
    own = _find(gradebook, assignment)
    if own is None or own.duedate is None:
        return None
    due = own.duedate.replace(tzinfo=UTC)
    row = gradebook.db.execute(
        select(LATE_RULES).where(LATE_RULES.c.assignment == assignment)
    ).first()
    if row is None:  # a due date that was set with nbgrader's own commands
        return LateRule(due=due)
    return LateRule(
        due=due.astimezone(timezone(timedelta(seconds=row.utc_offset))),
        points_per_day=row.points_per_day,
        grace_minutes=row.grace_minutes,
    )


def set_time(
    gradebook: Gradebook, submission: SubmittedAssignment, stamp: str | None, rule: LateRule | None
) -> None:
    """Note when a submission came, by its `timestamp.txt`, and what its lateness costs.

    nbgrader gets the time as it reads it, right or wrong: formgrader takes a submission for
    ungraded if the two differ. What counts is the course's own.
    """
    try:
        submission.timestamp = parse_utc(stamp)
    except (ValueError, OverflowError, TypeError, AttributeError):
        submission.timestamp = None
    zone = zone_of(rule.due) if rule else UTC
    time = read_time(stamp, zone) if stamp else None
    handed_in = time and time.replace(tzinfo=None)
    student, assignment = submission.student.id, submission.assignment.name
    own_row(gradebook, student, assignment)
    key = submission_key(student, assignment)
    gradebook.db.execute(update(SUBMISSIONS).where(key).values(handed_in=handed_in))
    _charge(submission, handed_in, rule)


def _charge(
    submission: SubmittedAssignment, handed_in: datetime | None, rule: LateRule | None
) -> None:
    """Note a penalty; extensions that were granted with nbgrader count.

    The whole penalty is noted, even above the score: points that a person gives later must not
    make up for it.
    """
    penalty = None
    if rule and handed_in:
        due = rule.due.astimezone(UTC).replace(tzinfo=None)
        late = (handed_in - due - (submission.extension or timedelta())).total_seconds()
        penalty = rule.penalty(late) or None
    for notebook in submission.notebooks:  # one in each of the course's assignments
        notebook.late_submission_penalty = penalty


def _find(gradebook: Gradebook, assignment: str) -> Assignment | None:
    return gradebook.db.scalar(select(Assignment).where(Assignment.name == assignment))
