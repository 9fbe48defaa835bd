"""Create the W&B sweep that the runs of a sweep are attached to (`track.sweep=true`).

Its page and panels then show the runs of any search. No agent of W&B ever draws from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.redaction import redacted
from sweeps.tracking.tracker import Varied
from trainers.files.whole_file import write_whole

#: wandb has no call for this that prints nothing and leaves the environment as it is.
_CREATE = """
mutation UpsertSweep(
    $config: String, $entityName: String, $projectName: String, $displayName: String
) {
    upsertSweep(input: {
        config: $config, entityName: $entityName, projectName: $projectName,
        displayName: $displayName
    }) {
        sweep { name }
    }
}
"""


def attached(
    kept: Path, project: str, entity: str | None, name: str, varied: Varied, answer_s: float
) -> str:
    """Return the id of the W&B sweep of a sweep, which is created if there is none.

    Args:
        kept: file with the id, for later sessions.
        name: of the sweep.
        answer_s: seconds that the server may take to answer.

    Raises:
        Exception: whatever wandb raises when the server does not answer or take it.
    """
    import wandb

    api = wandb.Api(timeout=max(1, round(answer_s)))
    place = f"{entity or api.default_entity}/{project}"
    known = _known(kept)
    if place not in known:
        answer: dict[str, Any] = api._service_api.execute_graphql(
            _CREATE,
            {
                "config": json.dumps(_config(name, varied)),  # which is YAML, too
                "entityName": entity or api.default_entity,
                "projectName": project,
                "displayName": name,
            },
        )
        known[place] = str(answer["upsertSweep"]["sweep"]["name"])
        write_whole(kept, json.dumps(known))
    return known[place]


def _known(kept: Path) -> dict[str, str]:
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _config(name: str, varied: Varied) -> dict[str, Any]:
    """Describe a sweep as W&B does; of its own methods `random` promises the least."""
    return {
        "name": name,
        "description": "the runs are Caviar's: start no agent",
        "method": "random",
        "metric": {
            "name": varied.metric,
            "goal": "maximize" if varied.maximize else "minimize",
        },
        "parameters": _nested(
            {key: _parameter(redacted(spec)) for key, spec in varied.parameters.items()}
        ),
    }


def _parameter(spec: Mapping[str, Any]) -> dict[str, Any]:
    if "values" in spec:
        return {"values": list(spec["values"])}
    uniform = "int_uniform" if spec.get("integer") else "uniform"
    log = "q_log_uniform_values" if spec.get("integer") else "log_uniform_values"
    ends = {"min": spec["min"], "max": spec["max"]}
    return {"distribution": log if spec.get("log") else uniform, **ends}


def _nested(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Nest parameters with dotted keys, as the runs' configurations are nested."""
    nested: dict[str, Any] = {}
    for key, parameter in parameters.items():
        *path, last = key.split(".")
        level = nested
        for part in path:
            level = level.setdefault(part, {"parameters": {}}).setdefault("parameters", {})
        level[last] = {**level.get(last, {}), **parameter}
    return nested
