"""All findings of a sweep, whatever has become of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sweeps.findings import findings as module
from sweeps.findings.finding import Certainty, Topic
from sweeps.findings.findings import findings, observed_of
from sweeps.findings.observations import Observations
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Choice, Dimension
from sweeps.trials import Source, State, TrialRecord
from tests.sweeps.findings.made_sweeps import SPACE, draw, drawn, halved, rule, sweep, trial

RANDOM = np.random.default_rng(0)
MIXED: Mapping[str, Dimension] = {
    "a": Choice(tuple(f"<b>'v{i}'\"" for i in range(50))),
    "b": Choice((1, "1", True, None, [1, 2], {"x": 1}, "😀" * 300)),
}


def made(count: int, values: list[float], state: State = State.COMPLETE) -> list[TrialRecord]:
    reason = "" if state is State.COMPLETE else "out of memory"
    return [trial(n, draw(RANDOM), values, state, reason=reason) for n in range(count)]


CASES: dict[str, tuple[list[TrialRecord], Mapping[str, Dimension]]] = {
    "none": ([], SPACE),
    "one": (made(1, [0.5]), SPACE),
    "two": (drawn(2, rule), SPACE),
    "one parameter": (drawn(20, rule), {"optimizer.lr": SPACE["optimizer.lr"]}),
    "no parameter": ([trial(n, {}, [0.1, 0.2]) for n in range(5)], {}),
    "equal": (made(20, [0.5] * 3), SPACE),
    "failed": (made(20, [], State.FAILED), SPACE),
    "infeasible": (made(20, [], State.INFEASIBLE), SPACE),
    "running": (made(8, [0.5], State.RUNNING), SPACE),
    "nan": ([*made(9, [math.nan] * 3), *drawn(9, rule)], SPACE),
    "infinite": (made(9, [math.inf, 0.5, -math.inf]), SPACE),
    "fifty values": (drawn(120, lambda p: 0.5, space=MIXED), MIXED),
    "unlisted values": (drawn(30, lambda p: 0.5, space=MIXED), {"a": Choice(()), "b": Choice(())}),
    "population": (
        [
            trial(0, draw(RANDOM), [0.1], State.STOPPED, reason="pbt: gives way"),
            *(trial(n, draw(RANDOM), [0.1, 0.2], source=Source("0000", 1)) for n in range(1, 6)),
        ],
        SPACE,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_any_sweep_has_true_findings(case: str) -> None:
    trials, space = CASES[case]
    found = findings(sweep(trials, space))
    ids = [one.id for one in found.statements]
    assert len(ids) == len(set(ids))
    assert ids[0] == "winner"
    assert all(set(i) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for i in ids)
    assert all(one.sentence and "nan" not in one.sentence.split() for one in found.statements)
    known = {one.id for one in trials}
    assert all(known.issuperset(one.trials) for one in found.statements)
    assert not any(effect.clear for effect in found.effects) or case in ("one parameter", "nan")


def test_topics_come_in_order_and_the_same_record_gives_the_same() -> None:
    made_sweep = sweep(halved(drawn(60, rule)))
    found = findings(made_sweep)
    order = list(Topic)
    places = [order.index(one.topic) for one in found.statements]
    assert places == sorted(places)
    assert {one.topic for one in found.statements} >= {
        Topic.WINNER, Topic.EFFECT, Topic.IMPORTANCE, Topic.EDGE, Topic.STOPPING, Topic.NEXT,
    }  # fmt: skip
    assert findings(made_sweep) == found
    clear = {one.key for one in found.about(Topic.EFFECT) if one.certainty is Certainty.CLEAR}
    assert clear == {"optimizer.lr", "activation"}


def test_thousands_of_trials_have_findings() -> None:
    found = findings(sweep(halved(drawn(5000, rule))))
    assert found.effects[0].clear
    assert found.importances


def test_matrices_have_one_thread_while_findings_are_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def watched(of: RecordedSweep) -> Observations:
        seen.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        return observed_of(of)

    monkeypatch.setattr(module, "observed_of", watched)
    with threadpool_limits(2, user_api="blas"):
        findings(sweep(drawn(12, rule)))
        assert seen
        assert set(seen) == {1}
        after = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    assert max(after) == 2, "and what else computes has its own again"


def test_pairs_that_matter_together_are_named_for_the_contours() -> None:
    def together(params: Mapping[str, object]) -> float:
        return 0.1 * (params["activation"] == "gelu") * (params["norm"] == "batch")

    found = findings(sweep(drawn(90, together)))
    ((one, other),) = found.together
    assert {one, other} == {"activation", "norm"}
    assert findings(sweep(drawn(3, rule))).together == ()
