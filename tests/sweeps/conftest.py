"""Sweeps in this process: on one Ray for all tests, or where Ray is not the point without it.

A Ray takes seconds to start, and so does every sweep on it, whose trials' process imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweeps import resume as resume_module
from sweeps import sweep as sweep_module
from sweeps import trial as trial_module
from sweeps import tune as tune_module
from sweeps.composition import compose
from sweeps.driver import Driver
from sweeps.entry import use_plugins
from sweeps.records import Place, State
from sweeps.results import Folder
from sweeps.session import Cluster, session
from sweeps.sweep import begin, check

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
    """Within, what begins or goes on in this process runs there."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (sweep_module, resume_module):
            patch.setattr(module, "connect", lambda sweep: nullcontext(cluster))
        yield


@pytest.fixture
def ray_here(cluster: Cluster) -> Iterator[None]:
    """What begins or goes on in this process runs on the shared Ray."""
    with _on(cluster):
        yield


class _NoRay(Cluster):
    """One slot in this process."""

    has_gpu = False

    def slots(self, resources: Mapping[str, Any]) -> int:
        return 1

    def check(self, resources: Mapping[str, Any]) -> None:
        """It fits."""

    def describe(self) -> str:
        return "this process"


class _Stopped(BaseException):
    """A trial is to end here."""


def _train_all(driver: Driver, slots: Callable[[], int], lost_processes: int) -> None:
    """In the place of `tune.run`: each trial as its process would train it, one after the other."""
    while (assignment := driver.next()) is not None:
        name = assignment.trial

        def tell(result: Mapping[str, Any], name: str = name) -> None:
            if "state" in result:
                driver.failed(name, State(result["state"]), result["reason"])
                return
            for note in result["notes"]:
                driver.note(f"{name}: {note}")
            place = Place(result["member"], result["machine"])
            if driver.epoch(name, result["epoch"], result["metrics"], place):
                raise _Stopped

        with suppress(_Stopped):
            trial_module.train(tune_module._work(assignment), "", tell)
        driver.listen()


@contextmanager
def in_this_process() -> Iterator[None]:
    """Within, what begins or goes on in this process trains its trials here too."""
    use_plugins()
    with pytest.MonkeyPatch.context() as patch, _on(_NoRay(own=True, address="")):
        patch.setattr(tune_module, "run", _train_all)
        yield


@pytest.fixture
def without_ray() -> Iterator[None]:
    """What begins or goes on in this process trains its trials here too."""
    with in_this_process():
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


@pytest.fixture(scope="session")
def sweep_anywhere_without_ray() -> Callable[..., Ran]:
    """As `sweep_anywhere`, its trials in this process: where Ray is not the point."""

    def go(where: Path, *overrides: str, name: str = "s") -> Ran:
        with in_this_process():
            code = begun(*SMALL, *overrides, f"results={where}", f"name={name}")
        return Ran(Folder(where / name), code)

    return go


@pytest.fixture
def sweep_without_ray(
    sweep_anywhere_without_ray: Callable[..., Ran], tmp_path: Path
) -> Callable[..., Ran]:
    """As `sweep_here`, its trials in this process: where Ray is not the point."""
    return partial(sweep_anywhere_without_ray, tmp_path)


@pytest.fixture
def sweep_here(sweep_anywhere: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """The same, its results in the test's own folder."""
    return partial(sweep_anywhere, tmp_path)
