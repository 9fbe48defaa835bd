"""Remember the Ray head that this machine has started or joined: `head.json`."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from sweeps import ROOT
from trainers.errors import ConfigError
from trainers.files.disk_faults import why_unwritable
from trainers.files.whole_file import write_whole

#: The folder of the head and its token, as a person writes it. In a checkout, where git ignores
#: it; where pip has installed us, the user's own: the environment may be everybody's.
USUAL = ".cluster" if (ROOT / "pyproject.toml").is_file() else "~/.local/state/caviar"


def _folder() -> Path:
    """Return that folder, unless CAVIAR_CLUSTER or XDG_STATE_HOME say otherwise."""
    if given := os.environ.get("CAVIAR_CLUSTER"):
        return Path(given).absolute()  # Ray's processes have another current folder
    state = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state) and USUAL.startswith("~"):
        return Path(state) / "caviar"
    return ROOT / os.path.expanduser(USUAL)


FOLDER = _folder()


def make(folder: Path = FOLDER) -> None:
    """Make the folder of the head and its token, which is its owner's alone.

    Raises:
        ConfigError: it cannot be written.
    """
    why = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
    if why := why or why_unwritable(folder):
        raise ConfigError(
            f"{folder}, for the token and the log, cannot be written ({why}): set CAVIAR_CLUSTER "
            "to a folder of yours"
        )


@dataclass(frozen=True)
class Head:
    """Says where a cluster's head listens, and how to prove that one may use it.

    Attributes:
        address: host:port.
        token: file with the cluster's token, mode 600.
        member: whose machine this is; empty if that is not known.
    """

    address: str
    token: str
    member: str = ""

    @staticmethod
    def known(folder: Path = FOLDER) -> Head | None:
        """Return the head last started or joined here, if it still answers."""
        head = Head.remembered(folder)
        return head if head is not None and head.answers() else None

    @staticmethod
    def remembered(folder: Path = FOLDER) -> Head | None:
        """Return the head last started or joined here, whether it answers or not."""
        try:
            return Head(**json.loads((folder / "head.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, folder: Path = FOLDER) -> None:
        """Remember the head on this machine."""
        make(folder)
        write_whole(folder / "head.json", json.dumps(asdict(self)) + "\n")

    def forget(self, folder: Path = FOLDER) -> None:
        """Forget the head, if it is the one remembered."""
        if Head.remembered(folder) == self:
            with contextlib.suppress(OSError):
                (folder / "head.json").unlink()

    def answers(self, timeout_s: float = 2.0) -> bool:
        """Whether something listens at the head's address."""
        host, _, port = self.address.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=timeout_s):
                return True
        except (OSError, ValueError):
            return False

    @property
    def page(self) -> str:
        """Return the address of the head's service and page: the port after Ray's."""
        host, _, port = self.address.rpartition(":")
        return f"{host}:{int(port) + 1}"

    def environment(self) -> dict[str, str]:
        """Return what Ray needs in the environment to be let in."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": os.path.expanduser(self.token)}
