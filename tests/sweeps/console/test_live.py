"""The running sweep, as a person sees it: in a real terminal, in a pipe, and in numbers."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sweeps.console.live import STARTING, Progress, frame, time_left
from sweeps.console.status import Overview, Status
from sweeps.driver.budget import Budget, Spent
from sweeps.trials import Objective, State, TrialRecord
from tests.sweeps.waiting import MOST_S

ROOT = Path(__file__).parents[3]
ACCURACY = Objective("val_accuracy", maximize=True)
OVERVIEW = Overview(
    "quick", ACCURACY, "tpe", "asha", "2 at once on atlas", trials=4, epochs=10, slots=2
)


def trial(
    number: int, state: State = State.RUNNING, *values: float, seconds: float = 0.0
) -> TrialRecord:
    """A trial whose epochs had these accuracies."""
    epochs = {epoch: {"val_accuracy": value} for epoch, value in enumerate(values, 1)}
    return TrialRecord(f"{number:04}", number, state, epochs=epochs, seconds=seconds)


def shown(status: Status, now: float = 0.0, width: int = 80, height: int = 24) -> str:
    return "\n".join(line.plain for line in frame(status, now, width, height))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (60.0, 66.0, "about 1:03 left"),
        (3.0, 12.0, "about 0:08 left"),
        (42.0, 131.0, "0:40 to 2:10 left"),
        (400.0, 4000.0, "6:40 to 1:07:00 left"),
        (0.0, 131.0, "up to 2:10 left"),
        (1.0, 30.0, "0:05 to 0:30 left"),
        (9000.0, 80000.0, "2:30:00 to 22:10:00 left"),
    ],
)
def test_the_time_left_is_a_range_until_it_is_narrow(
    low: float, high: float, expected: str
) -> None:
    assert time_left(low, high) == expected


class TestFrame:
    def test_a_running_trial(self) -> None:
        status = Status(OVERVIEW, [], now=0.0)
        params = {"optimizer.lr": 0.00032, "model.width": 128, "model.norm": "batch"}
        status.start(replace(trial(0), params=params), "baseline", 0.0)
        status.epoch("0000", 3, {"val_accuracy": 0.98333}, "", 3.0)
        heading, line = shown(status, 3.0).splitlines()[-2:]
        assert heading.split() == ["trial", "epoch", "val_accuracy", "lr", "width", "norm"]
        assert line.split() == [
            "0000", "━━━───────", "3/10", "0.9833", "3.2e-04", "128", "batch", "baseline",
        ]  # fmt: skip

    def test_what_is_left_of_the_budget(self) -> None:
        overview = replace(OVERVIEW, budget=Budget(4, 2.0, None, 500))
        status = Status(overview, [], now=0.0)
        assert "left" not in shown(status)
        status.spent = Spent(trials=1, hours=0.5, gpu_hours=0.0, epochs=310), 60.0
        line = shown(status, 60.0 + 4 * 60.0).splitlines()[3]
        assert line == "left  1:26 of 2:00 h · 190 of 500 epochs"  # time goes on between events
        status.over = True
        assert "190 of" not in shown(status)

    def test_trials_alone_are_shown_once(self) -> None:
        status = Status(replace(OVERVIEW, budget=Budget(4, None, None, None)), [], now=0.0)
        status.spent = Spent(trials=1, hours=0.5, gpu_hours=0.0, epochs=3), 0.0
        assert len(shown(status).splitlines()) == 3

    def test_what_stays_when_it_is_over(self) -> None:
        status = Status(OVERVIEW, [trial(0, State.COMPLETE, 0.9, seconds=9.0)], now=0.0)
        status.start(trial(1), "", 0.0)
        status.over = True
        lines = shown(status, 83.0).splitlines()
        assert len(lines) == 4
        assert lines[2].startswith("1 unfinished · 1 done ")
        assert lines[2].endswith("  1:23 elapsed")
        assert lines[3].startswith("best  0000")

    def test_swept_epochs_are_the_length_of_a_trial(self) -> None:
        status = Status(OVERVIEW, [], now=0.0)
        status.start(replace(trial(0), params={"epochs": 4}), "", 0.0)
        assert " 0/4 " in shown(status)

    def test_machines_are_shown_once_there_are_two(self) -> None:
        status = Status(OVERVIEW, [], now=0.0)
        status.start(trial(0), "", 0.0)
        status.start(trial(1), "", 0.0)
        status.epoch("0000", 1, {}, "ana/atlas", 1.0)
        assert "ana/atlas" not in shown(status)
        status.epoch("0001", 1, {}, "bo/g4dn", 1.0)
        assert "ana/atlas" in shown(status)
        assert "bo/g4dn" in shown(status)

    @pytest.mark.parametrize(("height", "left_out"), [(24, 14), (12, 26), (60, 0)])
    def test_as_many_running_trials_as_fit(self, height: int, left_out: int) -> None:
        status = Status(replace(OVERVIEW, trials=100, slots=32), [], now=0.0)
        for number in range(32):
            status.start(trial(number), "", 0.0)
        status.epoch("0000", 1, {}, "", 1.0)
        lines = shown(status, height=height).splitlines()
        assert len(lines) <= height
        assert sum(line.startswith("00") for line in lines) == 32 - left_out
        assert (lines[-1] == f"… and {left_out} more") == bool(left_out)

    @given(
        width=st.integers(20, 200),
        height=st.integers(1, 50),
        sweep=st.text(max_size=80),
        metric=st.text("val_é漢", min_size=1, max_size=40),
        params=st.dictionaries(
            st.text(min_size=1, max_size=30), st.text() | st.floats() | st.integers(), max_size=12
        ),
        texts=st.tuples(st.text(), st.text(), st.text()),
        running=st.integers(0, 40),
    )
    def test_every_line_fits_whatever_is_in_it(
        self,
        width: int,
        height: int,
        sweep: str,
        metric: str,
        params: Mapping[str, object],
        texts: tuple[str, str, str],
        running: int,
    ) -> None:
        overview = replace(OVERVIEW, sweep=sweep, objective=Objective(metric, True), trials=10**6)
        failed = replace(trial(999, State.FAILED), reason=texts[0])
        status = Status(overview, [], now=0.0)
        status.end(failed, 0.0)
        for number in range(running):
            each = replace(trial(number), params=params, machine=f"{texts[1]}{number}")
            status.start(each, texts[2], 0.0)
            status.epoch(each.id, 1, {metric: 123456.7}, "", 10.0)
        lines = frame(status, 100.0, width, height)
        assert len(lines) <= height
        for line in lines:
            assert line.cell_len <= width
            assert all(character.isprintable() for character in line.plain)


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestLines:
    @pytest.fixture
    def file(self) -> io.StringIO:
        return io.StringIO()

    def progress(
        self, file: io.StringIO, clock: Clock, *previous: TrialRecord, overview: Overview = OVERVIEW
    ) -> Progress:
        return Progress(overview, previous, Console(file=file, width=40), clock)

    def test_the_lines_of_each_trial(self, file: io.StringIO) -> None:
        clock = Clock()
        with self.progress(file, clock) as progress:
            first = replace(trial(0), params={"optimizer.lr": 0.00032})
            progress.started(first)
            progress.epoch("0000", 1, {"val_accuracy": 0.9})
            progress.epoch("0000", 2, {"val_accuracy": 0.98333})  # leads already
            progress.ended(
                replace(trial(0, State.COMPLETE, 0.9, 0.98333, seconds=83), params=first.params)
            )
            refused = replace(trial(1, State.INFEASIBLE), reason="8 GPUs asked,\n1 there :key:")
            progress.ended(refused)
            progress.notify("\x1b[31mW&B[/]: \x07offline\r\n")
        assert file.getvalue().splitlines() == [
            "quick: tpe search, asha stop, 2 at once on atlas",
            STARTING,
            "0000 is the best so far: val_accuracy 0.9000 at epoch 1",
            "0000 done: val_accuracy 0.9833 at epoch 2; 1:23; optimizer.lr=3.2e-04",
            "0001 infeasible: 8 GPUs asked, 1 there :key:; 0:00",
            "W&B[/]: offline",
            "0:00: 1 of 4 trials ended (1 done, beside 1 infeasible); best 0.9833, trial 0000",
        ]

    def test_of_infeasible_trials_the_first_is_printed(self, file: io.StringIO) -> None:
        with Progress(OVERVIEW, [], Console(file=file, width=200)) as progress:
            for number in range(5):
                progress.ended(replace(trial(number, State.INFEASIBLE), reason="too wide"))
        lines = file.getvalue().splitlines()
        assert sum("infeasible: too wide" in line for line in lines) == 1
        assert sum("further infeasible trials are only counted" in line for line in lines) == 1
        assert any("5 infeasible" in line for line in lines)

    def test_a_heartbeat_at_most_every_30_seconds(self, file: io.StringIO) -> None:
        clock = Clock()
        with self.progress(file, clock, trial(0, State.COMPLETE, 0.9, seconds=50)) as progress:
            progress.started(trial(1))
            for epoch in range(1, 11):
                clock.now = 10.0 * epoch
                progress.epoch("0001", epoch, {"val_accuracy": 0.5})
        beats = [line for line in file.getvalue().splitlines() if "trials ended" in line]
        assert [beat.split(": ")[0] for beat in beats] == ["0:00", "0:30", "1:00", "1:30", "1:40"]
        assert beats[1].startswith("0:30: 1 of 4 trials ended (1 running · 1 done); best 0.9000")
        assert re.search(r"; (about )?\d+:\d\d( to \d+:\d\d)? left$", beats[1])
        assert (
            beats[-1]
            == "1:40: 1 of 4 trials ended (1 unfinished · 1 done); best 0.9000, trial 0000"
        )

    def test_what_runs_where_is_counted(self, file: io.StringIO) -> None:
        with self.progress(file, Clock()) as progress:
            for number, place in enumerate(("alpha/atlas", "alpha/atlas", "beta/b", "")):
                progress.started(trial(number))
                progress.epoch(trial(number).id, 1, {"val_accuracy": 0.5}, place)
            assert progress.places == {"alpha/atlas": 2, "beta/b": 1}
            progress.ended(trial(1, State.COMPLETE, 0.9))
            assert progress.places == {"alpha/atlas": 1, "beta/b": 1}

    def test_a_heartbeat_tells_what_is_left_of_the_budget(self, file: io.StringIO) -> None:
        clock = Clock()
        overview = replace(OVERVIEW, budget=Budget(4, None, None, 30, stalled=9))
        with self.progress(file, clock, overview=overview) as progress:
            progress.started(trial(1))
            for epoch in (1, 2):
                clock.now = 20.0 * epoch
                progress.spent(Spent(1, 0.0, 0.0, epoch, fruitless=1))
                progress.epoch("0001", epoch, {"val_accuracy": 0.5})
        beats = [line for line in file.getvalue().splitlines() if "trials ended" in line]
        assert beats[0].endswith("; budget left: 28 of 30 epochs · 8 of 9 trials to do better")
        assert "budget" not in beats[-1], "it is over"

    def test_a_file_that_lacks_the_characters(self) -> None:
        raw = io.BytesIO()
        file = io.TextIOWrapper(raw, encoding="ascii")
        with Progress(OVERVIEW, (), Console(file=file), Clock()) as progress:
            progress.notify("größer … 漢")
        assert b"gr??er ~ ?\n" in raw.getvalue()

    def test_an_error_passes_through_and_the_state_stays(self, file: io.StringIO) -> None:
        def interrupted() -> None:
            with self.progress(file, Clock()) as progress:
                progress.started(trial(0))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert (
            file.getvalue().splitlines()[-1] == "0:00: 0 of 4 trials ended (1 unfinished · 0 done)"
        )


# A sweep that waits at every step until its parent has seen the step's result.
CHILD = """
import os, sys
from dataclasses import replace
from sweeps.driver.budget import Budget, Spent
from sweeps.console.live import Progress
from sweeps.console.status import Overview
from sweeps.trials import Objective, State, TrialRecord

step = lambda: os.read(int(sys.argv[1]), 1)
overview = Overview("quick", Objective("val_accuracy", True), "tpe", "asha", "on atlas", 3, 2, 1)
with Progress(overview) as progress:
    for number in range(3):
        trial = TrialRecord(f"{number:04}", number, State.RUNNING, params={"lr": 0.00032})
        progress.started(trial)
        step()
        epochs = {1: {"val_accuracy": 0.9 + number / 100}}
        progress.epoch(trial.id, 1, epochs[1])
        progress.ended(replace(trial, state=State.COMPLETE, epochs=epochs, seconds=1.0))
        if number == 1:
            progress.notify("a note of the driver")
        step()
print("the sweep has ended")
"""


class Terminal:
    """The screen of a terminal, as far as a live view needs one."""

    SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")

    def __init__(self) -> None:
        self.raw = ""
        self.ups = 0  # times the cursor went up

    @property
    def screen(self) -> list[str]:
        lines, row, column, self.ups = [""], 0, 0, 0
        for match in self.SEQUENCE.finditer(self.raw):
            text, argument, code = match[0], match[1], match[2]
            if text == "\r":
                column = 0
            elif text == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif code == "A":
                self.ups += 1
                row -= int(argument or 1)
                assert row >= 0, "the view was taller than the screen"
            elif code == "K":
                lines[row] = ""
            elif code is None:
                line = lines[row].ljust(column)
                lines[row] = line[:column] + text + line[column + len(text) :]
                column += len(text)
            else:
                assert code in "mhl", f"not expected from a live view: {match[0]!r}"
        return [line.rstrip() for line in lines]


@contextmanager
def in_terminal(
    columns: int, rows: int, **env: str
) -> Iterator[tuple[Terminal, Callable[[str], None], Callable[[], object]]]:
    """The child in a pseudo-terminal: (its screen, wait until text is on it, let it step)."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    theirs, ours = os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **env}
    for name in ("COLUMNS", "LINES", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        environment.pop(name, None)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(theirs)],
        stdin=follower, stdout=follower, stderr=follower, pass_fds=[theirs], env=environment,
    )  # fmt: skip
    os.close(follower)
    terminal, deadline = Terminal(), time.monotonic() + MOST_S

    def until(text: str) -> None:
        while not any(text in line for line in terminal.screen):
            ready, _, _ = select.select([leader], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"{text!r} never came: {terminal.screen}"
            terminal.raw += os.read(leader, 65536).decode(errors="replace")

    try:
        yield terminal, until, lambda: os.write(ours, b".")
        child.wait(timeout=MOST_S)
    finally:
        child.kill()
        child.wait()
        for descriptor in (leader, theirs, ours):
            os.close(descriptor)


@pytest.mark.machines
class TestTerminal:
    @pytest.mark.parametrize("columns", [60, 120])
    def test_one_view_redrawn_in_place(self, columns: int) -> None:
        with in_terminal(columns, 24) as (terminal, until, step):
            for number in range(3):
                until(f"{number:04}   ")
                until(" 0/2")
                step()
                until(f"{number + 1}/3 trials")  # by itself: no call of ours draws
                step()
            until("the sweep has ended")
            screen = [line for line in terminal.screen if line]
            assert terminal.ups > 6  # in place
        assert screen[0] == "a note of the driver"  # above the view
        assert screen[1] == "quick  tpe search, asha stop  on atlas"
        assert screen[2].endswith("━  3/3 trials")
        assert screen[3].startswith("3 done ")
        assert "left" not in screen[3]
        assert screen[4].startswith("best  0002  val_accuracy 0.9200 at epoch 1  lr 3.2e-04")
        assert screen[5:] == ["the sweep has ended"]  # no older frame is left
        assert all(len(line) <= columns for line in screen)

    def test_a_dumb_terminal_gets_lines(self) -> None:
        with in_terminal(80, 24, TERM="dumb") as (terminal, until, step):
            for _ in range(6):
                step()
            until("the sweep has ended")
            assert "\x1b" not in terminal.raw
            assert "0002 done: val_accuracy 0.9200 at epoch 1; 0:01; lr=3.2e-04" in terminal.screen

    def test_no_colour_still_draws_in_place(self) -> None:
        with in_terminal(80, 24, NO_COLOR="1") as (terminal, until, step):
            for _ in range(6):
                step()
            until("the sweep has ended")
            assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal.raw)
            assert [line for line in terminal.screen if "3/3 trials" in line]


@pytest.mark.machines
@pytest.mark.parametrize("forced", [{}, {"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}])
def test_a_pipe_gets_a_line_for_each_trial_and_no_control_codes(forced: dict[str, str]) -> None:
    theirs, ours = os.pipe()
    os.write(ours, b"......")
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(theirs)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **forced},
        pass_fds=[theirs], capture_output=True, check=True, timeout=MOST_S,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert b"\x1b" not in result.stdout + result.stderr
    assert b"\r" not in result.stdout
    lines = result.stdout.decode().splitlines()
    ended = [line for line in lines if re.match(r"\d{4} done", line)]
    assert [line[:4] for line in ended] == ["0000", "0001", "0002"]
    assert [line[:4] for line in lines if "is the best so far" in line] == [
        "0000", "0001", "0002",
    ]  # fmt: skip
    assert lines[-1] == "the sweep has ended"
