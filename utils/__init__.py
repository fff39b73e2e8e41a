"""The code behind the course: everything that a lesson or the `course` command calls."""
