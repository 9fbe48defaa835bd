"""A storage that fails on demand: what is written waits, in order, and is there once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from sweeps.study import outbox as writer_module
from sweeps.study.entries import Attribute, End, Entry, NewTrial, Note, Value
from sweeps.study.lock import Owner, Taken
from sweeps.study.outbox import Writer
from sweeps.study.storage import held
from tests.sweeps.waiting import until


class Faulty:
    """A real journal in which any call may fail, before or after it has been done."""

    def __init__(self, path: Path) -> None:
        self._real = held(path, "s", Owner.me())
        optuna.create_study(storage=self._real, study_name="s")
        self.study = self._real.get_study_id_from_name("s")
        self.faults: list[tuple[bool, BaseException]] = []  # (whether it is done first, raised)
        self.away: BaseException | None = None
        self.hold = threading.Event()
        self.hold.set()

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        made = getattr(self._real, name)
        if not name.startswith(("set_", "create_", "get_trial", "ping")):
            return made

        def call(*args: object) -> object:
            self.hold.wait()
            if self.away is not None:
                raise self.away
            done, fault = self.faults.pop(0) if self.faults else (True, None)
            result = made(*args) if done or fault is None else None
            if fault is not None:
                raise fault
            return result

        return call

    def close(self) -> None:
        self._real.close()

    def content(self) -> list[tuple[object, ...]]:
        return [
            (t.params, t.user_attrs, t.intermediate_values, t.state)
            for t in self._real.get_all_trials(self.study)
        ]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.01)
    monkeypatch.setattr(writer_module, "LONGEST_S", 0.02)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Faulty]:
    made = Faulty(tmp_path / "study.log")
    yield made
    made.close()


@pytest.fixture
def writer(storage: Faulty) -> Iterator[Writer]:
    made = Writer(storage, storage.study, [])  # type: ignore[arg-type]
    yield made
    made.close()


def life(number: int) -> list[tuple[Entry, ...]]:
    """All that is written of one trial."""
    x = optuna.distributions.FloatDistribution(0, 1)
    trial = create_trial(
        state=TrialState.RUNNING, params={"x": number / 100}, distributions={"x": x}
    )
    epochs: list[tuple[Entry, ...]] = [
        (Attribute(number, f"epoch:{e}", {"acc": e / 10}), Value(number, e, e / 10)) for e in (1, 2)
    ]
    end = (Attribute(number, "state", "complete"), End(number, TrialState.COMPLETE, [0.2]))
    return [(NewTrial(number, trial),), *epochs, (Note("wall_s", 2.5 * number),), end]


def expected(trials: int) -> list[tuple[object, ...]]:
    return [
        (
            {"x": n / 100},
            {"epoch:1": {"acc": 0.1}, "epoch:2": {"acc": 0.2}, "state": "complete"},
            {1: 0.1, 2: 0.2},
            TrialState.COMPLETE,
        )
        for n in range(trials)
    ]


def test_while_all_is_well_it_is_there_when_write_returns(storage: Faulty, writer: Writer) -> None:
    for number in range(3):
        for entries in life(number):
            writer.write(*entries)
            assert writer.waiting == 0
        assert storage.content() == expected(number + 1)
    assert writer.notes() == []


def test_what_belongs_together_is_one_write(storage: Faulty, writer: Writer) -> None:
    first, *rest = life(0)
    writer.write(*first)
    before = storage.content()
    with writer.together():
        for entries in rest:
            writer.write(*entries)
        assert storage.content() == before
    assert storage.content() == expected(1)


def test_what_was_gathered_is_written_whatever_comes_between(
    storage: Faulty, writer: Writer
) -> None:
    first, *rest = life(0)
    writer.write(*first)

    def fail() -> None:
        with writer.together():
            for entries in rest:
                writer.write(*entries)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert storage.content() == expected(1)


def test_an_outage_is_told_once_and_ends_with_all_in_order(storage: Faulty, writer: Writer) -> None:
    groups = [entries for number in range(4) for entries in life(number)]
    for entries in groups[:3]:
        writer.write(*entries)
    before = storage.content()
    storage.away = OSError(28, "No space left on device")
    for entries in groups[3:]:
        writer.write(*entries)
    assert storage.content() == before
    assert writer.waiting == sum(map(len, groups[3:]))
    assert writer.notes() == [
        "the study cannot be reached: No space left on device; training goes on, 1 record waits "
        "for it"
    ]
    storage.away = None
    until(lambda: writer.waiting == 0)
    assert storage.content() == expected(4)
    assert writer.notes() == ["the study can be reached again, and has every record"]


@settings(max_examples=25)
@given(
    faults=st.lists(
        st.tuples(st.booleans(), st.sampled_from([OSError(5, "Input/output error"), None])),
        max_size=60,
    )
)
def test_whatever_fails_before_or_after_it_is_done_nothing_is_doubled_or_lost(
    faults: list[tuple[bool, BaseException | None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    storage = Faulty(tmp_path_factory.mktemp("s") / "study.log")
    writer = Writer(storage, storage.study, [])  # type: ignore[arg-type]
    storage.faults = list(faults)  # type: ignore[arg-type]
    for number in range(3):
        for entries in life(number):
            writer.write(*entries)
    until(lambda: writer.waiting == 0)
    writer.close()
    assert storage.content() == expected(3)
    storage.close()


def test_one_that_does_not_answer_is_waited_for_only_so_long(
    storage: Faulty, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PATIENCE_S", 0.05)
    storage.hold.clear()
    for entries in life(0):
        writer.write(*entries)
    assert writer.waiting > 0
    assert "no answer for 0 s" in writer.notes()[0]
    storage.hold.set()
    until(lambda: writer.waiting == 0)
    assert storage.content() == expected(1)


def test_an_idle_one_notices_that_the_storage_is_away(
    storage: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "IDLE_S", 0.02)
    writer = Writer(storage, storage.study, [])  # type: ignore[arg-type]
    storage.away = OSError(2, "No such file or directory")
    told: list[str] = []
    until(lambda: bool(told.extend(writer.notes()) or told))
    assert told == [
        "the study cannot be reached: No such file or directory; training goes on, what comes "
        "waits for it"
    ]
    storage.away = None
    until(lambda: bool(told.extend(writer.notes()) or len(told) > 1))
    writer.close()


def test_one_that_is_another_drivers_by_now_gets_nothing_more(
    storage: Faulty, writer: Writer
) -> None:
    storage.away = Taken(Owner("atlas", 7, "t"))
    for entries in life(0):
        writer.write(*entries)
    assert writer.lost == "the study is in use by process 7 on atlas by now, which goes on with it"
    storage.away = None
    writer.write(*life(0)[0])
    writer.close()
    assert storage.content() == []


def test_one_that_another_program_has_changed_is_left_alone(
    storage: Faulty, writer: Writer
) -> None:
    for entries in life(0)[:2]:
        writer.write(*entries)
    storage._real.set_trial_state_values(0, TrialState.FAIL)
    writer.write(*life(0)[2])
    assert writer.lost == "another program has changed the study"


def test_what_can_never_be_written_is_raised(storage: Faulty, writer: Writer) -> None:
    writer.write(*life(0)[0])
    with pytest.raises(TypeError, match="JSON"):
        writer.write(Attribute(0, "what", object()))
