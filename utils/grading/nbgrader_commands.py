"""nbgrader's own commands on the course's folders: what they may do, and what they leave alone."""

from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbgrader.converters import Autograde, GenerateFeedback
from traitlets.config import Config

from utils.grading.assignments import nbgrader_settings
from utils.grading.class_folder import ClassFolder


class UseCourseGrade(Preprocessor):
    """Refuses the steps that would run students' code beside the marks.

    It does so when nbgrader makes its list of steps, before any file is touched.
    """

    def __init__(self, parent: Any = None, **settings: Any) -> None:
        super().__init__(parent=parent, **settings)
        if isinstance(getattr(parent, "parent", None), Autograde | GenerateFeedback):
            raise SystemExit(
                "nbgrader would run students' code with your rights and show hidden tests: grade "
                "and write feedback with course grade, which works on the same folders."
            )


def settings(folder: ClassFolder) -> Config:
    """nbgrader's folders, for its formgrader, lists and exports."""
    own = nbgrader_settings()
    own.CourseDirectory.submitted_directory = str(folder.submissions)
    for step in ("autograded", "feedback", "solution", "source_with_tests"):
        own.CourseDirectory[f"{step}_directory"] = str(folder.root / step)
    own.CourseDirectory.db_url = folder.gradebook_url
    own.Exporter.preprocessors = ["utils.grading.nbgrader_commands.UseCourseGrade"]
    return own
