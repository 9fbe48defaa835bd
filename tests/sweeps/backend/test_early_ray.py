"""Ray starts beside what else is to be done, and ends whatever comes of that."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sweeps.backend.early_ray import started_early
from sweeps.backend.ray_session import Cluster
from trainers.errors import ConfigError

RESOURCES = {"cpu": 1, "gpu": 0.0, "anywhere": False}


@dataclass(frozen=True)
class NotedCluster(Cluster):
    """A cluster that notes what is asked of it."""

    noted: list[Any]

    def prepare(self, resources: Mapping[str, Any], most: int | None) -> None:
        assert (resources, most) == (RESOURCES, 2)
        self.noted.append(("prepare", threading.current_thread().name))


class SlowRay:
    """A Ray that is up once it is let."""

    def __init__(self, error: Exception | None = None) -> None:
        self.may_start = threading.Event()
        self.noted: list[Any] = []
        self.error = error

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Cluster]:
        self.may_start.wait(60)
        if self.error is not None:
            raise self.error
        self.noted.append("up")
        try:
            yield NotedCluster(own=True, address="", noted=self.noted)
        finally:
            self.noted.append(("down", threading.current_thread().name))


def test_the_block_goes_on_while_ray_starts_and_waits_for_it_at_last() -> None:
    ray = SlowRay()
    with started_early(ray, RESOURCES, 2) as early:
        assert ray.noted == [], "it would wait"
        ray.may_start.set()
        with early() as cluster:
            assert cluster.own
            assert ray.noted == ["up", ("prepare", "ray")]
        assert len(ray.noted) == 2, "it stays up until the outer block ends"
    assert ray.noted[-1] == ("down", "ray"), "Linux ends Ray's processes with their thread"


def test_a_ray_that_does_not_start_says_so_where_it_is_waited_for() -> None:
    ray = SlowRay(ConfigError("Ray does not start on this machine"))
    ray.may_start.set()
    with started_early(ray, RESOURCES, 2) as early:
        for _ in range(2):
            with pytest.raises(ConfigError, match="Ray does not start"), early():
                pass


def test_a_ray_that_nobody_wants_any_more_is_ended() -> None:
    ray = SlowRay()

    def refuse() -> None:
        with started_early(ray, RESOURCES, 2):
            ray.may_start.set()
            raise ConfigError("the data is missing")

    with pytest.raises(ConfigError, match="the data is missing"):
        refuse()
    assert ray.noted in (["up", ("down", "ray")], ["up", ("prepare", "ray"), ("down", "ray")])
