"""The machines and the sweep of a round, and what a person does who sees that one has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.namespaces import Host, network
from tests.cluster.raylets import Machines, end
from tests.sweeps.processes import ROOT, command, descendants, finish, start
from tests.sweeps.waiting import until
from tests.torture.small_disk import small_disk

TRIALS, EPOCHS = 3, 40
#: Some ten seconds a trial, one batch an epoch; each has a slot until a fault takes one.
SWEEP = (
    "name=t", "search=grid", "space=null", "stop=none", "seed=" + ",".join(map(str, range(TRIALS))),
    f"epochs={EPOCHS}", "track=none", "model._target_=tests.torture.unhurried.Unhurried",
    "model.width=16", "batch_size=1000", "resources.cpu=1",
)  # fmt: skip
#: Megabytes of a machine's disk: the head's has the cluster's memory and the results.
_HEAD_MB, _JOINED_MB = 256, 32
#: Seconds between two attempts at what has not worked; until a person presses Ctrl-C again.
_AGAIN_S, _LEAVE_S = 3.0, 10.0


@dataclass(frozen=True)
class Setting:
    """How a round is played.

    Attributes:
        apart: whether machines have addresses and disks of their own, which needs some rights.
        shared: whether the joined machines reach the head's results.
        by_hand: whether the sweep is started by `make sweep` on the head's machine, and not handed
            in.
    """

    apart: bool
    shared: bool
    by_hand: bool

    def __str__(self) -> str:
        folder = "a shared folder" if self.shared else "no shared folder"
        return f"{'make sweep' if self.by_hand else 'make submit'}, {folder}"


@dataclass
class JoinedMachine:
    """A machine that joins, and again whenever it has ended, from `due` on, while it is wanted."""

    name: str
    folder: Path
    python: str
    host: Host | None
    wanted: bool = True
    due: float = 0.0
    process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process that lends it; 0 if there is none."""
        return self.process.pid if self.process is not None and self.process.poll() is None else 0


@dataclass
class Round:
    """A head, joined machines, and a sweep.

    Attributes:
        beta: another machine, which joins if it is wanted.
        head_due: when a person who sees that the head has ended starts it again.
        disk_was_full: of the head: a sweep that could not write its results is handed in again.
        done: what a person had to do.
    """

    folder: Path
    setting: Setting
    machines: Machines
    alpha: JoinedMachine
    beta: JoinedMachine
    driver: subprocess.Popen[str] | None = None
    head_due: float = 0.0
    driver_due: float = 0.0
    disk_was_full: bool = False
    done: list[str] = field(default_factory=list)

    @property
    def results(self) -> Path:
        return self.folder / "head" / "results"

    def epochs(self) -> list[tuple[int, int]]:
        """The epochs on record, by trial and number, in their order."""
        log = self.results / "t" / "study.log"
        if not log.exists():
            return []
        lines = (line for line in log.read_text().splitlines() if '"op_code":7' in line)
        with suppress(ValueError):  # the last one is just being written
            return [(one["trial_id"], one["step"]) for one in map(json.loads, lines)]
        return []

    def alpha_trains(self) -> bool:
        """Whether an epoch from alpha's machine is on record."""
        log = self.results / "t" / "study.log"
        return log.exists() and '"member":"alpha"' in log.read_text()

    def processes(self, *words: str) -> list[int]:
        """Ours whose command line has all these words."""
        pids = [self.machines.head.pid, self.alpha.pid, self.beta.pid]
        pids += [self.driver.pid] if self.driver is not None and self.driver.poll() is None else []
        below = {one for pid in pids if pid for one in (pid, *descendants(pid))}
        return [pid for pid in sorted(below) if all(word in command(pid) for word in words)]

    def begin_sweep(self) -> None:
        """Hand it in, or start it by hand on the head's machine."""
        words = (*SWEEP, f"results={self.results}")
        if self.setting.by_hand:
            self._drive("sweeps", *words)
        else:
            self._hand_in(*words)

    def step(self) -> str:
        """Where the sweep stands: "ended", or what the head's queue says."""
        if self.driver is not None:
            return "ended" if self.driver.poll() == 0 else "running"
        try:
            content = json.loads((self.machines.folder / "queue.json").read_text())
        except (OSError, ValueError):
            return ""
        return str(content[0]["step"]) if content else ""

    def look(self) -> None:
        """Do what a person does who sees that something has ended."""
        now = time.monotonic()
        if self.machines.head.poll() is not None and now >= self.head_due:
            self.done.append("make head")
            self.head_due = now + _AGAIN_S
            with suppress(AssertionError):  # it is tried again
                self.machines.start_head()
        for one in (self.alpha, self.beta):
            if one.wanted and not one.pid and now >= one.due:
                self.done.append("make join")
                one.due = now + _AGAIN_S
                self.join(one)
        if self.driver is not None:
            lost = self.driver.poll() not in (None, 0)
            if lost and now >= self.driver_due and self.machines.head.poll() is None:
                self.done.append("make resume")
                self.driver_due = now + _AGAIN_S
                words = ("t", f"results={self.results}", "trust=[tests]")
                self._drive("sweeps.commands.resume", *words)
        elif self.disk_was_full and self.step() == "failed":
            self.done.append("make submit")
            self._hand_in("t")

    def join(self, one: JoinedMachine) -> None:
        if not (one.folder / "token").exists():
            (one.folder / "token").write_text((self.machines.folder / "token").read_text())
            (one.folder / "token").chmod(0o600)
        words = (f"--head={self.machines.address}", f"--member={one.name}", "--cpus=1")
        own = {"CAVIAR_CLUSTER": str(one.folder), "CAVIAR_SCRATCH": str(one.folder / "scratch")}
        one.process = self._logged(one.name, one.python, "cluster.join", *words, **own)

    def last_lines(self) -> str:
        """What each part has printed last, for a person who looks for the reason."""
        logs = (*self.folder.glob("*.log"), *self.machines.folder.glob("logs/*.log"))
        last = [(log.name, log.read_text(errors="replace").splitlines()[-1:]) for log in logs]
        return "; ".join(f"{name}: {lines[0]}" for name, lines in last if lines)

    def end(self) -> None:
        """End all that runs, as Ctrl-C does; twice where a machine waits for its trials."""
        for process in (self.driver, self.alpha.process, self.beta.process, self.machines.head):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=_LEAVE_S)
            if process is not None:
                end(process)

    def _hand_in(self, *words: str) -> None:
        python, own = self.machines.python, self.machines.environment
        code, output = finish(start("cluster.submit", *words, python=python, **own))
        if code != 0:
            self.done.append(f"({output.splitlines()[-1]})")

    def _drive(self, *words: str) -> None:
        own = self.machines.environment
        self.driver = self._logged("driver", self.machines.python, *words, **own)

    def _logged(
        self, name: str, python: str, *words: str, **environment: str
    ) -> subprocess.Popen[str]:
        """Run a command that prints to a file."""
        with (self.folder / f"{name}.log").open("a") as file:
            return subprocess.Popen(
                [python, "-m", *words],
                cwd=ROOT,
                env={**os.environ, "RAY_ADDRESS": "", **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )


@contextmanager
def begun(folder: Path, setting: Setting) -> Iterator[Round]:
    """Have a head and a machine of a round within a `with` block."""
    head, names = folder / "head", ("alpha", "beta")
    with ExitStack() as stack:
        if setting.apart:
            stack.enter_context(small_disk(head, _HEAD_MB))
            for name in names:
                stack.enter_context(small_disk(folder / name, _JOINED_MB))
        else:
            for path in (head, *(folder / name for name in names)):
                path.mkdir(mode=0o700)
        (head / "results").mkdir()
        if setting.apart:
            hide = () if setting.shared else (head / "results",)
            zeta, *hosts = stack.enter_context(network(folder, 1 + len(names), hide))
            machines = Machines.begin(head / "zeta", zeta.address, zeta.python)
            joined = [
                JoinedMachine(name, folder / name, host.python, host)
                for name, host in zip(names, hosts, strict=True)
            ]
        else:
            machines = Machines.begin(head / "zeta")
            joined = [JoinedMachine(name, folder / name, sys.executable, None) for name in names]
        alpha, beta = joined
        beta.wanted = False
        one = Round(folder, setting, machines, alpha, beta)
        stack.callback(one.end)
        one.join(alpha)
        until(lambda: "joined;" in (folder / "alpha.log").read_text(), running=alpha.process)
        yield one


def stop(pids: list[int]) -> None:
    """Let processes stand still."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)


def go_on(pids: list[int]) -> None:
    """Let processes that stand still go on, children first."""
    for pid in reversed(pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
