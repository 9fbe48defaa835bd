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
    """The longest first: those that share a Ray in one of xdist's processes, others in the rest.

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
        modules = _modules(items)
        dice.shuffle(modules)
        items[:] = [item for module in modules for item in dice.sample(module, len(module))]
        return
    processes = max(2, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "2")))
    share, modules = len(items) // processes, _modules(others)
    items.clear()
    for number in range(processes):
        own = modules[number - 1 :: processes - 1] if number else [rays]
        first = [item for module in own for item in module]
        more = max(0, share - len(first))
        items += [*first, *rest[:more]]
        del rest[:more]
    items += rest


def _modules(items: list[pytest.Item]) -> list[list[pytest.Item]]:
    """The tests of each module."""
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.nodeid.partition("::")[0], []).append(item)
    return [*modules.values()]
