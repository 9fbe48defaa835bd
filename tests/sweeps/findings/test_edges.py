"""Where the good ones lie, and how rarely that is said where nothing matters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sweeps.findings.edges import Advice, Edge, edge_findings, edges
from sweeps.findings.observations import Observations, observe
from sweeps.space.dimensions import Choice, Dimension
from sweeps.trials import Objective, TrialRecord
from tests.sweeps.findings.made_sweeps import METRIC, SPACE, drawn, trial


def seen(
    trials: list[TrialRecord], space: Mapping[str, Dimension] = SPACE
) -> tuple[Observations, dict[tuple[str, Advice], Edge]]:
    observed = observe(trials, Objective(METRIC, True), space, {}, None)
    return observed, {(edge.key, edge.advice): edge for edge in edges(observed)}


def rising(params: Mapping[str, Any]) -> float:
    return 0.5 + 0.1 * math.log2(params["model.width"] / 16) - 0.3 * (params["norm"] == "none")


def test_the_best_at_an_end_and_nothing_good_at_the_other() -> None:
    observed, found = seen(drawn(60, rising))
    assert {("model.width", Advice.RAISE), ("model.width", Advice.CUT_BELOW)} <= found.keys()
    assert found["norm", Advice.LEAVE_OUT].value == "none"
    assert ("model.width", Advice.LOWER) not in found
    good = found["model.width", Advice.CUT_BELOW].value
    assert 16 < good < 200
    texts = [one.sentence for one in edge_findings(observed, list(found.values()))]
    assert any("sit at the upper end of width" in text and "widen it" in text for text in texts)
    assert any(text.startswith("nothing good below width") for text in texts)


def test_the_largest_of_a_list_of_numbers_is_an_end() -> None:
    space: Mapping[str, Dimension] = {"depth": Choice((1, 2, 3, 4, 5))}
    _, found = seen(drawn(60, lambda p: 0.1 * p["depth"], space=space), space)
    assert found["depth", Advice.RAISE].value == 5
    assert found["depth", Advice.LEAVE_OUT].value in (1, 2, 3)


def test_where_nothing_matters_hardly_anything_is_said() -> None:
    said = sum(bool(seen(drawn(40, lambda p: 0.5, seed=seed))[1]) for seed in range(60))
    assert said <= 8  # 5 % of 60, and three standard errors


def test_of_few_trials_nothing_is_said() -> None:
    assert seen([])[1] == {}
    assert seen([trial(0, {"norm": "none"}, [0.1])])[1] == {}
