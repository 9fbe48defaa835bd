"""Every search of conf/ keeps the contract: a proposal is a function of seed and number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.samplers import BaseSampler

from sweeps.search.build import build
from sweeps.search.search import Search, Setting
from tests.sweeps.search.test_samplers import ROOT, space

CONF = sorted((ROOT / "conf/search").glob("*.yaml"))
SETTING = Setting(
    space("width=16,32,64", "lr=0.1,0.2"),
    seed=3,
    as_is=lambda given: {"width": 16, "lr": 0.1, **given},
)

every_search = pytest.mark.parametrize("path", CONF, ids=lambda path: path.stem)


def built(path: Path, setting: Setting = SETTING) -> Search:
    return build(yaml.safe_load(path.read_text()), setting)


def drawn(search: Search, number: int, attempt: int = 0) -> Mapping[str, object]:
    """What its sampler draws for a trial of an empty study."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=search.sampler(number, attempt))
    return SETTING.space.suggest(study.ask())


@every_search
def test_answers_in_the_types_of_the_contract(path: Path) -> None:
    search = built(path)
    assert search.setting is SETTING
    assert isinstance(search.learns, bool)
    assert isinstance(search.sampler(0), BaseSampler)
    assert search.point(0) is None or set(search.point(0) or ()) <= {"width", "lr"}
    assert search.limit() is None or isinstance(search.limit(), int)


@every_search
def test_what_is_drawn_depends_on_no_draw_before(path: Path) -> None:
    fresh = [drawn(built(path), number) for number in (4, 2)]
    used = built(path)
    assert [drawn(used, number) for number in (4, 2)] == fresh


@pytest.mark.parametrize("name", ["random", "tpe", "sobol"])
def test_a_further_attempt_draws_anew(name: str) -> None:
    search = built(ROOT / "conf/search" / f"{name}.yaml")
    draws = {str(drawn(search, 1, attempt)) for attempt in range(12)}
    assert len(draws) > 1


@pytest.mark.parametrize("name", ["random", "tpe", "sobol", "gp"])
def test_initial_points_come_first(name: str) -> None:
    point = {"width": 32}
    setting = Setting(SETTING.space, points=(point,))
    search = built(ROOT / "conf/search" / f"{name}.yaml", setting)
    assert [search.point(number) for number in (0, 1)] == [point, None]


def test_without_a_function_as_it_is_there_is_no_baseline() -> None:
    assert Setting(SETTING.space).as_is({"width": 16}) == {}
