"""The script knows of each trial what its strip shows."""

from __future__ import annotations

import json
from dataclasses import replace

from sweeps.page.reviewed import Reviewed
from sweeps.page.trial_data import trial_data
from tests.sweeps.page.conftest import BAD, TRIALS


def test_each_trial_is_there_with_its_values_and_what_people_say(reviewed: Reviewed) -> None:
    told = trial_data([reviewed])
    assert told["keys"] == list(reviewed.sweep.dimensions)
    assert len(told["trials"]) == TRIALS
    assert [one["by"] for one in told["trials"]["0001"]["remarks"]] == [BAD]
    best = reviewed.sweep.ranked[0]
    shown = told["trials"][best.trial.id]
    assert (float(shown["score"]), shown["epoch"]) == (round(best.value, 4), best.epoch)
    baseline = told["sweeps"][""]["baseline"]
    assert baseline == "0000"
    assert shown["better"] is True
    assert "gain" not in told["trials"][baseline]
    json.dumps(told, allow_nan=False)


def test_findings_name_their_trials_as_the_page_does(reviewed: Reviewed) -> None:
    told = trial_data([replace(reviewed, prefix="a/")])
    assert told["findings"]
    assert {trial for trials in told["findings"].values() for trial in trials} <= set(
        told["trials"]
    )
    assert all(id.startswith("a/") for id in told["findings"])
