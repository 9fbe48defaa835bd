"""One Ray for all tests of a run, and sweeps on it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Cluster, Ray, session
from sweeps.checked.check import check
from sweeps.cli import use_plugins
from sweeps.config.composition import compose
from sweeps.launch.begin import begin
from sweeps.results_folder import Folder

#: Small and quick: a model of one layer on a quarter of the digits.
SMALL = (
    "track=none",
    "space=null",
    "data.fraction=0.25",
    "model.width=16",
    "model.depth=1",
    "epochs=3",
    "max_concurrent=1",
)


@dataclass(frozen=True)
class Ran:
    """A sweep that has been run in this process."""

    folder: Folder
    code: int


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Ray of this test run's own."""
    use_plugins()
    with session() as ray:
        yield ray


@pytest.fixture(scope="session")
def ray_here(cluster: Cluster) -> Ray:
    """The shared Ray, for what begins or goes on in this process: to start one takes seconds."""
    return lambda: nullcontext(cluster)


def begun(ray: Ray, *words: str) -> int:
    """Begin a sweep in this process, as its command does; returns its exit code."""
    with compose(words) as composition:
        return begin(check(composition), ray)


@pytest.fixture(scope="session")
def sweep_anywhere(ray_here: Ray) -> Callable[..., Ran]:
    """Runs a sweep on the shared Ray, its results in a given folder, with given overrides."""

    def go(where: Path, *overrides: str, name: str = "s") -> Ran:
        code = begun(ray_here, *SMALL, *overrides, f"results={where}", f"name={name}")
        return Ran(Folder(where / name), code)

    return go


@pytest.fixture
def sweep_here(sweep_anywhere: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """The same, its results in the test's own folder."""
    return partial(sweep_anywhere, tmp_path)
