"""Where a class's work and marks lie, under the names that nbgrader gives them."""

from dataclasses import dataclass
from pathlib import Path

from utils.settings import Settings


@dataclass(frozen=True)
class ClassFolder:
    """A folder with everything that students hand in, and everything that comes of it."""

    root: Path

    @classmethod
    def chosen(cls) -> "ClassFolder":
        """That of `COURSE_GRADING`, or else `grading/` in the project."""
        return cls(Settings().grading)

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
    def rebuilt(self) -> Path:
        """The notebooks that run."""
        return self.root / "rebuilt"

    @property
    def cache(self) -> Path:
        """The feature cache of submissions: never that of the instructor."""
        return self.root / "cache"

    @property
    def gradebook(self) -> Path:
        return self.root / "gradebook.db"

    @property
    def gradebook_url(self) -> str:
        """The database with all marks."""
        return f"sqlite:///{self.gradebook}"

    def submitted(self, student: str, assignment: str) -> Path:
        return self.submissions / student / assignment

    def autograded(self, student: str, assignment: str) -> Path:
        """The notebook of a student as it ran."""
        return self.root / "autograded" / student / assignment / f"{assignment}.ipynb"
