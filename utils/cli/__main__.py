"""`python -m utils.cli` is `course`."""

from utils.cli import main

main()
