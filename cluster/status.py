"""Show a cluster: its machines, the sweeps on it with their shares, and today's GPU-hours.

`make status`, on any machine that has started or joined a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeps.backend.claim import ARBITER, NAMESPACE
from sweeps.backend.known_head import Head
from sweeps.backend.ray_environment import environment
from sweeps.backend.ray_session import alive_nodes, attach
from sweeps.cli import refusals, terminal
from sweeps.formatting import one_line
from trainers.errors import ConfigError, first_line

#: Seconds that the arbiter may take to answer.
_ANSWER_S = 10.0


def main() -> None:
    """Ask the head, and print what it says."""
    with refusals():
        head = Head.known()
        if head is None:
            raise ConfigError(
                "no head is known here, or it does not answer: start one (make head), or join one "
                "(make join HEAD=10.0.0.5:26379 MEMBER=alpha)"
            )
        machines, sharing = _ask(head)
        show(terminal(), head.address, machines, sharing)


def _ask(head: Head) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Return the machines as Ray has them, and the arbiter's status.

    Raises:
        ConfigError: the head cannot be asked.
    """
    with environment(head.environment()):
        import ray

        try:
            attach(head.address)
            arbiter = ray.get_actor(ARBITER, namespace=NAMESPACE)
            return alive_nodes(), ray.get(arbiter.status.remote(), timeout=_ANSWER_S)
        except Exception as error:  # Ray has no one error for this
            raise ConfigError(
                f"the head at {head.address} cannot be asked ({first_line(error)}): try again, or "
                "start it again (make head)"
            ) from None
        finally:
            ray.shutdown()


def show(
    console: Console, address: str, nodes: Sequence[Mapping[str, Any]], sharing: Mapping[str, Any]
) -> None:
    """Print machines, sweeps, and GPU-hours.

    Args:
        nodes: the machines that are there, as `ray.nodes` lists them.
        sharing: as `Sharing.status` returns it.
    """
    console.print(Text(f"head {address}", "bold"))
    machines = _table("member", "machine", "CPUs", "GPUs", "GPU-hours today", "weight")
    for node in sorted(nodes, key=lambda node: str(node["Labels"].get("member", ""))):
        member, has = str(node["Labels"].get("member", "")), node["Resources"]
        machines.add_row(
            _plain(member),
            _plain(str(node["NodeManagerHostname"])),
            f"{has.get('CPU', 0):g}",
            f"{has.get('GPU', 0):g}",
            f"{sharing['gpu_hours'].get(member, 0.0):.1f}",
            f"{sharing['weights'].get(member, 1.0):g}",
        )
    console.print(machines)
    console.print(Text("\nSweeps", "bold"))
    if not sharing["sessions"]:
        console.print("none runs: make sweep")
    else:
        sweeps = _table("sweep", "member", "running", "share", "could use", "a trial takes", "")
        for one in sharing["sessions"]:
            slot = ", ".join(f"{n:g} {what}" for what, n in one["slot"].items() if n)
            why = one["limit"] or ("waits for a slot" if not one["granted"] else "")
            sweeps.add_row(
                *(_plain(one["sweep"]), _plain(one["member"]), str(one["held"])),
                *(str(one["granted"]), str(one["wanted"]), slot, _plain(why)),
            )
        console.print(sweeps)
    absent = {name: hours for name, hours in sharing["gpu_hours"].items() if hours}
    for name in absent.keys() - {str(node["Labels"].get("member", "")) for node in nodes}:
        console.print(_plain(f"{name} has had {absent[name]:.1f} GPU-hours today"))
    if sharing["problem"]:
        console.print(Text(one_line(sharing["problem"]), "yellow"), soft_wrap=True)


def _plain(text: str) -> Text:
    """Return a text that a member has written, in which nothing is markup."""
    return Text(one_line(text))


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        numeric = column in ("CPUs", "GPUs", "running", "share", "could use", "weight")
        table.add_column(column, justify="right" if numeric else "left")
    return table


if __name__ == "__main__":
    main()
