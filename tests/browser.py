"""A page in a real browser, without a window."""

import os
import shutil
import subprocess
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def opened(page: Path, profile: Path) -> str:
    """The page as it stands after its scripts, if any, have run."""
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [
        str(CHROMIUM), "--headless", "--disable-gpu", *as_root, f"--user-data-dir={profile}",
        "--no-first-run", "--disable-background-networking", "--virtual-time-budget=1500",
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    return done.stdout
