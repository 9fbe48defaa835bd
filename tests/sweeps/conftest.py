"""One Ray for all tests of a run, and sweeps on it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Cluster, session
from sweeps.cli import use_plugins
from sweeps.commands import resume as resume_module
from sweeps.config.composition import compose
from sweeps.launch import session as sweep_module
from sweeps.launch.session import begin, check
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


@contextmanager
def _on(cluster: Cluster) -> Iterator[None]:
    """Within, what begins or goes on in this process runs there; starting a Ray takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (sweep_module, resume_module):
            patch.setattr(module, "connect", lambda sweep: nullcontext(cluster))
        yield


@pytest.fixture
def ray_here(cluster: Cluster) -> Iterator[None]:
    """What begins or goes on in this process runs on the shared Ray."""
    with _on(cluster):
        yield


def begun(*words: str) -> int:
    """Begin a sweep in this process, as its command does; returns its exit code."""
    with compose(words) as composition:
        return begin(check(composition))


@pytest.fixture(scope="session")
def sweep_anywhere(cluster: Cluster) -> Callable[..., Ran]:
    """Runs a sweep on the shared Ray, its results in a given folder, with given overrides."""

    def go(where: Path, *overrides: str, name: str = "s") -> Ran:
        with _on(cluster):
            code = begun(*SMALL, *overrides, f"results={where}", f"name={name}")
        return Ran(Folder(where / name), code)

    return go


@pytest.fixture
def sweep_here(sweep_anywhere: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """The same, its results in the test's own folder."""
    return partial(sweep_anywhere, tmp_path)
