"""Ask the W&B server, and tell it what wandb has no call for, where no run is logged to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sweeps.tracking.wandb_access import refusal, require_access
from sweeps.tracking.wandb_process import Core, scratch
from trainers.errors import ConfigError, class_and_first_line

PAGE = 500  # runs that one request asks for
REQUEST_S = 60  # for one answer

_RUNS = """
query GroupRuns(
    $project: String!, $entity: String!, $filters: JSONString, $first: Int, $after: String
) {
    project(name: $project, entityName: $entity) {
        runs(filters: $filters, first: $first, after: $after) {
            edges { node { id name notes } }
            pageInfo { endCursor hasNextPage }
        }
    }
}
"""

_NOTES = """
mutation UpsertBucket($id: String!, $notes: String) {
    upsertBucket(input: {id: $id, notes: $notes}) { bucket { id } }
}
"""


@dataclass(frozen=True)
class RunAtServer:
    """Names a run that the server has: its id there, and the notes that people read."""

    id: str
    notes: str


class ServerApi:
    """Answers from the server, as the owner of the key that is known.

    Attributes:
        url: where people open the server in a browser.
        entity: the key's own user or team.
    """

    def __init__(self) -> None:
        import wandb

        address = str(wandb.setup().settings.base_url).rstrip("/")
        if (mode := os.environ.get("WANDB_MODE", "online")) not in ("online", "shared"):
            raise ConfigError(f"WANDB_MODE={mode} keeps W&B off the network: unset it")
        require_access(address)
        try:
            self._api = wandb.Api(timeout=REQUEST_S)
            self.entity = str(self._api.default_entity)
        except Exception as error:
            raise ConfigError(refusal(address, error)) from None
        self.url = str(self._api._service_api.app_url).rstrip("/")

    def runs(self, entity: str, project: str, group: str) -> dict[str, RunAtServer]:
        """Map the ids of the runs of a group to what the server has; empty without a project."""
        found: dict[str, RunAtServer] = {}
        after = None
        while True:
            asked = {"project": project, "entity": entity, "first": PAGE, "after": after}
            answer = self.ask(_RUNS, {**asked, "filters": json.dumps({"group": group})})
            runs = (answer.get("project") or {}).get("runs")
            if not runs:
                return found
            for edge in runs["edges"]:
                node = edge["node"]
                found[node["name"]] = RunAtServer(node["id"], node.get("notes") or "")
            if not runs["pageInfo"]["hasNextPage"]:
                return found
            after = runs["pageInfo"]["endCursor"]

    def note(self, run: RunAtServer, notes: str) -> None:
        """Replace the notes of a run."""
        self.ask(_NOTES, {"id": run.id, "notes": notes})

    def ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of the answer to a GraphQL query."""
        answer: dict[str, Any] = self._api._service_api.execute_graphql(query, variables)
        return answer


@contextmanager
def server_api() -> Iterator[ServerApi]:
    """Sign in within a `with` block; what fails in it is told in a line.

    Raises:
        ConfigError: wandb cannot be imported, no key is known, the server does not take it, or
            does not answer.
    """
    core = Core()
    with _own_files():
        try:
            core.start()
        except Exception as error:
            raise ConfigError(
                f"W&B cannot be used ({class_and_first_line(error)}); run: make setup"
            ) from None
        try:
            api = ServerApi()
            try:
                yield api
            except ConfigError:
                raise
            except Exception as error:
                raise ConfigError(refusal(api.url, error)) from None
        finally:
            core.teardown()


@contextmanager
def _own_files() -> Iterator[None]:
    """Keep wandb's files in a folder that goes with this process, not in the home directory."""
    files = dict.fromkeys(("WANDB_DATA_DIR", "WANDB_CACHE_DIR"), str(scratch()))
    own = {**files, "WANDB_ERROR_REPORTING": "false"}  # prints when it cannot report
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
