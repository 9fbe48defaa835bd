"""Whatever listens on a head or on a machine that has joined refuses who has no token."""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.computers import Computer, computers, interrupt, why_none
from tests.cluster.raylets import line
from tests.sweeps.processes import command, finish
from tests.sweeps.waiting import until

PORT = 26379
#: What a command line has in it -> the part that it is of; the first that fits.
PARTS = (
    ("cluster.service.server", "the head's service and page"),
    ("gcs_server", "Ray's store of the cluster"),
    ("dashboard/dashboard.py", "Ray's own pages and jobs"),
    ("run_queued", "a sweep's driver"),
    ("ray::DashboardAgent", "Ray's agent"),
    ("ray::RuntimeEnvAgent", "Ray's agent for environments"),
    ("raylet", "Ray on a machine"),
    ("ray::ImplicitFunc", "a trial"),
    ("ray::Arbiter", "the arbiter"),
    ("ray::", "another process of Ray's"),
)
SERVICE = PARTS[0][1]


@dataclass(frozen=True)
class Socket:
    """A socket that listens.

    Attributes:
        part: what listens.
        bound: the address that it is bound to; 0.0.0.0: to all of the computer's.
    """

    part: str
    bound: str
    port: int


def listening(computer: Computer) -> Iterator[Socket]:
    """All of a computer's sockets that somebody else might reach, as the kernel lists them."""
    owners = dict(_owners(computer))
    for protocol, waits in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        table = (computer.root / "proc/1/net" / protocol).read_text().splitlines()[1:]
        for fields in map(str.split, table):
            if fields[3] == waits:
                address, port = fields[1].split(":")
                process = owners.get(int(fields[9]), 0)
                part = next((part for word, part in PARTS if word in command(process)), "?")
                assert part != "?", f"who is {command(process)!r}, at port {int(port, 16)}?"
                assert protocol.startswith("tcp"), f"{part} listens by {protocol}"
                yield Socket(part, _address(address), int(port, 16))


def _owners(computer: Computer) -> Iterator[tuple[int, int]]:
    """Sockets' numbers, and the processes that have them open."""
    for process in computer.processes():
        for entry in Path(f"/proc/{process}/fd").glob("*"):
            with suppress(OSError):
                if number := re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink())):
                    yield int(number[1]), process


def _address(text: str) -> str:
    words = struct.unpack(f"<{len(text) // 8}I", bytes.fromhex(text))
    raw = struct.pack(f">{len(words)}I", *words)
    if len(raw) == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    mapped = raw.startswith(b"\0" * 10 + b"\xff" * 2)
    return socket.inet_ntop(socket.AF_INET, raw[12:]) if mapped or not any(raw) else "?"


def refuses(part: str, answer: Mapping[str, Any]) -> str:
    """What somebody without a token is told, in words; fails if it is anything but a refusal."""
    if answer.get("refused"):
        return "no connection from elsewhere"
    said = answer["bytes"].partition("\n")[0]
    assert said[:1] in ("", "\0") or re.fullmatch(r"HTTP/1\.\d 400 .*", said), f"{part}: {said}"
    if web := answer["web"]:
        known = r"40[13] (.*authentication token|the head refuses the token|Open the login link .*)"
        for said in web:
            assert re.fullmatch(known, said), f"{part} answers a stranger: {said}"
        return ", ".join(sorted({said[:3] for said in web}))
    calls = dict(answer["calls"])
    assert calls.pop("grpc.health.v1.Health/Check", "OK") == "OK"  # that it is up, and no more
    assert calls, f"{part} answers {answer['bytes']!r}: is it a service that nobody has looked at?"
    assert set(calls.values()) == {"UNAUTHENTICATED"}, f"{part} answers a stranger: {calls}"
    return "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "answer",
    [
        {"bytes": "HTTP/1.0 200 OK\n", "web": ["200 measurements"], "calls": {}},
        {"bytes": "HTTP/1.0 400 no\n", "web": ["200 measurements"], "calls": {}},
        {"bytes": "HTTP/1.0 400 no\n", "web": ["401 Unauthorized: no", "404 no"], "calls": {}},
        {"bytes": "hello", "web": [], "calls": {}},
        {"bytes": "", "web": [], "calls": {}},
        {"bytes": "\0", "web": [], "calls": {"grpc.health.v1.Health/Check": "OK"}},
        {"bytes": "\0", "web": [], "calls": {"ray.rpc.LogService/ListLogs": "OK"}},
    ],
)
def test_anything_but_a_refusal_fails(answer: Mapping[str, Any]) -> None:
    with pytest.raises(AssertionError):
        refuses("a part", answer)


@pytest.mark.long
@pytest.mark.skipif(why_none() != "", reason=why_none())
def test_every_socket_refuses_a_stranger(tmp_path: Path) -> None:
    with computers(tmp_path, "lab", "small", "stranger") as (lab, small, stranger):
        head = lab.start("cluster.head", f"--address={lab.address}", "--member=zeta")
        line(head, "joined: zeta")
        joined = small.join(lab, "alpha", PORT, "--cpus=1")
        line(joined, "joined")
        line(head, "joined: alpha")
        code, output = small.run(
            "cluster.submit", "name=a", "space=null", "track=none", "search=grid", "stop=none",
            "seed=1,2,3,4", "epochs=99999", "model.width=16", "results=/mnt/results",
        )  # fmt: skip
        assert code == 0, output
        log = lab.disk / "results" / "a" / "study.log"
        until(lambda: log.exists() and {"alpha", "zeta"} <= members(log), running=head)
        assert {part for _, part in PARTS} == {one.part for one in listening(lab)}

        told = []
        for computer in (lab, small):
            sockets = sorted(set(listening(computer)), key=str)
            where = [f"{computer.address}:{one.port}" for one in sockets]
            code, output = stranger.run("tests.cluster.stranger", *where)
            assert code == 0, output
            answers = json.loads(output)
            for one, address in zip(sockets, where, strict=True):
                answer = refuses(one.part, answers[address])
                told.append(f"{computer.name:6} {one.part:30} {one.bound}:{one.port:<6} {answer}")
        sys.stdout.write("\n" + "\n".join(told) + "\n")
        pages = [one for one in listening(lab) if one.part == SERVICE and one.bound != "0.0.0.0"]
        assert [(one.bound, one.port) for one in pages] == [(lab.address, PORT + 1)]

        # The sockets above are all that there is: neither does a Ray without the token get in.
        script = "import ray; ray.init(address={!r}, logging_level=50)"
        for address in (f"{lab.address}:{PORT}", f"ray://{lab.address}:10001"):
            code, output = stranger.run("timeit", "-n1", "-r1", script.format(address))
            assert code != 0, output
            assert "Traceback" in output
        interrupt(joined)
        interrupt(head)
        finish(joined)
        finish(head)


def members(log: Path) -> set[str]:
    """The members on whose computers trials have run."""
    return set(re.findall(r'"member":"(\w+)"', log.read_text()))
