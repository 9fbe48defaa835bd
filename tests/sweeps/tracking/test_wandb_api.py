"""The server is asked for the runs of a group, page by page; what is in the way is told in a line.

That no key, a wrong one and no server are each a line: tests/sweeps/report/test_wandb_report.py.
"""

from __future__ import annotations

import pytest

from sweeps.tracking import wandb_api
from sweeps.tracking.wandb_api import RunAtServer, server_api
from tests.wandb_server import Run, WandbServer
from trainers.errors import ConfigError

pytestmark = pytest.mark.machines


def test_the_runs_of_a_group_are_those_at_the_server(
    server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb_api, "PAGE", 2)
    for number in range(5):
        server.runs[f"r{number}"] = Run(f"r{number}", "caviar", group="g", notes=f"n{number}")
    server.runs["other"] = Run("other", "caviar", group="h")
    with server_api() as api:
        assert (api.url, api.entity) == (server.url, "someone")
        found = api.runs("someone", "caviar", "g")
        assert found == {f"r{n}": RunAtServer(f"bucket-r{n}", f"n{n}") for n in range(5)}
        assert api.runs("someone", "no such project", "g") == {}
        api.note(found["r3"], "changed")
    assert server.runs["r3"].notes == "changed"
    assert server.unknown == []


def test_a_server_that_goes_away_is_told_in_a_line(
    server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_runs_of_group", lambda variables: 1 / 0)
    monkeypatch.setattr(wandb_api, "REQUEST_S", 2)
    said = pytest.raises(ConfigError, match=r"W&B at http://127.* cannot be used \(")
    with said as refusal, server_api() as api:
        api.runs("someone", "caviar", "g")
    assert "\n" not in str(refusal.value)
