"""Plant secrets, and look for them: in files, on command lines, in environments, in answers."""

from __future__ import annotations

import os
import secrets
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.computers import Computer
from tests.sweeps.processes import TRIAL

#: In command lines of processes that Ray starts, or that a head or a member starts for a sweep.
_NOT_A_PERSONS = ("ray::", "/ray/", "cluster.service.", "cluster.ray_start", "wandb")
#: Seconds between two looks at all processes.
_LOOK_S = 1.0


@dataclass
class Planted:
    """Secrets by their names, and where they have been seen.

    Attributes:
        rightful: files that are there to hold one.
        seen: a line for each place where one should not be.
        trials: processes of trials whose environment was looked at.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    rightful: set[Path] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    trials: set[int] = field(default_factory=set)

    def new(self, name: str) -> str:
        """Make up a secret."""
        self.secrets[name] = secrets.token_hex(20)
        return self.secrets[name]

    def write(self, path: Path, text: str) -> None:
        """Put a file where a program looks for secrets."""
        path.touch(mode=0o600)
        path.write_text(text)
        self.rightful.add(path)

    def in_text(self, text: str | bytes, where: str) -> None:
        """Note the secrets in a text."""
        content = text.encode() if isinstance(text, str) else text
        for name, secret in self.secrets.items():
            if secret.encode() in content:
                self.seen.add(f"{name}: {where}")

    def in_files(self, folder: Path, what: str) -> int:
        """Note the secrets in all files below a folder; returns how many files were read."""
        count = 0
        for path in _files(folder):
            with suppress(OSError):  # it has just been removed
                if path in self.rightful:
                    mode = stat.S_IMODE(path.stat().st_mode)
                    assert mode == 0o600, f"{path} has mode {mode:o}"
                    continue
                count += 1
                self.in_text(path.read_bytes(), f"{what}: {path.relative_to(folder)}")
        return count

    def in_processes(self) -> None:
        """Note the secrets on all command lines, and in environments that are not a person's."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (process / "cmdline").read_bytes()
                words = line.replace(b"\0", b" ").decode("utf-8", "replace").strip()
                self.in_text(line, f"the command line of {words[:60]}")
                if any(word in words for word in _NOT_A_PERSONS):
                    self.in_text(
                        (process / "environ").read_bytes(), f"the environment of {words[:60]}"
                    )
                if words.startswith(TRIAL):
                    self.trials.add(int(process.name))

    def watch(self, over: threading.Event) -> threading.Thread:
        """Look at all processes until it is over."""

        def look() -> None:
            while not over.wait(_LOOK_S):
                self.in_processes()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        return thread


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(OSError):
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def plant(computers: Mapping[str, Computer], head: str) -> Planted:
    """Give each computer's owner what people have: keys and passwords, in files and variables."""
    planted = Planted()
    for name, computer in computers.items():
        computer.variables["GROUP_SECRET"] = planted.new(f"a secret variable at {name}")
    lab = computers[head]
    lab.variables["WANDB_API_KEY"] = planted.new("W&B's key in the head's environment")
    key, home = planted.new("W&B's key in .netrc"), lab.disk / "home"
    planted.write(home / ".netrc", f"machine api.wandb.ai\n  login user\n  password {key}\n")
    password = planted.new("PostgreSQL's password")
    planted.write(home / ".pgpass", f"db.example:5432:*:group:{password}\n")
    return planted
