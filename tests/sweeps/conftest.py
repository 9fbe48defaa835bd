"""One Ray for all tests of a run, and sweeps on it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from sweeps import results
from sweeps import resume as resume_module
from sweeps import sweep as sweep_module
from sweeps.composition import compose
from sweeps.entry import use_plugins
from sweeps.results import Folder
from sweeps.session import Cluster, session
from sweeps.study import Study
from sweeps.sweep import begin, check, fetch, run

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


@pytest.fixture
def begin_here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Begins a sweep in this process, as its command does, and returns its exit code.

    What begins or goes on here runs on the shared Ray; starting one takes seconds.
    """
    for module in (sweep_module, resume_module):
        monkeypatch.setattr(module, "connect", lambda sweep: nullcontext(cluster))

    def go(*words: str) -> int:
        with compose(words) as composition:
            return begin(check(composition))

    return go


@pytest.fixture(scope="session")
def sweep_anywhere(cluster: Cluster) -> Callable[..., Ran]:
    """Runs a sweep on the shared Ray, its results in a given folder, with given overrides."""

    def go(where: Path, *overrides: str, name: str = "s") -> Ran:
        words = [*SMALL, *overrides, f"results={where}", f"name={name}"]
        with compose(words) as composition:
            sweep = check(composition)
            fingerprint = fetch(sweep)
            folder = results.create(where, name)
            results.write_sweep(folder, sweep.config, composition.overrides, fingerprint)
            study = Study(folder.study, sweep.objective, sweep.space, name, True, sweep.further)
            return Ran(folder, run(sweep, folder, study, cluster))

    return go


@pytest.fixture
def sweep_here(sweep_anywhere: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """The same, its results in the test's own folder."""
    return partial(sweep_anywhere, tmp_path)
