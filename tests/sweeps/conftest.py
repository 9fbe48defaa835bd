"""Sweeps in this process: on one Ray for all tests, or where Ray is not the point without it.

A Ray takes seconds to start, and so does every sweep on it, whose trials' process imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from sweeps.backend import ray_tune, worker
from sweeps.backend.ray_session import Cluster, Places, Ray, session
from sweeps.backend.stream.sending import StreamedResults
from sweeps.checked.check import check
from sweeps.cli import use_plugins
from sweeps.config.composition import compose
from sweeps.driver.contract import LookUpSlots
from sweeps.driver.driver import Driver
from sweeps.launch.begin import begin
from sweeps.results_folder import Folder
from sweeps.trials import Place, State
from tests.wandb_server import WandbServer

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


@pytest.fixture(scope="module", autouse=True)
def pictures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pictures of one pixel: a sweep in this process would draw most of its time.

    Modules that look at them are marked as `drawn`.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("drawn") is None:
            patch.setattr(Figure, "savefig", _save_one_pixel)
        yield


def _save_one_pixel(figure: Figure, path: Path, **options: Any) -> None:
    Image.new("RGB", (1, 1)).save(path, format="png")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    """W&B's server, as far as this process and those that it starts know."""
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        yield server


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
    """The shared Ray, for what begins or goes on in this process."""
    return lambda: nullcontext(cluster)


class _Stopped(BaseException):
    """A trial is to end here."""


@dataclass(frozen=True)
class NoRay(Cluster):
    """One slot in this process, which trains each trial as a process of its own would."""

    has_gpu = False
    lost = False

    def slots(self, resources: Mapping[str, Any]) -> int:
        return 1

    def places(self, resources: Mapping[str, Any], lacking: Mapping[str, str]) -> Places:
        return Places(1, 1, {})

    def check(self, resources: Mapping[str, Any]) -> None:
        """It fits."""

    def prepare(self, resources: Mapping[str, Any], most: int | None) -> None:
        """There is nothing to prepare."""

    def describe(self) -> str:
        return "this process"

    def run(
        self,
        driver: Driver,
        slots: LookUpSlots,
        lost_processes: int,
        how_to_go_on: str,
        last_begun: Callable[[], None],
        streams: StreamedResults | None = None,
    ) -> bool:
        """One trial after the other."""
        driver.share(slots(0, driver.wanted))
        while (assignment := driver.next()) is not None:
            name = assignment.trial

            def tell(result: Mapping[str, Any], name: str = name) -> None:
                if "state" in result:
                    driver.failed(name, State(result["state"]), result["reason"])
                    return
                if "waiting" in result:
                    driver.notify(f"{name} waits: {result['waiting']}")
                    return
                for note in result["notes"]:
                    driver.notify(f"{name}: {note}")
                place = Place(result["member"], result["machine"])
                if driver.epoch(name, result["epoch"], result["metrics"], place):
                    raise _Stopped

            with suppress(_Stopped):
                worker.train(ray_tune._work(assignment, ()), "", tell)
            driver.listen()
        return False


@pytest.fixture(scope="session")
def without_ray() -> Ray:
    """What begins or goes on in this process trains its trials here too."""
    use_plugins()
    return lambda: nullcontext(NoRay(own=True, address=""))


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


@pytest.fixture(scope="session")
def sweep_anywhere_without_ray(without_ray: Ray) -> Callable[..., Ran]:
    """As `sweep_anywhere`, its trials in this process: where Ray is not the point."""

    def go(where: Path, *overrides: str, name: str = "s") -> Ran:
        code = begun(without_ray, *SMALL, *overrides, f"results={where}", f"name={name}")
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
