"""Ask the W&B server what it has of a sweep's runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from sweeps.tracking.run_id import checkpoints_name
from sweeps.tracking.wandb_access import refusal, require_access, why_silent
from sweeps.tracking.wandb_connection import WandbSettings
from trainers.errors import ConfigError

PAGE = 50  # runs that one request asks for
ASKED_AT_ONCE = 8  # requests under way
REQUEST_S = 60  # for one answer


@dataclass(frozen=True)
class Arrived:
    """Describes what the server has of a run.

    Attributes:
        rows: epoch -> how many rows of the history are of it.
        unread: whether the server counts more rows than it gives: it may still be at work.
        finished: whether the run was ended by whoever logged it.
        versions: digest -> aliases, of the versions of its checkpoints.
        others: names of its other artifacts: tables, the review.
        notes: what people have written beside it.
    """

    rows: Mapping[int, int]
    unread: bool
    finished: bool
    summary: Mapping[str, Any]
    versions: Mapping[str, frozenset[str]]
    others: frozenset[str]
    notes: str


class WandbServer:
    """Answers what has arrived, by wandb's own public client.

    Raises:
        ConfigError: no key is known, the server does not take it, or cannot be reached.
    """

    def __init__(self, settings: WandbSettings) -> None:
        import wandb

        self.url = str(wandb.setup().settings.base_url).rstrip("/")
        require_access(self.url)
        try:
            self._api = wandb.Api(timeout=REQUEST_S)
            self._entity = settings.entity or self._api.default_entity
        except Exception as error:
            raise ConfigError(refusal(self.url, error)) from None
        self._project = settings.project

    @property
    def project_url(self) -> str:
        """Return the address of the project."""
        return f"{self.url}/{self._entity}/{self._project}"

    def arrived(self, runs: Sequence[str]) -> dict[str, Arrived]:
        """Map the ids of runs to what the server has of them, those it knows.

        Raises:
            Exception: whatever wandb raises when the server does not answer.
        """
        self._api.flush()  # type: ignore[no-untyped-call]  # else it answers as before
        pages = [runs[first : first + PAGE] for first in range(0, len(runs), PAGE)]
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            known = [run for page in pool.map(self._known, pages) for run in page]
            return {run.id: has for run, has in zip(known, pool.map(_look, known), strict=True)}

    def answers(self) -> bool:
        """Whether the server can be reached; what it answers is no matter."""
        return not why_silent(self.url)

    def _known(self, runs: Sequence[str]) -> list[Any]:
        """List those of these runs that there are."""
        filters = {"name": {"$in": [*runs]}}
        path = f"{self._entity}/{self._project}"
        found = self._api.runs(path, filters=filters, per_page=PAGE, lazy=False)
        try:
            return list(found)
        except ValueError:  # there is no such project yet
            return []


def _look(run: Any) -> Arrived:
    """Ask what the server has of one run."""
    lines = int(run.historyLineCount or 0)
    read = partial(run.history, keys=["epoch"], pandas=False)
    numbers = [row["epoch"] for row in read(samples=lines)] if lines else []
    rows = Counter(int(number) for number in numbers if isinstance(number, int | float))
    versions: dict[str, frozenset[str]] = {}
    others = set()
    checkpoints = checkpoints_name(run.id)
    for artifact in run.logged_artifacts():
        name = artifact.name.partition(":")[0]
        if name == checkpoints:
            known = versions.get(artifact.digest, frozenset())
            versions[artifact.digest] = known | set(artifact.aliases)
        else:
            others.add(name)
    return Arrived(
        rows=rows,
        unread=sum(rows.values()) < lines,
        finished=run.state in ("finished", "failed"),
        summary=dict(run.summary_metrics),
        versions=versions,
        others=frozenset(others),
        notes=run.notes or "",
    )
