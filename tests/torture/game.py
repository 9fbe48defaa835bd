"""One round: faults drawn at random in the middle of a sweep, and whether all of it is there."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.torture.faults import FAULTS
from tests.torture.round import EPOCHS, TRIALS, Round, Setting, begun
from tests.torture.verdict import Numbers, left_over, token_found, wrong_with_sweep

#: Seconds after which a round has failed.
MOST_S = 600.0


@dataclass(frozen=True)
class Played:
    """How a round went.

    Attributes:
        pause_s: the longest time between two epochs of one trial after the faults.
        done: what a person had to do.
        wrong: empty if nothing is.
    """

    told: str
    seconds: float
    pause_s: float
    done: Sequence[str]
    wrong: str


class Game:
    """Plays one round."""

    def __init__(self, seed: int, apart: bool, named: str) -> None:
        self._dice = dice = random.Random(seed)
        setting = Setting(apart, dice.random() < 0.4 or not apart, dice.random() < 0.3)
        names = [name for name, fault in FAULTS.items() if apart or not fault.apart]
        self._names = dice.sample(names, dice.choice((1, 1, 2, 2)))
        self._at_once = dice.random() < 0.5
        self._at = dice.randrange(5, TRIALS * EPOCHS // 2)
        if named:
            self._names = [name for name in FAULTS if named in name][:1]
        if any(FAULTS[name].no_shared_folder for name in self._names):
            setting = Setting(apart, False, setting.by_hand)
        self._setting = setting
        self._last: dict[int, tuple[int, float]] = {}
        self._pause_s, self._struck = 0.0, False
        self._began = time.monotonic()

    def __str__(self) -> str:
        joined = f", {'at once' if self._at_once else 'then'}: ".join(self._names)
        return f"{joined} ({self._setting}, after {self._at} epochs)"

    def play(self, right: Numbers) -> Played:
        folder = Path(tempfile.mkdtemp(prefix="caviar-torture-"))
        os.environ["CAVIAR_SCRATCH"] = str(folder / "scratch")
        with begun(folder, self._setting) as one:
            try:
                wrong = self._play(one) or wrong_with_sweep(one, right) or token_found(one)
            except (OSError, AssertionError, subprocess.SubprocessError) as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                wrong += f" [{one.last_lines()}; all of it: {_kept(folder)}]"
            one.end()
            wrong = wrong or left_over(folder)
            done = one.done
        shutil.rmtree(folder, ignore_errors=True)
        return Played(str(self), time.monotonic() - self._began, self._pause_s, done, wrong)

    def _play(self, one: Round) -> str:
        one.begin_sweep()
        while not (len(one.epochs()) >= self._at and one.alpha_trains()) and one.step() != "ended":
            if self._late():
                return f"only {len(one.epochs())} epochs before any fault"
            one.look()
            time.sleep(0.05)
        self._struck = True
        strikes = self._strike(one)
        while strikes.is_alive() or one.step() not in ("ended", "stopped"):
            one.look()
            self._see(one)
            if self._late():
                return f"not over after {MOST_S:.0f} s: {one.step()}, {len(one.epochs())} epochs"
            if one.step() == "failed" and not one.disk_was_full:
                return "the sweep failed"
            time.sleep(0.1)
        return "" if one.step() == "ended" else f"the sweep {one.step()}"

    def _strike(self, one: Round) -> threading.Thread:
        """Let the faults strike: in the same moment, or one after the other."""

        def strike() -> None:
            threads = []
            for name in self._names:
                dice = random.Random(self._dice.random())
                threads.append(threading.Thread(target=FAULTS[name].strike, args=(one, dice)))
                threads[-1].start()
                if not self._at_once:
                    threads[-1].join()
                    time.sleep(dice.uniform(0, 5))
            for thread in threads:
                thread.join()

        thread = threading.Thread(target=strike)
        thread.start()
        return thread

    def _see(self, one: Round) -> None:
        """Note for how long a trial has had no epoch."""
        now = time.monotonic()
        for trial, number in dict(one.epochs()).items():
            before, since = self._last.get(trial, (0, now))
            if number != before:
                self._pause_s = max(self._pause_s, now - since)
                self._last[trial] = (number, now)

    def _late(self) -> bool:
        return time.monotonic() - self._began > MOST_S


def _kept(folder: Path) -> Path:
    """Keep the files of a round that has failed, for a person to read."""
    kept = Path(f"{folder}-failed")
    shutil.copytree(folder, kept, ignore_dangling_symlinks=True, ignore=_no_sockets)
    for ray in Path(tempfile.gettempdir()).glob("caviar-ray-*/ray/session_2*/logs"):
        shutil.copytree(ray, kept / ray.parts[2] / ray.parent.name, dirs_exist_ok=True)
    return kept


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    paths = [Path(folder) / name for name in names]
    return [path.name for path in paths if not (path.is_file() or path.is_dir())]
