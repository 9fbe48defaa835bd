"""A head that waits for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.raylets import Machines, end, free_port, line
from tests.cluster.stand_in import of_head, service
from tests.sweeps.processes import start


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    port = free_port(2)
    folder = tmp_path / "cluster"
    head = start("cluster.head", "--address=127.0.0.1", f"--port={port}", "--member=zeta",
                 CAVIAR_CLUSTER=str(folder))  # fmt: skip
    try:
        line(head, "joined: zeta")
        with service(200, of_head(), port + 1):
            yield Machines(head, f"127.0.0.1:{port}", folder)
    finally:
        end(head)
