"""Configurations to try first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.study.open import open_study
from sweeps.study.study import Study
from trainers.errors import ConfigError

POINT = "{optimizer.lr: 0.01, model.width: 64, optimizer: sgd}"
SPACE = (
    "space=null",
    "model.width=int(interval(32,256))",
    "optimizer=adamw,sgd",
    "optimizer.lr=tag(log,interval(1e-3,1e-1))",
    "optimizer.momentum=0.5,0.9",
)


def swept(*overrides: str) -> Sweep:
    with compose([*SPACE, "baseline=false", *overrides]) as composition:
        return check(composition)


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    sweep = swept()
    study = open_study(tmp_path / "study.log", sweep.objective, sweep.space, "s", create=True)
    yield study
    study.close()


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_come_first_and_what_they_leave_open_is_drawn(search: str, study: Study) -> None:
    sweep = swept(f"search={search}", f"points=[{POINT}]")
    first, second = study.propose(sweep.search), study.propose(sweep.search)
    assert first.params["optimizer.lr"] == 0.01
    assert first.params["model.width"] == 64
    assert first.params["optimizer"] == "sgd"
    assert first.params["optimizer.momentum"] in (0.5, 0.9)
    assert second.params["optimizer.lr"] != 0.01


def test_a_value_whose_condition_does_not_hold_is_dropped(study: Study) -> None:
    when = "+when={model.width: 'optimizer == \"sgd\"'}"
    given = "points=[{optimizer: adamw, model.width: 64}, {optimizer: sgd, model.width: 64}]"
    search = swept("search=random", when, given)
    study.space = search.space
    first, second = study.propose(search.search), study.propose(search.search)
    assert first.params["optimizer"] == "adamw"
    assert "model.width" not in first.params
    assert second.params["model.width"] == 64


def test_what_is_fixed_on_the_command_line_is_passed_over() -> None:
    point = POINT.replace("}", ", optimizer.momentum: 0.5}")
    overrides = ["experiment=quickstart", f"points=[{point}]", "optimizer=adamw", "model.depth=2"]
    with compose([*overrides, "optimizer.lr=0.02", "baseline=false"]) as composition:
        sweep = check(composition)
    assert sweep.search.point(0) == {"model.width": 64}
    assert sweep.messages == (
        "optimizer.momentum is not swept: optimizer=adamw has no such key",
        "points: optimizer.lr, optimizer, optimizer.momentum left out, as not swept",
    )


def test_one_that_the_space_does_not_hold_is_passed_over_and_told() -> None:
    sweep = swept("points=[{model.width: 999}, {model.width: 40}, {optimizer.momentum: 0.7}]")
    assert [sweep.search.point(n) for n in range(2)] == [{"model.width": 40}, None]
    assert sweep.messages == (
        "points[0] is passed over: model.width=999 is not in the space",
        "points[2] is passed over: optimizer.momentum=0.7 is not in the space",
    )


def test_a_key_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"points\[0\]: model.widht.*did you mean model.width"):
        swept("points=[{model.widht: 64}]")


def test_a_key_that_is_not_swept_is_refused_where_it_was_asked_for() -> None:
    with pytest.raises(ConfigError, match=r"points\[0\]: batch_size is not swept: give it values"):
        swept("points=[{model.width: 64, batch_size: 32}]")


def test_and_left_out_of_the_points_of_an_experiment() -> None:
    words = ("experiment=hw1p2", "space=null", "model.width=1024,2048", "baseline=false")
    with compose(words) as composition:
        sweep = check(composition)
    assert sweep.search.point(0) == {"model.width": 2048}
    told = " ".join(sweep.messages)
    assert "points: model.depth, data.context, " in told
    assert "left out, as not swept" in told


def test_the_configuration_as_it_is_comes_before_them() -> None:
    as_is = {"optimizer": "adamw", "model.width": 64, "optimizer.lr": 0.003}
    sweep = swept("baseline=true", "points=[{model.width: 40}]")
    assert [sweep.search.point(n) for n in range(3)] == [as_is, {"model.width": 40}, None]
    again = swept("baseline=true", f"points=[{as_is}]".replace("'", ""))
    assert [again.search.point(n) for n in range(2)] == [as_is, None]


def test_the_configuration_as_it_is_may_lie_outside_of_the_space() -> None:
    with compose(["space=null", "model.width=128,256"]) as composition:
        assert check(composition).search.point(0) is None
