"""What holds for every rule: each of conf/stop on curves of all kinds."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.config.composition import compose
from sweeps.config.keys import plain
from sweeps.stop import Asha, Curves, Hyperband, Median, Never, Patience, Percentile, Several, Stop
from trainers.config.targets import instantiate
from trainers.errors import ConfigError

NAMES = sorted(path.stem for path in Path(__file__).parents[3].glob("conf/stop/*.yaml"))
#: Those that stop a trial, be it the best, for what its own curve is like.
OWN = {"patience", "target", "several"}
SET = {
    "brackets": Asha(grace=2, factor=1.5, brackets=3),
    "band": Hyperband(grace=1, factor=2, epochs=8),
    "early median": Median(grace=1, trials=1),
    "early percentile": Percentile(percent=10, grace=1, trials=1),
}


@cache
def rule(name: str) -> Stop:
    """One as its YAML has it, or one of those above."""
    if name in SET:
        return SET[name]
    with compose([f"stop={name}"]) as composition:
        stop: Stop = instantiate("stop", plain(composition.base)["stop"])
    return stop


EVERY = (*NAMES, *SET)
#: Those that compare trials with each other.
COMPARING = tuple(name for name in EVERY if name not in OWN)
#: The same curves are shown to every rule: drawing them takes most of the time.
lawful = settings(max_examples=100)


@st.composite
def histories(draw: st.DrawFn) -> dict[int, dict[str, float]]:
    """Curves without gaps: who has an epoch has those before it."""
    values = st.one_of(st.floats(-1e6, 1e6), st.floats(), st.sampled_from([0.0, 0.5, math.nan]))
    curves: dict[int, dict[str, float]] = {}
    for number in draw(st.permutations(range(draw(st.integers(1, 12))))):
        for epoch, value in enumerate(draw(st.lists(values, max_size=9)), 1):
            curves.setdefault(epoch, {})[f"{number:04d}"] = value
    return curves


def questions(history: Curves) -> Iterator[tuple[str, int]]:
    """Every trial after every epoch that it has."""
    return ((trial, epoch) for epoch, values in history.items() for trial in values)


def test_no_rule_is_left_out() -> None:
    assert {"asha", "hyperband", "median", "none", "percentile"} < set(NAMES)
    assert set(NAMES) > OWN


class TestLaws:
    @lawful
    @given(history=histories(), data=st.data())
    def test_only_the_curves_decide_and_a_reason_is_told(
        self, history: Curves, data: st.DataObject
    ) -> None:
        """Not what was asked before, nor the order in which the trials are listed."""
        before = copy.deepcopy(history)
        shuffled = {
            epoch: dict(data.draw(st.permutations(list(values.items()))))
            for epoch, values in history.items()
        }
        otherwise = data.draw(st.permutations(list(questions(history))))
        for name in EVERY:
            verdicts = {asked: rule(name).judge(*asked, history) for asked in questions(history)}
            for asked in otherwise:
                again = copy.deepcopy(rule(name)).judge(*asked, shuffled)
                assert again == verdicts[asked], name
            assert repr(history) == repr(before), name  # NaN is not equal to itself
            for reason in verdicts.values():
                assert reason is None or (reason.strip() and "\n" not in reason), name

    @lawful
    @given(history=histories())
    def test_what_comes_later_does_not_matter(self, history: Curves) -> None:
        for trial, epoch in questions(history):
            upto = {e: history[e] for e in history if e <= epoch}
            for name in EVERY:
                expected = rule(name).judge(trial, epoch, history)
                assert rule(name).judge(trial, epoch, upto) == expected, name


class TestComparing:
    @lawful
    @given(history=histories(), trial=st.sampled_from(["0000", "0003", "0042"]))
    def test_the_best_goes_on(self, history: Curves, trial: str) -> None:
        """A trial that at every epoch is strictly better than all others there."""
        lifted: dict[int, dict[str, float]] = {}
        for epoch, values in sorted(history.items()):
            others = {other: value for other, value in values.items() if other != trial}
            top = max((v for v in others.values() if not math.isnan(v)), default=0.0)
            if top == math.inf:
                break  # nothing is better
            lifted[epoch] = {**others, trial: math.nextafter(top, math.inf)}
            for name in COMPARING:
                assert rule(name).judge(trial, epoch, lifted) is None, name

    @lawful
    @given(values=st.lists(st.floats(), min_size=1, max_size=30))
    def test_one_that_is_alone_goes_on(self, values: list[float]) -> None:
        curves = {epoch: {"0000": value} for epoch, value in enumerate(values, 1)}
        for name in COMPARING:
            assert all(rule(name).judge("0000", epoch, curves) is None for epoch in curves), name

    @lawful
    @given(history=histories())
    def test_equals_go_on_and_who_has_no_number_is_never_better_off(self, history: Curves) -> None:
        """A trial that is let go on with nothing but NaN would have been with any number."""
        level = {epoch: dict.fromkeys(values, 0.1) for epoch, values in history.items()}
        for trial, epoch in questions(history):
            blind = {e: {**v, trial: math.nan} if trial in v else v for e, v in history.items()}
            least = {e: {**v, trial: -math.inf} if trial in v else v for e, v in blind.items()}
            for name in COMPARING:
                assert rule(name).judge(trial, epoch, level) is None, name
                if rule(name).judge(trial, epoch, blind) is None:
                    assert rule(name).judge(trial, epoch, least) is None, name


def test_never_means_never() -> None:
    curves = {1: {"a": -1e9, "b": 1.0, "c": math.nan}}
    assert all(Never().judge(trial, 1, curves) is None for trial in curves[1])


class TestSeveral:
    CURVES = {1: {"a": 0.0, "b": 1.0}, 2: {"a": 0.0, "b": 1.0}}  # noqa: RUF012

    def test_the_first_reason_is_told(self) -> None:
        asha, patience = Asha(1, 2), Patience(1, 0.0)
        both = Several({"patience": patience, "asha": asha})
        assert both.judge("a", 1, self.CURVES) == asha.judge("a", 1, self.CURVES) is not None
        assert both.judge("a", 2, self.CURVES) == patience.judge("a", 2, self.CURVES) is not None
        assert both.judge("b", 1, self.CURVES) is None
        assert both.judge("b", 2, self.CURVES) is not None  # asha alone would let it go on

    def test_composes_from_the_others(self) -> None:
        words = ["stop=several", "+stop@stop.rules.median=median", "~stop.rules.asha"]
        with compose([*words, "stop.rules.patience.patience=2"]) as composition:
            stop = instantiate("stop", plain(composition.base)["stop"])
        assert stop == Several({"patience": Patience(2, 0.0), "median": Median(2, 4)})

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ("+stop.rules.x=3", "stop.rules.x is 3 and no rule"),
            ("stop.rules.asha.factor=abc", "stop.rules.asha.factor must be a number"),
            ("+stop.rules.asha.fctor=2", "did you mean 'factor'"),
            ("stop.rules.asha.factor=1", "stop.factor > 1"),
            ("+stop@stop.rules.pbt=pbt", "stop.rules.pbt lets trials wait"),
            ("+stop@stop.rules.promotion=promotion", "stop.rules.promotion lets trials wait"),
        ],
    )
    def test_refuses(self, word: str, told: str) -> None:
        with (
            compose(["stop=several", word]) as composition,
            pytest.raises(ConfigError, match=told),
        ):
            instantiate("stop", plain(composition.base)["stop"])
