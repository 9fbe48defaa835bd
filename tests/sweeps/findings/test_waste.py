"""What came to nothing, and machines that stood idle."""

from __future__ import annotations

from sweeps.findings.finding import Finding
from sweeps.findings.waste import waste_findings
from sweeps.trials import Moment, State, TrialRecord
from tests.sweeps.findings.made_sweeps import drawn, sweep, trial


def found(trials: list[TrialRecord]) -> dict[str, Finding]:
    return {one.id: one for one in waste_findings(sweep(trials, {}))}


def test_failures_are_counted_by_reason_without_their_numbers() -> None:
    trials = [
        *drawn(3, lambda p: 0.5),
        trial(3, {}, [0.1] * 70, State.FAILED, reason="out of memory: 512 MB\x1b[31m\n"),
        trial(4, {}, [], State.FAILED, reason="out of memory: 1.5e3 MB"),
        trial(5, {}, [], State.DIVERGED, reason="<script>loss is nan"),
        trial(6, {}, [], State.INFEASIBLE, reason="parameters <= 20"),
    ]
    told = found(trials)
    assert told["waste-failed"].sentence == (
        "3 trials of 6 came to nothing: 2 x out of memory: 512 MB, 1 x <script>loss is nan; "
        "1:10 of training was lost"
    )
    assert told["waste-failed"].trials == ("0003", "0004", "0005")
    assert told["waste-infeasible"].sentence == (
        "1 proposal could not be trained: 1 x parameters <= 20"
    )


def test_where_nothing_was_wasted_nothing_is_said() -> None:
    assert found(drawn(3, lambda p: 0.5)) == {}
    assert found([]) == {}


def moving(number: int, starts: list[float], machine: str) -> TrialRecord:
    """A trial with an epoch of ten seconds at each of these times."""
    moments = {e: Moment(at + 10, "", machine) for e, at in enumerate(starts, 1)}
    made = trial(number, {}, [0.1] * len(starts), moments=moments)
    epochs = {e: {**metrics, "epoch_s": 10.0} for e, metrics in made.epochs.items()}
    return trial(number, {}, [0.1] * len(starts), moments=moments, epochs=epochs)


def test_a_machine_is_idle_while_others_train_but_not_between_sessions() -> None:
    busy = [10.0 * n for n in range(10)]
    later = [10_000 + at for at in busy]
    told = found([moving(0, busy, "a"), moving(1, busy[:4], "b"), moving(2, later, "a")])
    assert "waste-idle-a" not in told
    assert told["waste-idle-b"].value == 160.0
    assert told["waste-idle-b"].sentence.startswith(
        "b trained nothing for 2:40 of the 3:20 from the first epoch to the last (80%)"
    )


def test_time_between_epochs_is_no_training() -> None:
    told = found([moving(0, [15.0 * n for n in range(11)], "a")])["waste-between"]
    assert told.value == 50.0
    assert "was no training (31%)" in told.sentence
