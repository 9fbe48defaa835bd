"""Trials of one space in another: always of that space, and never changed without being told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from optuna.study import StudyDirection
from optuna.trial import FixedTrial

from sweeps.search.sampler_memory import SamplerMemory
from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.space.grammar import parse
from sweeps.space.space import Parameter, Space
from sweeps.study.codec import decode, encode
from sweeps.transfer.adapt import adapt, fit, nearly_equal, value_in
from sweeps.trials import Objective, State, TrialRecord

ACCURACY = Objective("val_accuracy", maximize=True)


def space(*words: str, groups: Mapping[str, list[str]] | None = None) -> Space:
    known = groups or {}
    parsed = OverridesParser.create().parse_overrides(list(words))
    return parse(parsed, lambda key: known.get(key, []))


def trial(number: int = 0, value: float = 0.5, **params: Any) -> TrialRecord:
    return TrialRecord(
        id=f"{number:04d}",
        number=number,
        state=State.COMPLETE,
        params={key.replace("__", "."): value for key, value in params.items()},
        epochs={1: {"val_accuracy": value / 2}, 2: {"val_accuracy": value}},
    )


def known(**values: Any) -> Any:
    """What an unswept key has, for `then` and `now` alike."""

    def value(_: Any, key: str | Parameter) -> Any:
        return values[(key.key if isinstance(key, Parameter) else key).replace(".", "__")]

    return value


def dimensions(of: Space) -> dict[str, Dimension]:
    return {p.key: p.dimension for p in of.parameters}


class TestAdapting:
    THEN = space("lr=tag(log,interval(1e-4,1e-1))", "width=16,32,64", "kind=a,b,c")

    def adapted(self, now: Space, *trials: TrialRecord, then: Any = None, has: Any = None) -> Any:
        return adapt(trials, dimensions(self.THEN), now, then or known(), has or known())

    def test_the_same_space_takes_all_as_they_are(self) -> None:
        ours = [trial(0, lr=1e-4, width=16, kind="a"), trial(1, lr=0.1, width=64, kind="c")]
        found = self.adapted(self.THEN, *ours)
        assert list(found.trials) == ours
        assert found.messages == ()

    def test_a_key_that_was_not_swept_has_the_value_that_it_had(self) -> None:
        now = space("lr=tag(log,interval(1e-4,1e-1))", "width=16,32,64", "kind=a,b,c",
                    "drop=interval(0.1,0.5)", "norm=batch,none")  # fmt: skip
        found = self.adapted(
            now, trial(lr=1e-2, width=16, kind="a"), then=known(drop=0.0, norm="none")
        )
        assert found.trials[0].params == {
            "lr": 1e-2, "width": 16, "kind": "a", "drop": 0.1, "norm": "none",
        }  # fmt: skip
        assert found.messages == (
            "drop was not swept: 0 in 1 trial",
            "norm was not swept: none in 1 trial",
            "drop clipped to 0.1 to 0.5: 1 trial",
        )

    def test_a_choice_that_lacks_it_leaves_the_trial_out(self) -> None:
        now = space("lr=tag(log,interval(1e-4,1e-1))", "width=16,32,64", "kind=a,b,c", "drop=1,2")
        found = self.adapted(now, trial(lr=1e-2, width=16, kind="a"), then=known(drop=0))
        assert found.trials == ()
        assert found.messages == ("drop=0 is not in the space: 1 trial left out",)

    def test_a_key_that_is_swept_no_more_must_have_been_where_it_is(self) -> None:
        now = space("lr=tag(log,interval(1e-4,1e-1))", "kind=a,b,c")
        trials = [trial(n, lr=1e-2, width=w, kind="a") for n, w in enumerate((16, 32, 16, 64))]
        found = self.adapted(now, *trials, has=known(width=16))
        assert [t.id for t in found.trials] == ["0000", "0002"]
        assert found.messages == ("width is 16 now and was different: 2 trials left out",)
        assert self.adapted(now, *trials).messages == (
            "width is no key of this sweep: 4 trials left out",
        )

    def test_or_about_there_if_it_was_a_continuum(self) -> None:
        now = space("width=16,32,64", "kind=a,b,c")
        trials = [trial(n, lr=lr, width=16, kind="a") for n, lr in enumerate((9e-3, 1.3e-2, 2e-2))]
        found = self.adapted(now, *trials, has=known(lr=1e-2))
        assert [t.id for t in found.trials] == ["0000", "0001"]

    def test_clips_numbers_and_drops_categories(self) -> None:
        now = space("lr=tag(log,interval(1e-3,1e-2))", "width=range(20,61,20)", "kind=a,c,d")
        found = self.adapted(
            now,
            trial(0, lr=1e-4, width=16, kind="a"),
            trial(1, lr=5e-3, width=64, kind="c"),
            trial(2, lr=5e-3, width=32, kind="b"),
        )
        assert [dict(t.params) for t in found.trials] == [
            {"lr": 1e-3, "width": 20, "kind": "a"},
            {"lr": 5e-3, "width": 60, "kind": "c"},
        ]
        assert found.messages == (
            "lr clipped to 0.001 to 0.01  (log): 1 trial",
            "width clipped to 20 to 60  (integers, step 20): 2 trials",
            "kind=b is not in the space: 1 trial left out",
        )

    def test_a_key_of_one_choice_is_asked_for_with_that_choice_alone(self) -> None:
        groups = {"opt": ["adam", "sgd"]}
        then = space("opt=adam,sgd", "lr=interval(0,1)", groups=groups)
        now = space("opt=adam,sgd", "lr=interval(0,1)", "opt.momentum=interval(0,0.9)",
                    groups=groups)  # fmt: skip
        now = now.conditional(
            lambda choices, key: key != "opt.momentum" or choices.get("opt") == "sgd"
        )
        found = adapt(
            [trial(0, opt="adam", lr=0.5), trial(1, opt="sgd", lr=0.5)],
            dimensions(then), now, known(opt__momentum=0.8), known(),
        )  # fmt: skip
        assert [dict(t.params) for t in found.trials] == [
            {"opt": "adam", "lr": 0.5},
            {"opt": "sgd", "lr": 0.5, "opt.momentum": 0.8},
        ]

    def test_what_nobody_knows_leaves_the_trial_out(self) -> None:
        now = space("lr=interval(0,1)", "width=16,32,64", "kind=a,b,c", "new=1,2")
        found = self.adapted(now, trial(lr=0.5, width=16, kind="a"))
        assert found.left_out == {"new is not on record": 1}

    def test_seeds_are_alike(self) -> None:
        then = space("seed=1,2,3", "lr=interval(0,1)")
        ours = [trial(n, seed=n, lr=0.5) for n in (1, 2, 3)]
        found = adapt(ours, dimensions(then), space("lr=interval(0,1)"), known(), known(seed=0))
        assert [dict(t.params) for t in found.trials] == [{"lr": 0.5}] * 3
        back = adapt(found.trials, {}, then, known(seed=0), known())
        assert [t.params["seed"] for t in back.trials] == [1, 1, 1]

    def test_a_part_that_fits_is_told_for_a_point(self) -> None:
        now = space("lr=interval(0.1,1)", "width=128,256", "kind=a,b,c")
        fitted = fit(
            trial(lr=0.5, width=16, kind="a"), dimensions(self.THEN), now, known(), known()
        )
        assert fitted.params == {"lr": 0.5, "kind": "a"}
        assert list(fitted.unfit) == ["width"]


NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.floats(1e-9, 1), st.just(0)
)
VALUES = st.one_of(NUMBERS, st.none(), st.booleans(), st.text(max_size=3), st.just(math.nan))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    kind = draw(st.sampled_from(["plain", "log", "log1m", "int", "intlog", "step", "intstep"]))
    if kind in ("int", "intlog", "intstep"):
        low = draw(st.integers(1, 1000))
        high = low + draw(st.integers(1, 1000))
        if kind == "intstep":
            step = draw(st.integers(1, high - low))
            return Interval(low, low + (high - low) // step * step, integer=True, step=step)
        return Interval(low, high, log=kind == "intlog", integer=True)
    if kind == "step":
        low, step = draw(st.integers(-50, 50)) / 10, draw(st.integers(1, 20)) / 20
        count = draw(st.integers(2, 40))
        return Interval(low, float(f"{low + (count - 1) * step:.12g}"), step=step)
    # As people write ends: what is left to 1 is kept to 12 digits.
    low, high = sorted(draw(st.sets(st.integers(1, 9999), min_size=2, max_size=2)))
    low, high = low / 10_000, high / 10_000
    return Interval(low, high, log=kind == "log", log1m=kind == "log1m")


class TestPlacing:
    @given(intervals(), NUMBERS)
    def test_a_number_is_brought_into_the_interval_and_one_of_it_is_left(
        self, interval: Interval, number: float
    ) -> None:
        value = value_in(interval, number)
        assert interval.contains(value)
        fixed = FixedTrial({"x": interval.label(value)})
        again = interval.suggest(fixed, "x")  # warns, which fails a test, if it is outside
        assert fixed.distributions["x"]._contains(
            fixed.distributions["x"].to_internal_repr(interval.label(value))
        )
        assert interval.contains(again)
        assert value_in(interval, value) == value

    @given(intervals(), st.data())
    def test_the_nearest_is_taken(self, interval: Interval, data: st.DataObject) -> None:
        number = data.draw(st.floats(interval.low, interval.high))
        step = interval.step or (1 if interval.integer else 0)
        assert abs(value_in(interval, number) - number) <= step / 2 + 1e-9

    @given(st.lists(VALUES, min_size=1, max_size=5), VALUES)
    def test_a_choice_has_its_values_and_no_others(self, values: list[Any], value: Any) -> None:
        choice = Choice(tuple(values))
        try:
            own = value_in(choice, value)
        except ValueError:
            assert not any(type(v) is type(value) and v == value for v in values)
        else:
            assert any(own is v for v in values)
            assert isinstance(own, bool) == isinstance(value, bool)

    @pytest.mark.parametrize("value", [None, "a", True, math.nan, [1]])
    def test_what_is_no_number_is_in_no_interval(self, value: Any) -> None:
        with pytest.raises(ValueError, match=re.escape(str(value))):
            value_in(Interval(0.0, 1.0), value)

    @given(intervals(), st.data())
    def test_about_is_the_same_both_ways_and_true_of_itself(
        self, interval: Interval, data: st.DataObject
    ) -> None:
        numbers = st.floats(interval.low, interval.high)
        one, other = data.draw(numbers), data.draw(numbers)
        assert nearly_equal(interval, one, one)
        assert nearly_equal(interval, one, other) == nearly_equal(interval, other, one)

    def test_about_is_by_the_scale(self) -> None:
        log = Interval(1e-4, 1e-1, log=True)
        assert nearly_equal(log, 1e-3, 1.3e-3)
        assert not nearly_equal(log, 1e-3, 2e-3)
        assert not nearly_equal(Interval(1e-4, 1e-1), 1e-3, 2e-2)
        assert not nearly_equal(Interval(1, 9, integer=True), 3, 4)
        assert not nearly_equal(log, 1e-3, "x")
        assert not nearly_equal(log, 1e-3, -1.0)


@given(st.data())
def test_whatever_a_space_holds_comes_back_from_the_record_and_into_the_image(
    data: st.DataObject,
) -> None:
    numbers = [Parameter(f"x{i}", data.draw(intervals())) for i in range(2)]
    kinds = Choice(("a", None, True, [1, 2], 0.5))
    whole = Space((*numbers, Parameter("kind", kinds)))
    params = {p.key: value_in(p.dimension, data.draw(NUMBERS)) for p in numbers}
    params["kind"] = data.draw(st.sampled_from(kinds.values))
    ours = TrialRecord("0003", 0, State.STOPPED, "", params, {1: {"val_accuracy": 0.25}})
    [back] = decode(encode([ours], whole, ACCURACY), whole, ACCURACY)
    assert back.params.keys() == params.keys()
    assert all(back.params[key] == pytest.approx(params[key], rel=1e-9) for key in ("x0", "x1"))
    assert (back.params["kind"], back.epochs, back.state) == (
        params["kind"], ours.epochs, ours.state,
    )  # fmt: skip
    memory = SamplerMemory([StudyDirection.MAXIMIZE])
    memory.feed([back], whole, ACCURACY)
    assert len(memory.optuna.trials) == 1
    assert memory.own.trials == []
