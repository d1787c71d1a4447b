"""State directories for the tests of the embedded services."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded
from tests.config import embedded_steps as steps


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that every user can pass through."""
    with steps.reachable_folder() as folder:
        yield folder


@pytest.fixture
def new_state_dir(folder: Path) -> Iterator[Path]:
    """Name a state directory that was never used."""
    with steps.ending(folder / "state") as state_dir:
        yield state_dir


@pytest.fixture
def state_dir(made_state_dir: Path) -> Iterator[Path]:
    """Give a state directory that other tests have used, where nothing runs."""
    with steps.ending(made_state_dir):
        yield made_state_dir


@pytest.fixture(scope="module")
def made_state_dir() -> Iterator[Path]:
    """Make the database once for a module: that takes longer than most tests."""
    with steps.reachable_folder() as folder, steps.ending(folder / "state") as state_dir:
        user = steps.User(state_dir)
        assert user.database_url
        user.leave()
        embedded.stop(state_dir)
        yield state_dir
