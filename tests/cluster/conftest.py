"""A head that waits for others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.raylets import Machines, end, free_ports, line
from tests.sweeps.processes import start


@pytest.fixture(scope="session")
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
    port = free_ports(2)
    head = start("cluster.head", "--address=127.0.0.1", f"--port={port}", "--member=zeta",
                 CAVIAR_CLUSTER=str(folder))  # fmt: skip
    try:
        line(head, "joined: zeta")
        yield Machines(head, f"127.0.0.1:{port}", folder)
    finally:
        end(head)
