"""Where a class's work and marks lie, under the names that nbgrader gives them."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from utils.errors import CourseError
from utils.grading.names import folder_id, shown_name
from utils.settings import Settings

POSTGRES = "postgresql+psycopg"  # the driver that the course installs


@dataclass(frozen=True)
class ClassFolder:
    """A folder with everything that students hand in, and everything that comes of it."""

    root: Path
    database: str | None = (
        None  # the URL of a gradebook elsewhere; by default it lies in the folder
    )

    @classmethod
    def chosen(cls) -> "ClassFolder":
        """That of `COURSE_GRADING`, or else `grading/`; with `COURSE_GRADEBOOK`, if it is set."""
        settings = Settings()
        return cls(settings.grading, settings.gradebook)

    @property
    def submissions(self) -> Path:
        """What was handed in, as STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb."""
        return self.root / "submitted"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def released(self) -> Path:
        """The students' copies that submissions are rebuilt on."""
        return self.root / "released"

    @property
    def gradebook(self) -> Path:
        """The gradebook's file, where it isn't a server's."""
        return self.root / "gradebook.db"

    @property
    def gradebook_url(self) -> str:
        """The database with all marks, password included.

        Raises:
            CourseError: `COURSE_GRADEBOOK` isn't the URL of a PostgreSQL or SQLite database.
        """
        if self.database is None:
            return f"sqlite:///{self.gradebook}"
        return _checked(self.database).render_as_string(hide_password=False)

    def submitted(self, student: str, assignment: str) -> Path:
        """What a student handed in, by their id; a folder laid by hand may have another name."""
        usual = self.submissions / student / assignment
        if not usual.exists() and self.submissions.is_dir():
            for folder in sorted(self.submissions.iterdir()):
                other = folder_id(shown_name(folder.name)) == student
                if other and (folder / assignment).exists():
                    return folder / assignment
        return usual

    def autograded(self, student: str, assignment: str) -> Path:
        """The notebook of a student as it ran."""
        return self.root / "autograded" / student / assignment / f"{assignment}.ipynb"

    def page(self, student: str, assignment: str) -> Path:
        """A student's feedback."""
        return self.feedback / student / assignment / f"{assignment}.html"


def _checked(database: str) -> URL:
    advice = "write postgresql://USER:PASSWORD@HOST/NAME, or leave it empty for a file in grading/."
    try:
        url = make_url(database)
    except (ArgumentError, ValueError) as error:
        raise CourseError(f"COURSE_GRADEBOOK is no database's URL: {advice}") from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername=POSTGRES)
    known = url.drivername == POSTGRES or (url.drivername == "sqlite" and url.database)
    if not known:
        raise CourseError(f"COURSE_GRADEBOOK names a {url.drivername} database: {advice}")
    return url
