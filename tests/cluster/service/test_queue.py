"""Sweeps begin in turn, member by member, and what was lost goes on; nothing of it needs Ray."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.service.queue import FILE, MOST, JobState, Queue, Queued, Step, read
from trainers.errors import ConfigError


@dataclass
class FakeJobs:
    """Drivers that end when a test says so."""

    states: dict[str, JobState] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    away: bool = False

    def begin(self, queued: Queued) -> str:
        self._answer()
        self.begun.append(queued.sweep)
        job = f"{queued.sweep}#{len(self.begun)}"
        self.states[job] = JobState(alive=True)
        return job

    def state(self, job: str) -> JobState:
        self._answer()
        return self.states.get(job, JobState(alive=False))

    def stop(self, job: str) -> None:
        self._answer()
        self.stopped.append(job)

    def _answer(self) -> None:
        if self.away:
            raise OSError("Ray's job server does not answer")

    def end(self, sweep: str, exit_code: int | None) -> None:
        job = next(job for job in reversed(self.states) if job.startswith(f"{sweep}#"))
        self.states[job] = JobState(False, exit_code)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def sweep(name: str, member: str = "alpha") -> Queued:
    return Queued(name, member, (f"name={name}",), False, "/results")


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, jobs: FakeJobs, clock: Clock) -> Queue:
    return Queue(tmp_path / FILE, jobs, clock)


def steps(queue: Queue) -> dict[str, Step]:
    return {entry.sweep: entry.step for entry in queue.entries}


def test_so_many_run_at_once_and_members_take_turns(queue: Queue, jobs: FakeJobs) -> None:
    for number in range(MOST + 2):
        queue.add(sweep(f"a{number}"))
    queue.add(sweep("b0", "beta"))
    queue.look()
    assert len(jobs.begun) == MOST
    assert jobs.begun[:2] == ["a0", "b0"], "the member with the fewest that run comes first"
    jobs.end("a0", 0)
    queue.look()
    assert steps(queue)["a0"] is Step.ENDED
    assert jobs.begun[-1] == f"a{MOST - 1}", "then the first that came"


@pytest.mark.parametrize(
    ("exit_code", "step"), [(0, Step.ENDED), (1, Step.FAILED), (2, Step.FAILED)]
)
def test_how_a_driver_ends_is_told(
    queue: Queue, jobs: FakeJobs, exit_code: int, step: Step
) -> None:
    queue.add(sweep("a"))
    queue.look()
    jobs.end("a", exit_code)
    queue.look()
    assert steps(queue) == {"a": step}
    assert jobs.begun == ["a"]


def test_a_lost_driver_is_begun_again_but_not_for_ever(
    queue: Queue, jobs: FakeJobs, clock: Clock
) -> None:
    queue.add(sweep("a"))
    while not steps(queue)["a"].over:
        queue.look()
        if steps(queue)["a"] is Step.RUNNING:
            jobs.end("a", None)
        clock.now += 10.0
        assert len(jobs.begun) < 10
    assert queue["a"].step is Step.FAILED
    assert queue["a"].message == "its driver was lost 6 times"


def test_a_driver_refused_beside_its_lost_one_is_begun_again(
    queue: Queue, jobs: FakeJobs, clock: Clock
) -> None:
    queue.add(sweep("a"))
    queue.look()
    for exit_code in (None, 2, 0):
        jobs.end("a", exit_code)
        queue.look()
        clock.now += 10.0
        queue.look()
    assert queue["a"].step is Step.ENDED
    assert len(jobs.begun) == 3


def test_a_new_head_goes_on_with_what_ran_and_what_waited(
    queue: Queue, jobs: FakeJobs, clock: Clock, tmp_path: Path
) -> None:
    for number in range(MOST + 1):
        queue.add(sweep(f"a{number}"))
    queue.look()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    fresh = FakeJobs()
    again = Queue(tmp_path / FILE, fresh, clock)
    again.look()  # notices that all are lost
    clock.now += 10.0
    again.look()
    assert len(fresh.begun) == MOST
    assert set(fresh.begun) < {f"a{n}" for n in range(MOST + 1)}


def test_nothing_changes_while_ray_does_not_answer(queue: Queue, jobs: FakeJobs) -> None:
    queue.add(sweep("a"))
    queue.look()
    queue.add(sweep("b"))
    jobs.away = True
    with pytest.raises(OSError, match="does not answer"):
        queue.look()
    with pytest.raises(OSError, match="does not answer"):
        queue.stop("a")
    assert steps(queue) == {"a": Step.RUNNING, "b": Step.WAITING}


def test_stopping_a_waiting_a_running_and_an_ended_one(queue: Queue, jobs: FakeJobs) -> None:
    queue.add(sweep("a"))
    assert queue.stop("a").step is Step.STOPPED
    queue.add(sweep("a"))  # its name is free again
    queue.look()
    assert queue.stop("a").step is Step.STOPPING
    assert jobs.stopped == ["a#1"]
    jobs.end("a", 1)
    queue.look()
    assert queue["a"].step is Step.STOPPED
    with pytest.raises(ConfigError, match="a runs no more: it has been stopped"):
        queue.stop("a")
    with pytest.raises(ConfigError, match="no sweep 'c' was handed in here"):
        queue.stop("c")


def test_a_name_is_in_the_queue_once(queue: Queue) -> None:
    queue.add(sweep("a"))
    with pytest.raises(ConfigError, match=r"a is in the queue already \(waiting, alpha's\)"):
        queue.add(sweep("a", "beta"))


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"sweep": 1}]', '[{"step": "x"}]', "null"])
def test_a_damaged_file_is_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / FILE)


words = st.lists(st.text(min_size=1, max_size=8), max_size=3).map(tuple)


@given(st.lists(st.builds(Queued, sweep=st.text(min_size=1), member=st.text(), words=words,
                          goes_on=st.booleans(), results=st.text(), message=st.text()),
                unique_by=lambda entry: entry.sweep, max_size=5))  # fmt: skip
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, every: list[Queued]
) -> None:
    path = tmp_path_factory.mktemp("queue") / FILE
    queue = Queue(path, FakeJobs(), Clock())
    for entry in every:
        queue.add(entry)
    assert read(path) == list(queue.entries)
