"""What the tests on hostile submissions begin with."""

from collections.abc import Iterator

import pytest
from hostile_run import World, graded_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A machine on which every hostile class was graded."""
    with graded_world(tmp_path_factory.mktemp) as world:
        yield world
