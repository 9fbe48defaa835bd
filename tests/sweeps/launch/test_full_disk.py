"""A sweep waits for a disk that is full, and nothing is failed by it."""

from __future__ import annotations

import csv
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sweeps.conftest import Ran
from tests.sweeps.waiting import until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of six megabytes, five of which are taken by a file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by the superuser only")
    try:
        (disk / "ballast").write_bytes(bytes(5 << 20))
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_waited_for(
    small_disk: Path,
    sweep_anywhere_without_ray: Callable[..., Ran],
    capfd: pytest.CaptureFixture[str],
) -> None:
    seen: list[str] = []

    def make_room() -> None:
        def told() -> bool:
            seen.append(capfd.readouterr().out)
            return "cannot be written" in "".join(seen)

        until(told)
        (small_disk / "ballast").unlink()

    helper = threading.Thread(target=make_room)
    helper.start()
    words = ("model.width=64,96", "model.depth=2", "search=grid", "stop=none", "epochs=5")
    ran = sweep_anywhere_without_ray(small_disk, *words)
    helper.join()
    assert ran.code == 0
    with (ran.folder.path / "trials.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["complete", "complete"]
    assert "No space left on device" in "".join(seen)
