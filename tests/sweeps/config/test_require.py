"""What a trial must meet to be trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.config.require import Refusal, Refused
from trainers.errors import ConfigError

SPACE = (
    "space=null",
    "model.width=16,64",
    "model.depth=1,2",
    "optimizer=adamw,sgd",
    "optimizer.momentum=0.5,0.9",
)


@contextmanager
def swept(*require: str, others: tuple[str, ...] = ()) -> Iterator[Sweep]:
    told = ",".join(f"'{text}'" for text in require)
    with compose([*SPACE, *others, f"require=[{told}]"]) as composition:
        yield check(composition)


def judged(sweep: Sweep, **params: Any) -> tuple[Refusal, ...]:
    given = {key.replace("__", "."): value for key, value in params.items()}
    return sweep.constraints.judge(given, *sweep.composition.training(given))


def reasons(sweep: Sweep, **params: Any) -> list[str]:
    return [refusal.reason for refusal in judged(sweep, **params)]


class TestJudge:
    def test_gives_the_rule_with_its_values(self) -> None:
        with swept("model.width >= 32 * model.depth") as sweep:
            assert reasons(sweep, model__width=64, model__depth=2) == []
            (refusal,) = judged(sweep, model__width=16, model__depth=1)
        assert refusal.rule == 'require "model.width >= 32 * model.depth"'
        assert refusal.reason == f"{refusal.rule} is not met: model.width is 16, model.depth is 1"

    def test_names_have_the_resolved_values_of_the_trial(self) -> None:
        rules = ("schedule.epochs == epochs", 'precision in ["fp32"]', "optimizer.betas.1 < 1")
        with swept(*rules, others=("epochs=4,5",)) as sweep:
            assert reasons(sweep, epochs=5) == []

    def test_counts_the_parameters_of_the_model(self) -> None:
        with swept("parameters <= 3000") as sweep:
            assert reasons(sweep, model__width=16) == []
            assert reasons(sweep, model__width=64) == [
                '9,226 parameters, over 3,000 (require "parameters <= 3000")'
            ]

    @pytest.mark.parametrize(
        ("rule", "told"),
        [
            ("parameters < 9_226", "9,226 parameters, not under 9,226 ("),
            ("parameters > 1e4", "9,226 parameters, not over 10,000.0 ("),
            ("parameters >= 2 * 5000", "9,226 parameters, under 10,000 ("),
            ("1000 * model.depth > parameters", "9,226 parameters, not under 2,000 ("),
            ("parameters / 1e6 >= 1", "is not met: 9,226 parameters"),
            ("1 < parameters < 10", "is not met: 9,226 parameters"),
            ("parameters < parameters", "is not met: 9,226 parameters"),
            (
                "parameters < 10 or model.width < 2",
                "is not met: 9,226 parameters, model.width is 64",
            ),
            ("clip.norm == 3 and parameters > 1", "is not met: clip.norm is null, 9,226 param"),
        ],
    )
    def test_no_reason_reads_as_a_false_statement(self, rule: str, told: str) -> None:
        with swept(rule) as sweep:
            (reason,) = reasons(sweep, model__width=64, model__depth=2)
        assert told in reason
        assert rule in reason

    def test_a_group_has_the_name_of_its_choice(self) -> None:
        rule = 'optimizer != "sgd" or model.depth == 1'
        with swept(rule) as sweep:
            assert reasons(sweep, model__depth=2) == [], "adamw, as configured"
            assert reasons(sweep, model__depth=2, optimizer="adamw") == []
            assert len(reasons(sweep, model__depth=2, optimizer="sgd")) == 1

    def test_what_is_required_of_a_key_that_is_not_there_is_met(self) -> None:
        with swept("optimizer.momentum < 0.7") as sweep:
            assert reasons(sweep, optimizer="adamw") == []
            assert len(reasons(sweep, optimizer="sgd", optimizer__momentum=0.9)) == 1

    def test_tells_of_all_that_is_not_met(self) -> None:
        largest = ("model.max_parameters=100",)
        with swept("model.width > 32", "model.depth > 1", others=largest) as sweep:
            found = judged(sweep, model__width=16, model__depth=1)
        assert [refusal.rule for refusal in found] == [
            "model.max_parameters",
            'require "model.width > 32"',
            'require "model.depth > 1"',
        ]

    def test_an_expression_without_an_answer_is_not_met(self) -> None:
        with swept("1 / (model.depth - 1) > 0") as sweep:
            assert reasons(sweep, model__depth=2) == []
            (reason,) = reasons(sweep, model__depth=1)
        assert "division by zero" in reason

    def test_nor_is_a_model_that_cannot_be_built(self) -> None:
        with swept("parameters > 0", others=("model.shape=cylinder,round",)) as sweep:
            (refusal,) = judged(sweep, model__shape="round")
        assert refusal.rule == "a model that can be built"
        assert "round" in refusal.reason


class TestCheck:
    @pytest.mark.parametrize(
        ("rule", "told"),
        [
            ("model.widht > 3", "model.widht: there is no such key; did you mean model.width"),
            ("parametres > 3", "did you mean parameters"),
            ("clip == 3", "clip is a section; name one of its keys"),
            ("model.width > true", "has no answer"),
            ("model.width + 1", "neither true nor false"),
            ("batch_size > 1000", "is false, and nothing that varies changes it: batch_size is 16"),
            ("norm == \\'none\\'", "nothing that varies changes it: norm is batch"),
            ("1 > 2", "nothing that varies changes it; change this"),
        ],
    )
    def test_refuses(self, rule: str, told: str) -> None:
        with pytest.raises(ConfigError) as refusal, swept(rule):
            pass
        assert told in str(refusal.value)
        assert len(str(refusal.value).splitlines()) <= 2

    @pytest.mark.parametrize(
        "rule",
        [
            "model.width > 1000",  # false of all, yet it is of what varies: found out by trying
            "schedule.epochs > 4",  # false without a sweep, and follows a swept key
            "optimizer.nesterov == true",  # only of some choices
            "parameters > 1e12",
            "1 < 2",
        ],
    )
    def test_leaves_the_rest_to_the_trials(self, rule: str) -> None:
        with swept(rule, others=("epochs=3,5", "optimizer.nesterov=true,false")) as sweep:
            assert [e.text for e in sweep.constraints.require] == [rule]

    def test_a_key_of_a_choice_that_was_not_made_is_known(self) -> None:
        words = ("space=null", "model.width=16,64", "optimizer=adamw")
        with compose([*words, "require=['optimizer.momentum > 2']"]) as composition:
            check(composition)


class TestRefused:
    def test_tells_each_rule_its_share(self) -> None:
        refused = Refused()
        a, b = Refusal("a", "a: 1 > 2"), Refusal("b", "b: 3 > 4")
        for found in ((a, b), (b,), (b,), (a, b)):
            refused.add(found)
        assert refused.count == 4
        assert refused.message() == (
            "none of 4 proposals in a row could be trained, refused 100% by b, 50% by a (the last: "
            "a: 1 > 2): narrow the space, or require less"
        )

    def test_begins_anew(self) -> None:
        refused = Refused()
        refused.add((Refusal("a", "x"),))
        refused.clear()
        assert refused.count == 0
        refused.add((Refusal("b", "y"),))
        assert "refused 100% by b (the last: y)" in refused.message()
