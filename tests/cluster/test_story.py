"""A group's week with one head, in minutes: who does what, what fails, and what comes of it.

    pytest -m long -n0 -s tests/cluster/test_story.py

Four computers with no folder in common. What happens is printed as it does, with its second.
"""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.computers import DISK, Computer, child, computers, interrupt, why_none
from tests.cluster.planted import Planted, plant
from tests.cluster.raylets import line
from tests.sweeps.processes import TRIAL, command, finish, start
from tests.sweeps.waiting import until

PORT = 26379
COMMON = (
    "space=null", "search=grid", "stop=none", "model=mlp", "model.depth=1", "norm=none",
    "batch_size=64", "resources.cpu=1", "seed=1", "activation._target_=paced.Paced",
)  # fmt: skip
SWEEPS: Mapping[str, tuple[str, ...]] = {
    "rates": (
        "optimizer.lr=1e-4,3e-4,1e-3", "model.width=16", "model.dropout=0.0,0.2", "epochs=120",
        "track.init_timeout_s=5",
    ),
    "widths": ("model.width=16,24", "optimizer=adamw,sgd", "epochs=80", "track=none"),
}  # fmt: skip
EPOCHS = {"rates": 6 * 120, "widths": 4 * 80}
#: Of a member's own package: trials that take their time, however fast the host is.
PACED = f"""
import time, torch

class Paced(torch.nn.ReLU):
    def forward(self, x):
        if self.training:
            try:
                with open("{DISK}/pace") as file:
                    time.sleep(float(file.read()))
            except (OSError, ValueError):
                pass
        return super().forward(x)
"""
#: Seconds of a batch; an epoch has 18.
PACE_S = 0.1
#: A line of a study for an epoch's value.
VALUE = r'"op_code":7.*"trial_id":(\d+),"step":(\d+)'
#: Columns that tell of time, not of training.
TIMES = ("epoch_s", "seconds", "samples_per_s")


@dataclass
class Story:
    """Tells what happens: on the screen, and in a file."""

    file: Path
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Tell it, with the second at which it happens."""
        told = f"{time.monotonic() - self.began:5.0f} s  {text}"
        sys.stdout.write(told + "\n")
        sys.stdout.flush()
        with self.file.open("a", encoding="utf-8") as file:
            file.write(told + "\n")

    def show(self, text: str) -> None:
        """Tell what somebody sees on a screen."""
        for one in text.strip().splitlines():
            self.say(f"    | {one.rstrip()}")


@dataclass
class Group:
    """The group's computers, and what runs on them.

    Attributes:
        joined: member -> the process that lends the computer.
    """

    lab: Computer
    small: Computer
    mini: Computer
    station: Computer
    story: Story
    planted: Planted
    joined: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    head: subprocess.Popen[str] | None = None

    def make_head(self) -> None:
        """Start the head; its screen is read on, so that nothing waits for somebody to read."""
        self.head = self.lab.start("cluster.head", f"--address={self.lab.address}", "--member=zeta")
        self.until_head_says("joined: zeta")

    def until_head_says(self, text: str) -> None:
        assert self.head is not None
        self.story.show(line(self.head, text))

    def join(self, member: str, computer: Computer) -> None:
        process = computer.join(self.lab, member, PORT, "--cpus=1")
        self.planted.rightful.add(computer.disk / "cluster" / "token")
        self.joined[member] = process
        self.story.show(line(process, "joined"))

    def record(self, sweep: str) -> str:
        """The study of a sweep, as it is written."""
        path = self.results / sweep / "study.log"
        return path.read_text() if path.exists() else ""

    def epochs(self, sweep: str) -> int:
        return self.record(sweep).count('"epoch:')

    def step(self, sweep: str) -> str:
        """Where a sweep stands in the head's queue."""
        path = self.lab.disk / "cluster" / "queue.json"
        content = path.read_text() if path.exists() else ""
        found = re.search(rf'"sweep": "{sweep}".*?"step": "(\w+)"', content)
        return found[1] if found else ""

    def until(self, there: Callable[[], object]) -> None:
        """Wait until it is so, while both sweeps are to go on."""

        def look() -> bool:
            time.sleep(0.2)  # what is looked at costs the host something
            for sweep in SWEEPS:
                assert self.step(sweep) not in ("ended", "failed"), self.log(sweep)
            return bool(there())

        until(look, running=self.head)

    def log(self, sweep: str) -> str:
        """What a sweep's drivers have printed."""
        return (self.lab.disk / "cluster" / "logs" / f"{sweep}.log").read_text()

    def until_more(self, sweep: str, count: int) -> None:
        """Wait for so many further epochs of a sweep."""
        wanted = self.epochs(sweep) + count
        self.until(lambda: self.epochs(sweep) >= wanted)

    def shares(self) -> dict[str, int]:
        """How many slots each sweep has."""
        sharing = self.station.ask("/api/status")["sharing"]
        return {str(one["sweep"]): int(one["granted"]) for one in sharing["sessions"]}

    @property
    def results(self) -> Path:
        return self.lab.disk / "results"


@contextmanager
def group(folder: Path) -> Iterator[Group]:
    names = ("lab", "small", "mini", "station")
    with computers(folder, *names) as made:
        planted = plant(dict(zip(names, made, strict=True)), "lab")
        one = Group(*made, Story(folder / "story.txt"), planted)
        for computer in made:
            (computer.disk / "code").mkdir()
            (computer.disk / "code" / "paced.py").write_text(PACED)
            (computer.disk / "pace").write_text(f"{PACE_S}")
            computer.variables["PYTHONPATH"] = f"{DISK}/code"
        over = threading.Event()
        thread = planted.watch(over)
        try:
            yield one
        finally:
            over.set()
            thread.join()


@pytest.mark.long
@pytest.mark.skipif(why_none() != "", reason=why_none())
def test_a_week_of_a_group(tmp_path: Path) -> None:
    with group(tmp_path) as one:
        begin(one)
        share(one)
        look(one)
        lose_a_machine(one)
        leave_and_come_back(one)
        lose_the_head(one)
        stop_and_go_on(one)
        end(one)
        search(one.planted, (one.lab, one.small, one.mini, one.station), one.story, "while it runs")
        part(one)
        search(one.planted, (one.lab, one.small, one.mini, one.station), one.story, "afterwards")
        compare(one, tmp_path)


def begin(one: Group) -> None:
    """The lab's server is the head; three members lend their computers."""
    say = one.story.say
    (one.lab.disk / "cluster").mkdir(mode=0o700)
    members = "alpha: {weight: 2}\nbeta: {weight: 1}\n"
    (one.lab.disk / "cluster" / "members.yaml").write_text(members)
    say("zeta starts the head on the lab's server; members.yaml: alpha has weight 2, beta 1")
    one.make_head()
    token = one.lab.disk / "cluster" / "token"
    one.planted.secrets["the head's token"] = token.read_text().strip()
    one.planted.rightful.add(token)
    say("alpha lends a small machine, beta a smaller one, gamma the workstation; one core each")
    one.join("alpha", one.small)
    one.join("beta", one.mini)
    one.join("gamma", one.station)
    for member in ("alpha", "beta", "gamma"):
        one.until_head_says(f"joined: {member}")


def hand_in(one: Group, sweep: str, computer: Computer) -> None:
    words = (f"name={sweep}", f"results={DISK}/results", *COMMON, *SWEEPS[sweep])
    code, output = computer.run("cluster.submit", *words)
    assert code == 0, output
    assert f"{sweep} is handed in" in output


def share(one: Group) -> None:
    """Alpha's sweep has all of the cluster, until beta's comes."""
    say = one.story.say
    hand_in(one, "rates", one.small)
    say("alpha has handed in her sweep rates, from the small machine: 6 trials of 120 epochs")
    one.until(lambda: one.epochs("rates") >= 5)
    say(f"rates has its first epochs; it has {one.shares().get('rates')} slots of 5")
    hand_in(one, "widths", one.mini)
    began = time.monotonic()
    say("beta has handed in his sweep widths, from his own machine: 4 trials of 80 epochs")
    one.until(lambda: one.epochs("widths") >= 1)
    waited = time.monotonic() - began
    say(f"widths has its first epoch, {waited:.1f} s after it was handed in")
    one.until(lambda: sorted(one.shares().values()) == [2, 3])
    shares = one.shares()
    say(f"the 5 slots by their weights: rates {shares['rates']}, widths {shares['widths']}")
    assert shares == {"rates": 3, "widths": 2}


def look(one: Group) -> None:
    """Everybody looks: status, logs, the page."""
    say = one.story.say
    code, status = one.station.run("cluster.status")
    assert code == 0, status
    say("gamma looks: make status")
    one.story.show(status.partition("\nThe page")[0])
    for name in ("lab", "small", "mini", "station"):
        assert re.search(rf"{name} +\d+ +0 .* 0\.0 ", status), f"{name}, no GPU-hours:\n{status}"
    reading = one.small.start("cluster.logs", "rates")
    said = line(reading, "is the best so far")
    interrupt(reading)
    _, rest = finish(reading)
    say("alpha looks: make logs SWEEP=rates")
    one.story.show(said)
    link = status.split("for a browser: ")[1].strip()
    page = one.mini.browse(link)
    for word in ("rates", "widths", "station", "<svg"):
        assert word in page, f"no {word} on the page"
    say(f"beta opens the page by its login link: {len(page)} characters, with the curves of both")
    for text, where in ((status, "make status"), (said + rest, "make logs"), (page, "the page")):
        one.planted.in_text(text, where)
    one.planted.in_text(str(one.mini.ask("/api/status")), "/api/status")


def lose_a_machine(one: Group) -> None:
    """The plug of a machine is pulled while a trial trains on it."""
    say = one.story.say
    one.until(lambda: any(command(p).startswith(TRIAL) for p in one.mini.processes()))
    had = one.planted.in_files(one.mini.root / "dev/shm", "mini's shared memory")
    say(f"beta's machine loses its power in the middle of an epoch ({had} files in its memory)")
    one.mini.switch_off()
    one.joined.pop("beta").communicate()
    one.until_head_says("gone:   beta")
    one.until_more("widths", 5)
    say("his sweep goes on, on the others' machines: 5 epochs more")


def leave_and_come_back(one: Group) -> None:
    """The workstation's owner needs it for himself; later he lends it again."""
    say = one.story.say
    process = one.joined.pop("gamma")
    interrupt(process)
    say("gamma presses Ctrl-C on the workstation")
    code, output = finish(process)
    one.story.show(output)
    assert code == 0, output
    assert output.endswith("left\n")
    one.join("gamma", one.station)
    say("gamma has joined again")
    one.until_head_says("joined: gamma")


def lose_the_head(one: Group) -> None:
    """The head is killed; somebody starts it again."""
    say = one.story.say
    assert one.head is not None
    before = {sweep: one.epochs(sweep) for sweep in SWEEPS}
    os.kill(child(one.head.pid), signal.SIGKILL)
    one.head.communicate()
    say(f"kill -9 of the head; on record are {before} epochs")
    code, output = one.small.run("cluster.status")
    assert code == 2, output
    say("alpha looks meanwhile: make status")
    one.story.show(output)
    one.make_head()
    say("zeta has started the head again")
    for member in ("alpha", "gamma"):
        if one.joined[member].poll() is not None:  # as a person would
            one.story.show(one.joined[member].communicate()[0])
            one.join(member, one.small if member == "alpha" else one.station)
    one.until(lambda: {"small", "station"} <= machines(one))
    say("the machines have come back by themselves; the queue has what it had:")
    one.story.show(one.station.run("cluster.status")[1].partition("\nThe page")[0])
    for sweep in SWEEPS:
        one.until_more(sweep, 3)
        assert one.step(sweep) == "running"
        say(f"{sweep} goes on: {one.epochs(sweep)} epochs")
    arbiters = [c for c in (one.small, one.station) if any("Arbiter" in line for line in lines(c))]
    assert not arbiters, "the slots are shared on the head, where its members are written down"
    assert one.station.ask("/api/status")["sharing"]["weights"] == {"alpha": 2.0, "beta": 1.0}
    one.mini.switch_on()
    one.join("beta", one.mini)
    say("beta has switched his machine on again, and joined")


def lines(computer: Computer) -> list[str]:
    """The command lines of all that runs on a computer."""
    return [command(process) for process in computer.processes()]


def machines(one: Group) -> set[str]:
    return {str(machine["name"]) for machine in one.lab.ask("/api/status")["machines"]}


def stop_and_go_on(one: Group) -> None:
    """Alpha stops her sweep, and goes on with it."""
    say = one.story.say
    code, output = one.small.run("cluster.stop", "rates")
    assert code == 0, output
    say("alpha stops her sweep: make stop SWEEP=rates")
    one.story.show(output)
    one.until(lambda: one.step("rates") == "stopped")
    say(f"it has ended cleanly, with {one.epochs('rates')} of {EPOCHS['rates']} epochs")
    code, output = one.small.run("cluster.submit", "rates")
    assert code == 0, output
    say("alpha goes on with it: make submit SWEEP=rates")
    one.until_more("rates", 3)


def end(one: Group) -> None:
    """Both sweeps end."""
    say = one.story.say
    say("from here on the trials do not take their time any more")
    for computer in (one.lab, one.small, one.mini, one.station):
        (computer.disk / "pace").unlink()
    for sweep in ("widths", "rates"):
        until(lambda sweep=sweep: one.step(sweep) in ("ended", "failed"), running=one.head)  # type: ignore[misc]
        assert one.step(sweep) == "ended", one.log(sweep)
        one.planted.in_text(one.log(sweep), f"the log of {sweep}")
        assert (one.results / sweep / "report.html").stat().st_size > 10_000
        say(f"{sweep} has ended, and its report is there")
    code, status = one.station.run("cluster.status")
    assert code == 0, status
    one.story.show(status.partition("\nThe page")[0])
    link = status.split("for a browser: ")[1].strip()
    for sweep in SWEEPS:
        assert re.search(rf"{sweep} +\w+ +ended", status), status
        page = one.small.browse(f"{link}?sweep={sweep}")
        assert "Learning curves" in page
        one.planted.in_text(page, f"the page of {sweep}")
        assert "Traceback" not in one.small.run("cluster.logs", sweep)[1]


def part(one: Group) -> None:
    """Everybody leaves."""
    for process in one.joined.values():
        interrupt(process)
        code, output = finish(process)
        assert (code, output.endswith("left\n")) == (0, True), output
    assert one.head is not None
    interrupt(one.head)
    code, output = finish(one.head)
    assert code == 0, output
    one.planted.in_text(output, "what make head prints")
    one.story.say("all have left, and the head has ended")
    for computer in (one.lab, one.small, one.mini, one.station):
        left = [command(p)[:80] for p in computer.processes() if "init" not in command(p)][1:]
        assert not left, f"{computer.name} still runs {left}"


def search(planted: Planted, all_of: tuple[Computer, ...], story: Story, when: str) -> None:
    """Look for every secret in every file that any of the computers has."""
    files = 0
    for computer in all_of:
        files += planted.in_files(computer.disk, computer.name)
        files += planted.in_files(computer.root / "dev/shm", f"{computer.name}'s shared memory")
    story.say(
        f"{when}: {len(planted.secrets)} secrets were looked for in {files} files, on all command "
        f"lines, and in the environments of {len(planted.trials)} trials' processes"
    )
    assert not planted.seen, planted.seen
    assert planted.trials
    for computer in all_of:
        for folder in [computer.disk / "cluster", *(computer.disk / "cluster").glob("*/")]:
            if folder.is_dir():
                assert folder.stat().st_mode & 0o77 == 0, f"others may look into {folder}"


def compare(one: Group, folder: Path) -> None:
    """Nothing is lost, doubled or other than it would be without all that."""
    reference = folder / "reference"
    alone = [undisturbed(sweep, reference, one.lab.disk / "code") for sweep in SWEEPS]
    for sweep, process in zip(SWEEPS, alone, strict=True):
        code, output = finish(process)
        assert code == 0, output
        found, right = rows(one.results / sweep), rows(reference / sweep)
        assert [row["state"] for row in found] == ["complete"] * len(right), found
        for mine, other in zip(found, right, strict=True):
            mine, other = (table(root / sweep, row["id"]) for root, row in
                           ((one.results, mine), (reference, other)))  # fmt: skip
            assert [row["epoch"] for row in mine] == [*map(str, range(1, len(mine) + 1))]
            assert mine == other, f"other numbers than an undisturbed sweep's, in {sweep}"
        times = Counter(re.findall(VALUE, one.record(sweep)))
        assert len(times) == EPOCHS[sweep]
        assert set(times.values()) == {1}, "an epoch is on record twice"
        where = sorted({row["machine"] for row in found})
        one.story.say(
            f"{sweep}: {len(found)} trials complete, every epoch once, each number that of a "
            f"sweep nobody disturbed; they ended on {', '.join(where)}"
        )


def undisturbed(sweep: str, results: Path, code: Path) -> subprocess.Popen[str]:
    """The same sweep on this host alone, at full speed."""
    words = [word for word in (*COMMON, *SWEEPS[sweep]) if not word.startswith("track")]
    return start(
        "sweeps", f"name={sweep}", f"results={results}", *words, "track=none",
        CAVIAR_CLUSTER=str(results / "none"), RAY_ADDRESS="", PYTHONPATH=str(code),
    )  # fmt: skip


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def table(folder: Path, trial: str) -> list[dict[str, str]]:
    """The epochs of a trial, without times."""
    with (folder / "trials" / trial / "metrics.csv").open() as file:
        return [
            {key: value for key, value in row.items() if key not in TIMES}
            for row in csv.DictReader(file)
        ]
