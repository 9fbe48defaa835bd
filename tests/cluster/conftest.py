"""A head that waits for others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.raylets import Machines, end


@pytest.fixture(scope="package")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """One for all tests that leave it as it was: it takes seconds to start and to end."""
    with _head(tmp_path_factory.mktemp("head") / "cluster") as machines:
        yield machines


@pytest.fixture
def own_machines(tmp_path: Path) -> Iterator[Machines]:
    """One for a test that ends it."""
    with _head(tmp_path / "cluster") as machines:
        yield machines


@contextmanager
def _head(folder: Path) -> Iterator[Machines]:
    machines = Machines.begin(folder)
    try:
        yield machines
    finally:
        end(machines.head)
