"""Connect to the Ray that a sweep runs on: at RAY_ADDRESS, the head here, or one of its own.

A Ray of its own lives in a private folder with a token of its own, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps import ROOT
from sweeps.backend.known_head import Head
from sweeps.backend.machine_load import smallest_card_gb
from sweeps.backend.machines import alive_nodes, away, cards_of, fits, on_machine, this_node
from sweeps.backend.ray_environment import (
    SETTINGS,
    environment,
    keep_loopback,
    plain_python,
    python_path,
    run_by,
    without_secrets,
)
from sweeps.backend.ray_watch import is_lost, is_of_this_user, know_raylet
from sweeps.backend.ready_workers import let_stand_ready, setup_hook
from sweeps.backend.share import Share, shared
from sweeps.backend.stream.sending import StreamedResults, streamed_results
from sweeps.private_folder import private_folder
from trainers.errors import ConfigError, first_line

if TYPE_CHECKING:  # make head and make join need none of the driver's libraries
    from sweeps.driver.contract import LookUpSlots
    from sweeps.driver.driver import Driver

#: Of the folder in the temporary directory that a Ray of ours has, before its process's number.
PREFIX = "caviar-ray-"
#: The address that a Ray of a sweep's own listens at: nobody else's business.
_HERE = "127.0.0.1"
#: Keeps Ray's own words off the screen.
_QUIET: dict[str, Any] = {
    "log_to_driver": False,
    "logging_level": logging.CRITICAL,
    "configure_logging": True,
}
#: Of all Rays that this process starts: Ray reads a token once in a process's life.
_TOKEN = secrets.token_hex(32)


@dataclass(frozen=True)
class Places:
    """Says for how many trials a cluster has room.

    Attributes:
        fits: on all machines.
        lent: on those that are lent now.
        away: id of each machine that is not, or lacks what trials need -> why, in words.
        on_cards: of those lent, the trials on cards, where others may run on machines without;
            None: all are alike.
        with_cards: id of each machine with cards, where it is so.
    """

    fits: int
    lent: int
    away: Mapping[str, str]
    on_cards: int | None = None
    with_cards: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """Describes a Ray that is up.

    Attributes:
        own: whether it was started for this sweep and ends with it.
        address: host:port of a shared one.
    """

    own: bool
    address: str

    @property
    def lost(self) -> bool:
        """Whether a process has ended that Ray needs here: no trial can be started any more."""
        return is_lost()

    @property
    def has_gpu(self) -> bool:
        """Whether any of its machines has one."""
        return any(node["Resources"].get("GPU", 0.0) >= 1 for node in alive_nodes())

    def smallest_card_gb(self) -> float | None:
        """Return the memory of the smallest card; None if a machine cannot be asked for its own."""
        import ray

        nodes = [node["NodeID"] for node in alive_nodes() if node["Resources"].get("GPU", 0.0)]
        asked = [on_machine(node, smallest_card_gb).remote() for node in nodes]
        found = [gb for gb in ray.get(asked, timeout=60) if gb is not None]
        return min(found) if found and len(found) == len(asked) else None

    def slots(self, resources: Mapping[str, Any]) -> int:
        """Count the trials that fit on all machines together, given what each asks for."""
        return sum(fits(node, resources) for node in alive_nodes())

    def places(self, resources: Mapping[str, Any], lacking: Mapping[str, str]) -> Places:
        """Count the trials that fit, and those that may run now.

        Args:
            lacking: id of each machine that lacks what trials need -> what, in words.
        """
        nodes = alive_nodes()
        here = {str(node["NodeID"]) for node in nodes}
        gone = {**{one: why for one, why in lacking.items() if one in here}, **away(nodes)}
        room = {str(node["NodeID"]): fits(node, resources) for node in nodes}
        lent = {node: n for node, n in room.items() if node not in gone}
        on_cards, cards = None, [str(node["NodeID"]) for node in nodes if cards_of(node)]
        if resources["anywhere"]:
            on_cards = sum(lent.get(node, 0) for node in cards)
        return Places(
            sum(room.values()),
            sum(lent.values()),
            gone,
            on_cards,
            () if on_cards is None else tuple(cards),
        )

    def check(self, resources: Mapping[str, Any]) -> None:
        """Refuse what no machine can hold.

        Raises:
            ConfigError: a trial asks for more than the largest machine has.
        """
        gpu = float(resources["gpu"] or 0.0)
        if gpu > 1 and not gpu.is_integer():
            raise ConfigError(
                f"resources.gpu={gpu:g}: a trial has a share of one card, such as 0.5, or whole "
                "cards, such as 2"
            )
        if self.slots(resources) > 0:
            return
        for name, key in (("CPU", "cpu"), ("GPU", "gpu")):
            most = max((node["Resources"].get(name, 0.0) for node in alive_nodes()), default=0.0)
            if resources[key] > most:
                raise ConfigError(
                    f"resources.{key}={resources[key]:g}: no machine of this cluster has more than "
                    f"{most:g} {name}s for a trial; lower resources.{key}, or join one that has"
                )
        raise ConfigError("no machine of this cluster has the CPUs and GPUs of a trial together")

    def check_folder(self, folder: Path) -> None:
        """Check that this machine's Ray can write the results, where the checkpoints will go.

        Raises:
            ConfigError: it cannot.
        """
        if self.own or is_of_this_user():
            return
        import ray

        def reaches(path: str) -> bool:
            return os.path.isdir(path) and os.access(path, os.W_OK)

        reached = on_machine(this_node(), reaches).remote(str(folder))
        if not ray.get(reached, timeout=60):
            raise ConfigError(
                f"{folder} cannot be written by the Ray of this machine, which somebody else has "
                "started: put results= on a folder that both may write"
            )

    @contextlib.contextmanager
    def streams(
        self, trials: Path, data: Mapping[str, Any], fingerprint: str
    ) -> Iterator[StreamedResults | None]:
        """Take in what machines that do not reach the results send, for a `with` block.

        Arguments as of `StreamedResults`.
        """
        if self.own:
            yield None
            return
        with streamed_results(trials, data, fingerprint) as streams:
            yield streams

    def prepare(self, resources: Mapping[str, Any], most: int | None) -> None:
        """Import what the driver needs to run trials, which takes a second or two.

        Processes for the first trials start meanwhile.

        Args:
            resources: what a trial takes.
            most: trials that run at once, at most.
        """
        let_stand_ready(
            {**resources, "gpu": float(self.has_gpu)} if resources["gpu"] is None else resources,
            most,
        )
        from sweeps.backend import ray_tune

        del ray_tune

    def run(
        self,
        driver: Driver,
        slots: LookUpSlots,
        lost_processes: int,
        how_to_go_on: str,
        last_begun: Callable[[], None],
        streams: StreamedResults | None = None,
    ) -> bool:
        """Run trials until the driver has none left, has no slot any more, or is halted.

        Args:
            slots: looks up how many trials may run at once, now.
            lost_processes: how often a trial's process or machine may be lost before it has failed.
            how_to_go_on: command that goes on with the sweep, printed if nothing else can be done.
            last_begun: called once there is no further trial to begin, while the last ones run.
            streams: as `streams` gives them.

        Returns:
            Whether trials are left, for which there is no slot now.
        """
        from sweeps.backend import ray_tune

        return ray_tune.run(driver, slots, lost_processes, how_to_go_on, last_begun, streams)

    @contextlib.contextmanager
    def share(
        self, sweep: str, member: str, resources: Mapping[str, Any], wanted: int
    ) -> Iterator[Share | None]:
        """Take part in the sharing of this cluster's slots; None where nobody shares them.

        Args:
            member: whose sweep it is; empty: of the member whose machine this is.
            resources: what a trial takes.
            wanted: slots that the sweep could use.
        """
        if self.own:
            yield None
            return
        import ray

        labels = ray.get_runtime_context().get_node_labels()
        slot = {"CPU": float(resources["cpu"]), "GPU": float(resources["gpu"] or 0.0)}
        whose = member or str(labels.get("member", "")) or "nobody"
        with contextlib.ExitStack() as stack:
            share = None
            with contextlib.suppress(LookupError):  # a Ray that is no head of ours
                anywhere = resources["anywhere"]
                share = stack.enter_context(shared(sweep, whose, slot, wanted, anywhere))
            yield share

    def describe(self) -> str:
        """Name the machines."""
        nodes = alive_nodes()
        names = sorted({str(node["NodeManagerHostname"]) for node in nodes})
        if len(nodes) == 1:
            return names[0]
        return f"{len(nodes)} machines ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"


#: Gives a Ray to run on, as long as it is entered.
Ray = Callable[[], AbstractContextManager["Cluster"]]


@contextlib.contextmanager
def session() -> Iterator[Cluster]:
    """Connect to Ray, or start one; leave it as it was found.

    Raises:
        ConfigError: RAY_ADDRESS is given and nothing answers there, or refuses the token.
    """
    warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
    address = os.environ.get("RAY_ADDRESS", "")
    head = Head.known()
    with contextlib.ExitStack() as stack:
        if address or head is not None:
            if head is not None and address in ("", "auto", head.address):
                address = head.address
                stack.enter_context(environment(head.environment()))
            _refuse_silence(address)
            import ray  # not before the variables are set, which it reads once

            try:
                attach(
                    address,
                    runtime_env={
                        **_code(),
                        "env_vars": python_path(os.environ),  # where all machines have it
                        "worker_process_setup_hook": setup_hook(),
                    },
                )
            except Exception as error:  # Ray has no one error for this
                raise ConfigError(
                    f"Ray at {address} cannot be used ({first_line(error)}): check the address "
                    "and the token (RAY_AUTH_MODE=token, RAY_AUTH_TOKEN_PATH)"
                ) from error
        else:
            folder = stack.enter_context(private_folder(PREFIX))
            token = folder / "token"
            token.touch(mode=0o600)
            token.write_text(_TOKEN, encoding="utf-8")
            # Ray turns authentication on by itself, but would put its token into the home folder.
            own = {**SETTINGS, "RAY_AUTH_TOKEN_PATH": str(token), **python_path(os.environ)}
            stack.enter_context(environment(own))
            with run_by(plain_python(folder)):
                _start(folder)
            import ray

        stack.callback(ray.shutdown)
        know_raylet()
        silence_ray()
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        yield Cluster(own=not address, address=address)


def _code() -> dict[str, Any]:
    """Describe to Ray the code that other machines need: the checkout, or what pip installed."""
    excludes = [".git", "tests", "*.md"]
    if (ROOT / "pyproject.toml").is_file():
        return {"working_dir": str(ROOT), "excludes": excludes}
    packages = ("cluster", "conf", "hydra_plugins", "sweeps", "trainers")
    return {"py_modules": [str(ROOT / name) for name in packages]}


def _start(folder: Path) -> None:
    """Start a Ray of this process's own; a second time if the first one fails.

    Raises:
        ConfigError: it does not start.
    """
    import ray

    keep_loopback()
    error: Exception | None = None
    for attempt in ("1", "2"):
        try:
            with without_secrets():
                ray.init(
                    address="local",
                    include_dashboard=False,
                    _node_ip_address=_HERE,
                    object_store_memory=128 * 2**20,  # trials share nothing through it
                    # Within ours: Ray lets everybody into its own.
                    _temp_dir=str(folder / attempt),
                    runtime_env={"worker_process_setup_hook": setup_hook()},
                    **_QUIET,
                )
            return
        except Exception as failure:  # Ray has no one error for this
            error = failure
            ray.shutdown()
    assert error is not None
    raise ConfigError(
        f"Ray does not start on this machine ({first_line(error)}): is it out of memory, of "
        f"processes or of room in {folder.parent}? Free some, and try again"
    ) from error


def attach(address: str, **more: Any) -> None:
    """Connect this process to a Ray that is up, without a word from Ray; `more`: for `ray.init`."""
    import ray

    keep_loopback()
    ray.init(address=address, **_QUIET, **more)
    silence_ray()


def silence_ray() -> None:
    """Keep Ray's own, long account of lost machines and processes off the screen."""
    import ray

    ray._private.worker.print_to_stdstream = _swallow


def _swallow(*words: object, **more: object) -> None:
    """Print nothing."""


def _refuse_silence(address: str) -> None:
    """Refuse an address where nothing answers: Ray itself would try for minutes."""
    if address != "auto" and "://" not in address and not Head(address, "").answers(5.0):
        raise ConfigError(
            f"nothing answers at RAY_ADDRESS={address}: start a head there (make head), or unset "
            "RAY_ADDRESS to run here"
        )
