"""Ask sockets as a stranger does, without the token: `python -m tests.cluster.stranger host:port`.

Prints what each answers, as JSON: to a web browser, to bytes of no protocol, to calls of Ray's own.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator, Sequence

import grpc

#: Calls that Ray's parts answer to those who have the token, at least one of each part that has a
#: socket; whoever may ask one of them may ask the others. The last one tells that a part is there.
CALLS = (
    "ray.rpc.NodeInfoGcsService/GetAllNodeInfo",
    "ray.rpc.InternalKVGcsService/InternalKVGet",
    "ray.rpc.JobInfoGcsService/GetAllJobInfo",
    "ray.rpc.ActorInfoGcsService/GetAllActorInfo",
    "ray.rpc.NodeManagerService/GetNodeStats",
    "ray.rpc.NodeManagerService/RequestWorkerLease",
    "ray.rpc.NodeManagerService/ShutdownRaylet",
    "ray.rpc.ObjectManagerService/Pull",
    "ray.rpc.CoreWorkerService/PushTask",
    "ray.rpc.CoreWorkerService/Exit",
    "ray.rpc.ReporterService/GetTraceback",
    "ray.rpc.LogService/ListLogs",
    "grpc.health.v1.Health/Check",
)
_PATHS = ("/", "/metrics", "/api/jobs/", "/api/status", "/sweep/a", "/logs")
#: A stranger may try a token, too.
_HEADERS = ("", "Authorization: Bearer 00\r\nCookie: caviar=00\r\n")
#: Seconds that an answer may take: what is silent for so long does not answer.
_ANSWER_S = 5.0


def answers(address: str) -> dict[str, object]:
    """What listens at an address, to a stranger."""
    host, _, port = address.rpartition(":")
    where = (host, int(port))
    try:
        found: dict[str, object] = {"bytes": _first(where, b"\x00hello\r\n\r\n")}
        found["web"] = sorted(set(_web(where)))
    except ConnectionRefusedError:
        return {"refused": True}
    found["calls"] = {} if found["web"] else dict(_calls(address))
    return found


def _web(where: tuple[str, int]) -> Iterator[str]:
    for path in _PATHS:
        for header in _HEADERS:
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n"
            answer = _first(where, request.encode())
            if code := re.match(r"HTTP/1\.\d (\d+)", answer):
                yield f"{code[1]} {answer.rpartition(chr(10) * 2)[2].strip()}"


def _first(where: tuple[str, int], sent: bytes) -> str:
    """What it says to this, as text."""
    answer = b""
    with socket.create_connection(where, _ANSWER_S) as connection:
        connection.sendall(sent)
        try:
            while len(answer) < 2000 and (more := connection.recv(2000)):
                answer += more
                if answer.startswith(b"\0"):  # a protocol of calls
                    break
        except (TimeoutError, ConnectionResetError):
            pass
    return answer.decode("latin-1").replace("\r", "")


def _calls(address: str) -> Iterator[tuple[str, str]]:
    with grpc.insecure_channel(address) as channel:
        for call in CALLS:
            for token in ((), (("authorization", "Bearer 00"),)):
                ask = channel.unary_unary(f"/{call}")
                try:
                    ask(b"", timeout=_ANSWER_S, metadata=token)
                except grpc.RpcError as error:
                    if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                        yield call, error.code().name
                else:
                    yield call, "OK"


def main(addresses: Sequence[str]) -> None:
    sys.stdout.write(json.dumps({address: answers(address) for address in addresses}))


if __name__ == "__main__":
    main(sys.argv[1:])
