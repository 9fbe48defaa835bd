"""A damaged journal loses the lines that cannot be read, and no other trial's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from sweeps.study import reader
from sweeps.study.journal_repair import first_damage, repair
from sweeps.trials import TrialRecord
from tests.sweeps.conftest import Ran
from trainers.errors import ConfigError
from trainers.files import history

GARBAGE = {
    "binary": b"\xff\xfe\x00\x01",
    "half": b'{"op_code":8,"worker_id":"x"',
    "deep": b"[" * 100_000,
    "no record": b"[1, 2]",
    "unknown operation": b'{"op_code":77,"worker_id":"x"}',
    "no number": b'{"op_code":"two","worker_id":"x"}',
    "empty": b"",
}


@pytest.fixture(scope="module")
def ran(
    sweep_anywhere_without_ray: Callable[..., Ran], tmp_path_factory: pytest.TempPathFactory
) -> Ran:
    words = ("model.width=8,16,32", "search=grid", "stop=none", "budget.trials=3")
    return sweep_anywhere_without_ray(tmp_path_factory.mktemp("results"), *words)


@pytest.fixture
def journal(ran: Ran, tmp_path: Path) -> Path:
    return Path(shutil.copy(ran.folder.study, tmp_path / "study.log"))


def trials(path: Path) -> tuple[TrialRecord, ...]:
    return reader.read(path, "s", lambda labels: dict(labels)).trials


def nothing(trial: int) -> dict[int, dict[str, float]]:
    return {}


def damaged(path: Path, number: int, garbage: bytes) -> list[bytes]:
    """Replace a line (from 1); returns the lines as they were."""
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[: number - 1], garbage, *lines[number:]]))
    return lines


def test_what_is_whole_is_left_alone(journal: Path) -> None:
    before = journal.read_bytes()
    done = repair(journal, nothing)
    assert (done.lines, done.lost, done.original) == (before.count(b"\n"), (), None)
    assert first_damage(journal) is None
    assert journal.read_bytes() == before
    assert [path.name for path in journal.parent.iterdir()] == ["study.log"]


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_line_of_garbage_between_the_others_costs_nothing(kind: str, journal: Path) -> None:
    expected = trials(journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:20], GARBAGE[kind] + b"\n", *lines[20:]]))
    found = first_damage(journal)
    assert found is not None
    assert found[0] == 21
    with pytest.raises(ConfigError, match=r"is damaged in line 21 \(.*make repair SWEEP=") as told:
        trials(journal)
    assert len(str(told.value).splitlines()) == 1
    broken = journal.read_bytes()
    done = repair(journal, nothing)
    assert done.lost == (21,)
    assert trials(journal) == expected
    assert done.original is not None
    assert done.original.read_bytes() == broken
    assert repair(journal, nothing).original is None, "once is enough"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_lost_line_costs_its_own_trial_alone(
    data: st.DataObject, ran: Ran, tmp_path: Path
) -> None:
    journal = Path(shutil.copy(ran.folder.study, tmp_path / "study.log"))
    expected = trials(journal)
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    first = next(n for n, line in enumerate(lines) if line["op_code"] == 4)
    index = data.draw(st.integers(first, len(lines) - 1))
    created = sum(line["op_code"] == 4 for line in lines[:index])
    mine = created if lines[index]["op_code"] == 4 else lines[index].get("trial_id")
    damaged(journal, index + 1, GARBAGE["binary"])
    done = repair(journal, nothing)
    assert done.lost == (index + 1,)
    found = trials(journal)
    assert len(found) == len(expected)
    for before, after in zip(expected, found, strict=True):
        if before.number != mine:
            assert after == before
        elif lines[index]["op_code"] == 4:
            assert after.epochs == before.epochs, "only the hour of its beginning is lost"
            assert done.begun == (mine,)


def test_a_lost_epoch_of_an_unfinished_trial_is_found_in_its_folder(
    ran: Ran, journal: Path
) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    parsed = [json.loads(line) for line in lines]
    ends = [n for n, line in enumerate(parsed) if line["op_code"] == 6 and line["trial_id"] == 2]
    journal.write_bytes(b"".join(line for n, line in enumerate(lines) if n not in ends))
    expected = trials(journal)[2]
    [gone] = [
        n
        for n, line in enumerate(parsed)
        if line.get("trial_id") == 2 and "epoch:2" in line.get("system_attr", {})
    ]
    damaged(journal, gone + 1, GARBAGE["half"])

    def epochs_of(trial: int) -> dict[int, dict[str, float]]:
        return history.read(ran.folder.trials / f"{trial:04d}" / "metrics.csv")

    assert repair(journal, epochs_of).refilled == 1
    assert trials(journal)[2].epochs.keys() == expected.epochs.keys()
    assert trials(journal)[2].epochs[2]["val_loss"] == expected.epochs[2]["val_loss"]


def test_where_a_trial_went_on_its_epochs_are_found_or_it_goes_on_again(
    ran: Ran, journal: Path
) -> None:
    storage = JournalStorage(JournalFileBackend(str(journal)))
    again = create_trial(state=TrialState.RUNNING, user_attrs={"continues": 1})
    number = storage.create_new_trial(0, again)
    for epoch in (4, 5):
        storage.set_trial_system_attr(number, f"epoch:{epoch}", {"epoch_s": 1.0, "val_loss": 0.5})
    lines = journal.read_bytes().splitlines(keepends=True)
    assert list(trials(journal)[1].epochs) == [1, 2, 3, 4, 5]

    asked: list[int] = []

    def epochs_of(trial: int) -> dict[int, dict[str, float]]:
        asked.append(trial)
        return {4: {"epoch_s": 1.0, "val_loss": 0.5}}

    damaged(journal, len(lines) - 1, GARBAGE["half"])
    repair(journal, epochs_of)
    assert asked == [1]
    assert list(trials(journal)[1].epochs) == [1, 2, 3, 4, 5]

    journal.write_bytes(b"".join(lines))
    damaged(journal, len(lines) - 2, GARBAGE["half"])
    assert repair(journal, nothing).begun == (3,)
    assert [t.state.value for t in trials(journal)] == ["complete"] * 3 + ["abandoned"]


def test_trials_of_which_nothing_is_left_are_ended(journal: Path) -> None:
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    kept = [line if line.get("trial_id") != 1 else {"op_code": 77} for line in lines]
    creations = [n for n, line in enumerate(kept) if line["op_code"] == 4]
    kept[creations[1]] = {"op_code": 77}
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in kept))
    repair(journal, nothing)
    found = trials(journal)
    assert [trial.state.value for trial in found] == ["complete", "abandoned", "complete"]
    assert found[1].reason == "its record was damaged"


def test_a_version_that_is_none_is_no_traceback(journal: Path) -> None:
    text = journal.read_text().replace('"version":3', '"version":"two"')
    journal.write_text(text)
    with pytest.raises(ConfigError, match="has version two, which is none"):
        trials(journal)
