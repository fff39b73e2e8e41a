"""Publishing: each version in a folder of its own, on a branch of a real repository."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from utils.site.config import SITE

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git isn't installed")


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", *words]
    return subprocess.check_output(command, cwd=folder, encoding="utf-8")


def publish(repository: Path, version: str, text: str) -> None:
    """What the workflow does, on a machine that has just cloned the repository."""
    checkout = Path(tempfile.mkdtemp(dir=repository.parent)) / "checkout"
    git(repository.parent, "clone", "-q", "--depth", "1", repository.as_uri(), str(checkout))
    page = checkout / "build" / "site" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(text, encoding="utf-8")
    subprocess.run([SITE / "publish.sh", version], cwd=checkout, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A bare repository with one commit that ignores what is built, as ours does."""
    source, bare = tmp_path / "source", tmp_path / "bare.git"
    (source / "site").mkdir(parents=True)
    shutil.copy(SITE / "redirect.html", source / "site")
    (source / ".gitignore").write_text("build/\n", encoding="utf-8")
    git(source, "init", "-q", "-b", "main")
    git(source, "add", "-A")
    git(source, "commit", "-q", "-m", "Begin")
    git(tmp_path, "clone", "-q", "--bare", str(source), str(bare))
    return bare


def test_each_version_has_a_folder_that_others_leave_alone(repository: Path) -> None:
    publish(repository, "latest", "first")
    publish(repository, "v1.0", "released")
    publish(repository, "latest", "second!")
    publish(repository, "latest", "second!")  # nothing new
    files = git(repository, "ls-tree", "-r", "--name-only", "gh-pages").split()
    assert files == [".nojekyll", "index.html", "latest/index.html", "v1.0/index.html"]
    assert git(repository, "show", "gh-pages:latest/index.html") == "second!"
    assert git(repository, "show", "gh-pages:v1.0/index.html") == "released"
    assert "latest/" in git(repository, "show", "gh-pages:index.html")
    assert git(repository, "log", "--format=%s", "gh-pages").split("\n")[:3] == [
        "Publish latest", "Publish v1.0", "Publish latest",
    ]  # fmt: skip
