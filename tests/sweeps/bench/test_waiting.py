"""The benchmark measures what it says, on records such as sweeps leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.bench.waiting import EPOCH, EPOCHS, PARTS, _measured, _swept, build, study_at
from sweeps.trials import State


def test_goes_on_from_a_record_of_finished_trials(tmp_path: Path) -> None:
    ticks: list[None] = []
    made = build(tmp_path, "grid", (2, 4), lambda: ticks.append(None))
    assert len(ticks) == 4
    assert list(made) == [2, 4]

    waited = _measured(made[2] / "study.log", made[2], "grid", 2 + 3, 3)
    assert [len(waited.ms[part]) for part in (*PARTS, EPOCH, "all")] == [3] * (len(PARTS) + 2)
    assert all(value > 0 for values in waited.ms.values() for value in values)
    parts = [sum(waited.ms[part][n] for part in PARTS) for n in range(3)]
    assert waited.ms["all"] == pytest.approx(parts)
    assert waited.opening_s > 0

    with _swept("grid") as sweep:
        studies = {
            5: study_at(made[2] / "study.log", sweep),
            4: study_at(made[4] / "study.log", sweep),
        }
    for count, study in studies.items():
        study.close()
        assert [t.state for t in study.trials] == [State.COMPLETE] * count
        assert {len(t.epochs) for t in study.trials} == {EPOCHS}
        assert {t.passed for t in study.trials} == {EPOCHS - 1}
        assert len({tuple(t.params.items()) for t in study.trials}) == count
