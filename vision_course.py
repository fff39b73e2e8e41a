"""Where the `course` command starts: whatever else is called `utils`, the course's own is meant."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command with the course's folder before all others, here and in what it starts."""
    project = str(Path(__file__).resolve().parent)
    sys.path.insert(0, project)
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (project, others)))
    from utils.cli import main as course

    course()
