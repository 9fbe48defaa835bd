"""A stand-in for the W&B server: what wandb 0.31 asks of one, kept in memory.

    with WandbServer() as server:
        ...  # WANDB_BASE_URL=server.url, WANDB_API_KEY=server.key
        server.runs["my-run"].history

It answers the GraphQL operations, the file stream and the uploads of runs and artifacts, and can
be stopped and started on its port, be slow, refuse the key, or ask for a run to be stopped.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

ENTITY = "someone"


@dataclass
class Run:
    """A run as the server has it; `exit_code` is None until the client says it is complete."""

    name: str
    project: str
    display_name: str = ""
    group: str = ""
    job_type: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    sweep: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def state(self) -> str:
        """`running`, or as W&B shows an exit code."""
        if self.exit_code is None:
            return "running"
        return "finished" if self.exit_code == 0 else "failed"


@dataclass
class Version:
    """One version of an artifact: its aliases, and the bytes of its files by path."""

    id: str
    name: str
    runs: set[str]
    type: str
    aliases: list[str]
    metadata: dict[str, Any]
    digest: str
    files: dict[str, bytes] = field(default_factory=dict)
    committed: bool = False


@dataclass
class View:
    """A report as the server has it; `saved` counts how often."""

    id: str
    project: str
    title: str
    spec: dict[str, Any]
    saved: int = 1


class WandbServer:
    """The server, running inside `with`; `stop` and `start` keep what it has recorded.

    Attributes:
        runs: run id -> what it received.
        views: id -> report.
        sweeps: id -> the configuration of a W&B sweep.
        artifacts: artifact name -> its committed versions, oldest first.
        delay_s: seconds each answer takes.
        refuse_key: answer 401 to everything.
        answers: kind of request (graphql, stream, upload) -> status that it is answered with.
        cut: kinds of requests whose connection is closed in the middle.
        stop_runs: ids of runs whose next file stream is answered with `stopped`.
        requests: how many requests came.
        under_way: how many of them have no answer yet.
        refused: how many were cut, or answered as `answers` has it.
        changes: how many requests were to change something.
        unknown: GraphQL queries it had no answer to.
    """

    key = "0123456789" * 4

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.views: dict[str, View] = {}
        self.sweeps: dict[str, dict[str, Any]] = {}
        self.delay_s = 0.0
        self.refuse_key = False
        self.answers: dict[str, int] = {}
        self.cut: set[str] = set()
        self.stop_runs: set[str] = set()
        self.requests = self.under_way = self.refused = self.changes = 0
        self.unknown: list[str] = []
        self._versions: dict[str, Version] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """For WANDB_BASE_URL; the same after `stop` and `start`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def artifacts(self) -> dict[str, list[Version]]:
        """Committed versions."""
        named: dict[str, list[Version]] = {}
        for version in list(self._versions.values()):
            if version.committed:
                named.setdefault(version.name, []).append(version)
        return named

    def __enter__(self) -> WandbServer:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        recorder = self

        class Handler(_Handler):
            state = recorder

        self._server = _Quiet(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused from here on."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def alive(self) -> bool:
        """Whether it answers; connections kept open from before `stop` do not count."""
        return self._server is not None

    def count(self, step: int) -> None:
        """Count a request that has come (1), or has its answer (-1)."""
        with self._lock:
            self.under_way += step
            self.requests += step > 0

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The `data` of a GraphQL answer."""
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "upsertView": self._upsert_view,
            "SpecificReport": self._view,
            "GetProjects": self._projects,
            "ProjectInternalId": lambda _: {"project": {"id": "UDE=", "internalId": "1"}},
            "UpsertSweep": self._upsert_sweep,
            "GroupRuns": self._runs_of_group,
            "upsertBucket": self._upsert_run,
            "RunResumeStatus": self._resume_status,
            "createRunFiles": self._create_run_files,
            "createArtifactManifest": self._create_manifest,
            "updateArtifactManifest": self._create_manifest,
            "createArtifactFiles": self._create_artifact_files,
            "commitArtifact": self._commit,
            "createArtifact(": self._create_artifact,
            "ArtifactType": self._artifact_type,
            "query Runs(": self._runs,
            "RunSampledHistory": self._sampled_history,
            "RunOutputArtifacts": self._output_artifacts,
            "ArtifactByID": lambda asked: {"artifact": self._artifact(self._versions[asked["id"]])},
            "viewer": self._viewer,
            "serverInfo": lambda _: {"serverInfo": {"features": []}},
            "organization": lambda _: {"entity": {"organization": None}},
        }
        self.changes += "mutation" in query
        for mark, answer in answers.items():
            if mark in query:
                with self._lock:
                    return answer(variables)
        self.unknown.append(query)
        return {}

    def file_stream(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Take a piece of a run's history and summary."""
        with self._lock:
            self.changes += 1
            run = self.runs[name]
            files = body.get("files") or {}
            if chunk := files.get("wandb-history.jsonl"):
                # By offset, as the real server: a piece sent again replaces itself.
                run.history[chunk["offset"] :] = [json.loads(line) for line in chunk["content"]]
            if chunk := files.get("wandb-summary.json"):
                run.summary = json.loads(chunk["content"][-1])
            if body.get("complete"):
                run.exit_code = body.get("exitcode", 0)
            return {"stopped": True} if name in self.stop_runs else {}

    def upload(self, path: str, content: bytes) -> None:
        """Take a file at one of the URLs handed out."""
        target = parse_qs(urlsplit(path).query)
        kind, owner, name = (target[key][0] for key in ("kind", "owner", "name"))
        with self._lock:
            if kind == "run":
                self.runs[owner].files[name] = content
            elif kind == "artifact":
                self._versions[owner].files[name] = content

    def _viewer(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {
            "viewer": {
                "id": "V",
                "entity": ENTITY,
                "username": ENTITY,
                "email": "",
                "flags": "{}",
                "teams": {"edges": []},
            }
        }

    def _bucket(self, run: Run) -> dict[str, Any]:
        entity = {"id": "E", "name": ENTITY}
        return {
            "id": f"bucket-{run.name}",
            "name": run.name,
            "displayName": run.display_name,
            "description": "",
            "sweepName": None,
            "config": json.dumps({key: {"value": value} for key, value in run.config.items()}),
            "project": {"id": "P", "name": run.project, "entity": entity},
            "historyLineCount": len(run.history),
        }

    def _upsert_run(self, variables: dict[str, Any]) -> dict[str, Any]:
        # Later changes name the run by the id it was given, not by its name.
        name = variables.get("name") or str(variables["id"]).removeprefix("bucket-")
        inserted = name not in self.runs
        run = self.runs.setdefault(name, Run(name, variables.get("project") or ""))
        run.display_name = variables.get("displayName") or run.display_name
        run.group = variables.get("groupName") or run.group
        run.job_type = variables.get("jobType") or run.job_type
        run.notes = variables.get("notes") or run.notes
        run.sweep = variables.get("sweep") or run.sweep
        run.tags = variables["tags"] if variables.get("tags") is not None else run.tags
        for key, item in json.loads(variables.get("config") or "{}").items():
            run.config[key] = item["value"]
        return {"upsertBucket": {"bucket": self._bucket(run), "inserted": inserted}}

    def _resume_status(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(variables["name"])
        bucket: dict[str, Any] | None = None
        if run:
            run.exit_code = None
            bucket = self._bucket(run) | {
                "summaryMetrics": json.dumps(run.summary),
                "logLineCount": 0,
                "eventsLineCount": 0,
                "historyTail": json.dumps([json.dumps(row) for row in run.history[-1:]]),
                "eventsTail": "[]",
                "tags": run.tags,
                "notes": run.notes,
                "wandbConfig": json.dumps({"t": 1}),
            }
        entity = {"id": "E", "name": ENTITY}
        return {"model": {"id": "P", "name": "P", "entity": entity, "bucket": bucket}}

    def _create_run_files(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = variables["run"]
        files = [{"name": n, "uploadUrl": self._url("run", run, n)} for n in variables["files"]]
        return {"createRunFiles": {"runID": f"bucket-{run}", "uploadHeaders": [], "files": files}}

    def _artifact_type(self, variables: dict[str, Any]) -> dict[str, Any]:
        base = variables["name"].split(":")[0]
        types = [version.type for version in self._versions.values() if version.name == base]
        artifact = {"artifactType": {"name": types[0]}} if types else None
        return {"project": {"artifact": artifact}}

    def _create_artifact(self, variables: dict[str, Any]) -> dict[str, Any]:
        given = variables["input"]
        name = given["artifactCollectionName"]
        aliases = [alias["alias"] for alias in given.get("aliases") or []]
        same = [v for v in self._versions.values() if v.name == name]
        latest = [v for v in same if v.committed]
        for old in same:  # an alias belongs to the last version that was given it
            old.aliases = [alias for alias in old.aliases if alias not in aliases]
        version = next((v for v in same if v.digest == given["digest"]), None)
        if version is None:
            version = Version(
                id=f"artifact-{len(self._versions)}",
                name=name,
                runs=set(),
                type=given["artifactTypeName"],
                aliases=aliases,
                metadata=json.loads(given.get("metadata") or "{}"),
                digest=given["digest"],
            )
            self._versions[version.id] = version
        else:  # the same content is the same version
            version.aliases += aliases
        version.runs.add(given.get("runName") or "")
        sequence = {"latestArtifact": {"id": latest[-1].id} if latest else None}
        state = "COMMITTED" if version.committed else "PENDING"
        artifact = {"id": version.id, "state": state, "artifactSequence": sequence}
        return {"createArtifact": {"artifact": artifact}}

    def _create_manifest(self, variables: dict[str, Any]) -> dict[str, Any]:
        url = self._url("manifest", variables.get("artifactID") or "", "manifest")
        file = {"id": "F", "uploadUrl": url, "uploadHeaders": []}
        manifest = {"id": "M", "file": file}
        return {
            "createArtifactManifest": {"artifactManifest": manifest},
            "updateArtifactManifest": {"artifactManifest": manifest},
        }

    def _create_artifact_files(self, variables: dict[str, Any]) -> dict[str, Any]:
        edges: list[dict[str, Any]] = [
            {
                "node": {
                    "storagePath": None,
                    "uploadUrl": self._url("artifact", file["artifactID"], file["name"]),
                    "uploadHeaders": [],
                    "uploadMultipartUrls": None,
                    "artifact": {"id": file["artifactID"]},
                }
            }
            for file in variables["input"]["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _commit(self, variables: dict[str, Any]) -> dict[str, Any]:
        version = self._versions[variables["artifactID"]]
        version.committed = True
        return {"commitArtifact": {"artifact": {"id": version.id, "digest": ""}}}

    def _upsert_view(self, variables: dict[str, Any]) -> dict[str, Any]:
        known = self.views.get(variables["id"] or "")
        if variables["id"] and known is None:
            raise AssertionError(
                f"the client updates a report that is not there: {variables['id']}"
            )
        spec, project = json.loads(variables["spec"]), variables["projectName"]
        name = known.id if known else f"VmlldzoxMDA{len(self.views)}"
        saved = known.saved + 1 if known else 1
        self.views[name] = View(name, project, variables["displayName"], spec, saved)
        view = self._view({"reportId": name})["view"]
        return {"upsertView": {"view": view, "inserted": known is None}}

    def _view(self, variables: dict[str, Any]) -> dict[str, Any]:
        view = self.views.get(variables["reportId"])
        if view is None:
            return {"view": None}
        project = {"id": "UDE=", "name": view.project, "entityName": ENTITY}
        of_view = {"id": view.id, "type": "runs", "name": "x", "displayName": view.title}
        more = {"description": "", "project": project, "spec": json.dumps(view.spec)}
        return {"view": {**of_view, **more, "updatedAt": "2026-01-01T00:00:00"}}

    def _projects(self, variables: dict[str, Any]) -> dict[str, Any]:
        names = dict.fromkeys(run.project for run in self.runs.values())
        edges = [
            {
                "node": {
                    "__typename": "Project",
                    "id": "UDE=",
                    "name": name,
                    "entityName": ENTITY,
                    "createdAt": "2026-01-01T00:00:00",
                    "isBenchmark": False,
                    "user": None,
                },
                "cursor": "1",
            }
            for name in names
        ]
        more = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"models": {"edges": edges, "pageInfo": more}}

    def _upsert_sweep(self, variables: dict[str, Any]) -> dict[str, Any]:
        name = f"swp{len(self.sweeps):05d}"
        self.sweeps[name] = json.loads(variables["config"])
        return {"upsertSweep": {"sweep": {"name": name}}}

    def _runs_of_group(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Page through the runs of a group."""
        group = json.loads(variables["filters"])["group"]
        there = [run for run in self.runs.values() if run.project == variables["project"]]
        if not there:
            return {"project": None}  # a project is made with its first run
        found = [run for run in there if run.group == group]
        first = int(variables["after"] or 0)
        last = first + variables["first"]
        nodes = [{"id": f"bucket-{r.name}", "name": r.name, "notes": r.notes} for r in found]
        more = {"endCursor": str(last), "hasNextPage": len(found) > last}
        edges = [{"node": node} for node in nodes[first:last]]
        return {"project": {"runs": {"edges": edges, "pageInfo": more}}}

    def _runs(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Page through runs, filtered as W&B's own client asks: {"name": {"$in": [ids]}}."""
        wanted = json.loads(variables["filters"])["name"]["$in"]
        found = [run for name, run in self.runs.items() if name in wanted]
        found = [run for run in found if run.project == variables["project"]]
        if not any(run.project == variables["project"] for run in self.runs.values()):
            return {"project": None}  # a project is made with its first run
        first = int(variables["cursor"] or 0)
        page = found[first : first + variables["perPage"]]
        edges = [
            {"node": self._full(run), "cursor": str(first + n + 1)} for n, run in enumerate(page)
        ]
        more = {"endCursor": str(first + len(page)), "hasNextPage": len(found) > first + len(page)}
        runs = {"edges": edges, "pageInfo": more}
        return {
            "project": {"internalId": "1", "runCount": len(found), "readOnly": False, "runs": runs}
        }

    def _sampled_history(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Answer with the rows that have all the keys, no more than are asked for."""
        history = self.runs[variables["name"]].history
        (spec,) = map(json.loads, variables["specs"])
        rows = [{key: row.get(key) for key in spec["keys"]} for row in history]
        whole = [row for row in rows if None not in row.values()]
        samples = [whole[:: -(-len(whole) // spec["samples"])] if whole else []]
        return {"project": {"run": {"sampledHistory": samples}}}

    def _full(self, run: Run) -> dict[str, Any]:
        """Describe a run by all fields of `RunFragment`."""
        return self._bucket(run) | {
            "projectId": "1",
            "tags": run.tags,
            "state": run.state,
            "group": run.group,
            "jobType": run.job_type,
            "commit": None,
            "readOnly": False,
            "createdAt": "2026-01-01T00:00:00",
            "heartbeatAt": "2026-01-01T00:00:00",
            "notes": run.notes,
            "systemMetrics": "{}",
            "summaryMetrics": json.dumps(run.summary),
            "user": {"name": ENTITY, "username": ENTITY},
            "historyKeys": _keys_of(run.history),
        }

    def _output_artifacts(self, variables: dict[str, Any]) -> dict[str, Any]:
        found = [v for v in self._versions.values() if v.committed and variables["run"] in v.runs]
        first = int(variables["cursor"] or 0)
        page = found[first : first + variables["perPage"]]
        more = {"endCursor": str(first + len(page)), "hasNextPage": len(found) > first + len(page)}
        edges = [{"node": self._artifact(version)} for version in page]
        artifacts = {"totalCount": len(found), "pageInfo": more, "edges": edges}
        return {"project": {"run": {"artifacts": artifacts}}}

    def _artifact(self, version: Version) -> dict[str, Any]:
        """Describe a version by all fields of `ArtifactFragment`."""
        project = {
            "__typename": "Project",
            "id": "UHJvamVjdDox",
            "internalId": "1",
            "name": "caviar",
        }
        project["entity"] = {"name": ENTITY}
        collection = {"__typename": "ArtifactSequence", "id": "QTox", "name": version.name}
        collection["project"] = project
        same = [v.id for v in self._versions.values() if v.name == version.name and v.committed]
        return {
            "__typename": "Artifact",
            "id": version.id,
            "artifactSequence": collection,
            "versionIndex": same.index(version.id) if version.id in same else None,
            "artifactType": {"name": version.type},
            "description": None,
            "metadata": json.dumps(version.metadata),
            "ttlDurationSeconds": -2,
            "ttlIsInherited": True,
            "tags": [],
            "historyStep": None,
            "state": "COMMITTED" if version.committed else "PENDING",
            "size": sum(map(len, version.files.values())),
            "digest": version.digest,
            "digestAlgorithm": "MANIFEST_MD5",
            "commitHash": version.digest,
            "fileCount": len(version.files),
            "createdAt": "2026-01-01T00:00:00",
            "updatedAt": None,
            "aliases": [
                {
                    "__typename": "ArtifactAlias",
                    "id": "QTox",
                    "alias": alias,
                    "artifactCollection": collection,
                }
                for alias in version.aliases
            ],
        }

    def _url(self, kind: str, owner: str, name: str) -> str:
        return f"{self.url}/upload?kind={kind}&owner={owner}&name={name}"


def _keys_of(history: list[dict[str, Any]]) -> dict[str, Any]:
    keys = {key: {"typeCounts": [{"type": "number", "count": 1}]} for row in history for key in row}
    last = max((row.get("_step", -1) for row in history), default=-1)
    return {"sets": [], "keys": keys, "lastStep": last}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing when a client goes away in the middle."""


class _Handler(BaseHTTPRequestHandler):
    """HTTP around `WandbServer`."""

    state: WandbServer
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        server, kind = self.state, self._kind()
        length = int(self.headers.get("Content-Length") or 0)
        server.count(1)
        try:
            self._take(kind, length)
        finally:
            server.count(-1)

    def _take(self, kind: str, length: int) -> None:
        server = self.state
        if not server.alive or kind in server.cut:
            self.rfile.read(length // 2)
            server.refused += 1
            self.close_connection = True
            return
        body = self.rfile.read(length)
        time.sleep(server.delay_s)
        if kind == "telemetry":
            self._answer(200, {})
        elif (server.refuse_key or not self._has_key()) and kind != "upload":
            self._answer(401, {"errors": [{"message": "invalid API key"}]})
        elif kind in server.answers:
            server.refused += 1
            self._answer(server.answers[kind], {"errors": [{"message": "as the test asks"}]})
        elif kind == "upload":
            server.upload(self.path, body)
            self._answer(200, {})
        elif kind == "graphql":
            asked = json.loads(body)
            data = server.graphql(asked["query"], asked.get("variables") or {})
            self._answer(200, {"data": data})
        elif kind == "stream":
            name = self.path.split("/")[4]
            self._answer(200, server.file_stream(name, json.loads(body)))
        else:
            self._answer(404, {})

    def _kind(self) -> str:
        if self.path.startswith("/upload"):
            return "upload"
        if self.path == "/graphql":
            return "graphql"
        if self.path.startswith("/files/") and self.path.endswith("/file_stream"):
            return "stream"
        return "telemetry" if "/otel/" in self.path else ""

    def _has_key(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode().split(":")[-1] == self.state.key

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 (the base class looks for these)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


def main() -> None:
    """Serve in a process of its own until its input ends: `python -m tests.wandb_server`."""
    with WandbServer() as server:
        sys.stdout.write(f"WANDB_BASE_URL={server.url} WANDB_API_KEY={server.key}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
