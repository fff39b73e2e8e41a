"""Feedback pages in one file, as a learning platform takes them."""

import io
import zipfile
from pathlib import Path

from utils.errors import CourseError
from utils.files import write_file
from utils.grading.class_folder import ClassFolder
from utils.grading.incoming.submissions import students_of
from utils.grading.marks.roster import MOODLE_FOLDER, match, read_roster
from utils.grading.names import shown_name

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same pages make the same file
UNSAFE = str.maketrans("/\\:", "___")  # what leads out of a folder on one system or another


def zip_feedback(
    folder: ClassFolder, assignment: str, target: Path, roster: Path | None = None
) -> list[str]:
    """Write everybody's page of an assignment to a zip with a folder a student; returns students.

    Moodle takes it under "Upload multiple feedback files in a zip" where each folder is called as
    it named them itself, `Name_1234_assignsubmission_file`
    (its `mod/assign/feedback/file/importziplib.php`). That is known where a student's own folder
    is still called so, or from the column Identifier of Moodle's grading worksheet as `roster`;
    other folders have the student's name. Links are left out.

    Raises:
        CourseError: there is no page yet, or a file can't be read or written.
    """
    pages = {
        shown_name(student): _page(folder, student, assignment)
        for student in students_of(folder.feedback)
    }
    found = {student: page for student, page in pages.items() if page}
    if not found:
        raise CourseError(
            f"There is no feedback on {assignment} in {folder.feedback}: run course grade "
            f"{assignment}."
        )
    people = match(found, read_roster(roster)).people if roster else {}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, page in found.items():
            person = people.get(student)
            name = _moodle_folder(student, person and person.participant)
            entry = zipfile.ZipInfo(f"{name}/{assignment}.html", EARLIEST)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, page.read_bytes())
    write_file(target, packed.getvalue())
    return sorted(found)


def _page(folder: ClassFolder, student: str, assignment: str) -> Path | None:
    page = folder.page(student, assignment)
    links = any(path.is_symlink() for path in (page.parents[1], page.parent, page))
    return None if links or not page.is_file() else page


def _moodle_folder(student: str, participant: str | None) -> str:
    """The folder of a student, as Moodle names it if that is known."""
    if participant is None or MOODLE_FOLDER.fullmatch(student):
        return student.translate(UNSAFE)
    return f"{student.translate(UNSAFE).replace('_', ' ')}_{participant}_assignsubmission_file"
