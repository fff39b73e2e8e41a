"""nbgrader's own commands work on the same folders, with the same care, as `course grade`."""

from utils.grading.autograde import settings

c = get_config()  # noqa: F821 (nbgrader defines it)
c.merge(settings())
