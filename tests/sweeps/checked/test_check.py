"""What cannot run as asked is refused in a line or two, and what can is whole."""

from __future__ import annotations

import pytest

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.stop import Asha
from sweeps.study.url import Database
from trainers.errors import ConfigError

SWEPT = ("space=null", "model.width=8,16", "track=none")
ENDLESS = ("space=null", "model.dropout=interval(0,0.5)")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("space=null",), "nothing varies: give values for a key"),
        ((*SWEPT, "+budget.trails=3"), "budget.trails"),
        (
            ("space=null", "model.dropout=interval(0,0.5)", "budget.trials=null"),
            "without any limit .* never end",
        ),
        (("space=null", "optimizer.lr=interval(0.1,inf)"), r"optimizer\.lr: .* finite numbers"),
        (("space=null", "optimizer.lr=interval(nan,1)"), r"optimizer\.lr: .* finite numbers"),
        (
            ("space=null", "model.width=range(1,inf)"),
            r"range\(1,inf,1\) needs finite",
        ),
        (("space=null", "model.width=range(1,9,0)"), r"model\.width: range\(1,9,0\) is empty"),
        (("space=null", "optimizer.lr=0.1,inf"), r"optimizer\.lr must be a finite number"),
        ((*SWEPT, "budget.hours=inf"), r"budget\.hours must be above 0, or null"),
        ((*SWEPT, "failures.in_a_row=0"), r"failures\.in_a_row must be 1 or more, not 0"),
        ((*SWEPT, "failures.lost_processes=-1"), r"failures\.lost_processes must be 0 or more"),
        ((*SWEPT, "max_concurrent=0"), "max_concurrent must be 1 or more.* not 0"),
        ((*SWEPT, "resources.gpu_memory_gb=-4"), "gpu_memory_gb"),
        (
            (*SWEPT, "resources.gpu=auto", "device=cuda"),
            "device=cuda: resources.gpu=auto trains on machines without cards too: use device=auto",
        ),
        ((*SWEPT, "resources.gpu=auto", "device=cpu,mps"), "device=mps: resources.gpu=auto"),
        ((*SWEPT, "resources.gpu=auto,0"), "resources.gpu=auto is for all trials of a sweep"),
        ((*SWEPT, "resources.gpu=0.5,x"), "resources.gpu must be 0 or more, .* or auto, not x"),
        ((*SWEPT, "+objectives.val_accuracy=max"), "val_accuracy is the objective already"),
        ((*SWEPT, "+objectives.speed=max"), r"objectives must be one of .*epoch_s.*speed"),
        ((*SWEPT, "+objectives.val_loss=max"), r"set objectives\.val_loss=min"),
        (
            (*SWEPT, "task.metric=val_loss", "stop=target", "stop.mode=max"),
            "stop.mode=max contradicts the objective, the lowest val_loss",
        ),
        (
            (
                *SWEPT,
                "stop=several",
                "+stop@stop.rules.target=target",
                "stop.rules.target.mode=min",
            ),
            "stop.mode=min contradicts the objective, the highest val_accuracy",
        ),
        ((*SWEPT, "require=['width > ']"), "require"),
        (("experiment=hw1p2_plan",), "it is a plan of several sweeps where one is wanted"),
    ],
)
def test_refuses(words: tuple[str, ...], told: str) -> None:
    with compose(words) as composition, pytest.raises(ConfigError, match=told) as refusal:
        check(composition)
    assert len(str(refusal.value).splitlines()) <= 2


def test_the_baseline_comes_before_the_initial_points_and_once() -> None:
    words = ("points=[{model.width: 16}, {model.width: 64}]", "model.width=8,16,64")
    with compose(("space=null", *words)) as composition:
        sweep = check(composition)
    assert [point["model.width"] for point in sweep.search.setting.points] == [64, 16]
    with compose(("space=null", *words, "baseline=false")) as composition:
        sweep = check(composition)
    assert [point["model.width"] for point in sweep.search.setting.points] == [16, 64]


def test_a_password_goes_no_further_than_the_address_of_the_study() -> None:
    url = "study=postgresql://me:hunter2@127.0.0.1/group"
    with compose((*SWEPT, url)) as composition:
        sweep = check(composition)
    assert isinstance(sweep.shared, Database)
    assert sweep.shared.url == "postgresql://me@127.0.0.1/group"
    assert sweep.config["study"] == "postgresql://me@127.0.0.1/group"
    assert "hunter2" not in repr(sweep.config)


def test_a_rule_that_compares_by_one_objective_of_several_is_told() -> None:
    with compose((*SWEPT, "stop=asha", "+objectives.parameters=min")) as composition:
        sweep = check(composition)
    assert isinstance(sweep.stop, Asha)
    assert "stop=asha compares trials by val_accuracy alone" in " ".join(sweep.messages)
    with compose((*SWEPT, "stop=none", "+objectives.parameters=min")) as composition:
        assert "compares trials" not in " ".join(check(composition).messages)


def test_repeats_are_told() -> None:
    with compose((*SWEPT, "repeats.top=2")) as composition:
        sweep = check(composition)
    assert sweep.repeats.description in sweep.messages


def test_shares_of_a_card_may_be_swept() -> None:
    with compose((*SWEPT, "resources.gpu=0.5,1", "search=grid")) as composition:
        assert check(composition).space.size() == 4
