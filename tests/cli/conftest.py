"""What several of these tests begin with."""

from pathlib import Path

import pytest
from commands import Ended, course, put_squares


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_squares(tmp_path_factory.mktemp("data") / "squares")


@pytest.fixture
def no_official_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Ended, Path]:
    """The same trace twice, as JSON, and its page."""
    page = tmp_path_factory.mktemp("reports") / "new" / "trace.html"
    words = ("trace", "--family", "efficientnet", "--limit", 40, "--epochs", 2, "--json",
             "--out", page)  # fmt: skip
    return course(*words), course(*words), page
