"""Assignments: built, handed in, run in a sandbox and graded."""
