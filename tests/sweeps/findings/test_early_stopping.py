"""What stopping early has saved, and how a rung ranks beside the end."""

from __future__ import annotations

import pytest

from sweeps.findings.early_stopping import spearman, spearman_interval, stopping_findings
from sweeps.findings.finding import Certainty
from sweeps.trials import Source, State
from tests.sweeps.findings.made_sweeps import METRIC, drawn, halved, sweep, trial


def test_saved_epochs_and_hours_are_counted() -> None:
    trials = [
        trial(0, {}, [0.1] * 10),
        trial(1, {}, [0.1], State.STOPPED, reason="asha: 2nd of 2 at epoch 1, …", seconds=3600.0),
        trial(2, {}, [0.1] * 4, State.STOPPED, reason="the budget of 3 trials is spent"),
    ]
    saved = next(iter(stopping_findings(sweep(trials, {}, epochs=10, resources={"gpu": 0.5}))))
    assert saved.certainty is Certainty.COUNTED
    assert saved.sentence.startswith("1 of 3 trials were stopped early: 9 of 30 epochs")
    assert (saved.value, saved.unit) == (pytest.approx(4.5), "GPU-hours")
    mixed = next(iter(stopping_findings(sweep(trials, {}, epochs=10, resources={"gpu": "auto"}))))
    assert (mixed.value, mixed.unit) == (pytest.approx(9), "hours of training")


def test_a_rung_that_ranks_like_the_end_has_little_risk() -> None:
    trials = halved(drawn(60, lambda p: 0.5, noise=0.05))
    rung = {f.id: f for f in stopping_findings(sweep(trials))}["stopping-rung-3"]
    assert rung.certainty is Certainty.CLEAR
    assert "little risk" in rung.sentence
    assert rung.value == pytest.approx(1.0)


def test_one_that_does_not_is_said_to_tell_nothing() -> None:
    trials = halved(drawn(90, lambda p: 0.5, noise=0.05))
    mixed = []
    for number, one in enumerate(trials):
        values = [one.epochs[e][METRIC] for e in one.epochs]
        if one.state is State.COMPLETE:
            values[-1] = 0.9 + 0.001 * ((number * 37) % 11)
        mixed.append(trial(one.number, one.params, values, one.state, reason=one.reason))
    rung = {f.id: f for f in stopping_findings(sweep(mixed))}["stopping-rung-3"]
    assert rung.low is not None
    assert rung.high is not None
    assert rung.low < 0 < rung.high


def test_of_few_that_went_on_nothing_is_said_of_the_risk() -> None:
    rung = list(stopping_findings(sweep(halved(drawn(9, lambda p: 0.5)))))[1]
    assert rung.certainty is Certainty.OPEN
    assert "cannot be told" in rung.sentence


def test_nothing_is_said_without_a_rule_or_of_a_population() -> None:
    stopped = trial(0, {}, [0.1], State.STOPPED, reason="pbt: gives way")
    child = trial(1, {}, [0.1, 0.2], source=Source("0000", epoch=1))
    assert list(stopping_findings(sweep([stopped, child], {}))) == []
    assert list(stopping_findings(sweep(drawn(9, lambda p: 0.5)))) == []


def test_rank_correlation() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 99]) == pytest.approx(1)
    assert spearman([1, 1, 1], [1, 2, 3]) is None
    low, high = spearman_interval(0.5, 20)
    assert -0.1 < low < 0.1
    assert 0.7 < high < 0.9
    assert spearman_interval(0.5, 3) == (-1.0, 1.0)


def test_a_perfect_rank_correlation_of_few_proves_nothing() -> None:
    assert spearman_interval(1.0, 5)[0] < 0.3
    assert spearman_interval(1.0, 30)[0] > 0.9
