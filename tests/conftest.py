"""Settings of all tests: what hypothesis may take, and the order they come in."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, settings

from sweeps.cli import use_plugins
from sweeps.config.hydra_cache import compose_once

# A busy machine is no failure.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")

use_plugins()  # Hydra looks for them once, at its first use
compose_once()  # Hydra took a fifth of the tests' time

#: Fixtures that start a Ray, and others that start processes.
RAYS = {"cluster", "machines", "own_machines"}
PROCESSES = {"nursery"}


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "run the tests in an order that this whole number decides, module by module"
    parser.addoption("--shuffle", type=int, metavar="SEED", help=told)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever has such a fixture is marked, without a word in its file."""
    if _fixtures(item) & (RAYS | PROCESSES):
        item.add_marker("machines")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first, each kind at the head of the queue of one of xdist's processes.

    A process begins with its part of the list and, once it is through, takes over another's last
    tests. So one Ray serves all the tests that share one, and nothing long is left for the end.
    """
    rays, others, rest = [], [], []
    for item in items:
        fixtures = _fixtures(item)
        long = item.get_closest_marker("machines") is not None
        (rays if fixtures & RAYS else others if long else rest).append(item)
    if (seed := config.getoption("--shuffle")) is not None:
        dice = random.Random(seed)
        modules: dict[str, list[pytest.Item]] = {}
        for item in items:
            modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
        names = list(modules)
        dice.shuffle(names)
        items[:] = [
            item for name in names for item in dice.sample(modules[name], len(modules[name]))
        ]
        return
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "2"))
    first = max(0, len(items) // processes - len(rays))
    items[:] = [*rays, *rest[:first], *others, *rest[first:]]
