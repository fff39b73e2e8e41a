"""nbgrader's own commands work on the same folders, with the same care, as `course grade`."""

from utils.grading.class_folder import ClassFolder
from utils.grading.nbgrader_commands import settings

c = get_config()  # noqa: F821 (nbgrader defines it)
c.merge(settings(ClassFolder.chosen()))
