"""A search that proposes nothing that may be trained is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.checked import any_feasible
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from tests.sweeps.conftest import SMALL, Ran
from trainers.errors import ConfigError

WIDTHS = ("search=random", "baseline=false", "model.width=range(8,208,8)")


def swept(*words: str) -> Sweep:
    with compose([*SMALL, *WIDTHS, *words]) as composition:
        return check(composition)


def test_a_few_that_are_refused_are_no_reason() -> None:
    any_feasible.check(swept('require=["model.width >= 160"]'))
    any_feasible.check(swept())


@pytest.mark.parametrize(
    ("require", "why"),
    [
        ("model.width > 200", "none of 25 proposals in a row could be trained, refused 100% by"),
        ("parameters <= 10", 'refused 100% by require "parameters <= 10" [(]the last: '),
    ],
)
def test_when_all_are_it_is_said_how_many_and_by_what(require: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        any_feasible.check(swept(f'require=["{require}"]'))


def test_an_infinite_space_is_given_up_after_some() -> None:
    drawn = "optimizer.lr=tag(log,interval(1e-4,1e-2))"
    with pytest.raises(ConfigError, match="none of 200 proposals in a row"):
        any_feasible.check(swept(drawn, 'require=["optimizer.lr > 5"]'))


def test_it_asks_for_what_the_sweep_will_propose() -> None:
    """A first point that may be trained is enough, however hopeless the rest."""
    first = "points=[{model.width: 16}]"
    any_feasible.check(swept(first, 'require=["model.width == 16"]'))


def test_nothing_is_left_of_it(sweep_without_ray: Callable[..., Ran], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="could be trained"):
        sweep_without_ray(
            *WIDTHS, 'require=["parameters <= 10"]', f"study={tmp_path / 'group.log'}"
        )
    assert not (tmp_path / "s").exists()
    assert not (tmp_path / "group.log").exists()
