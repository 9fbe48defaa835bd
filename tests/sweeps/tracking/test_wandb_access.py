"""A server that cannot be used is refused in a line, which never has the key."""

from __future__ import annotations

import pytest
import wandb

from sweeps.tracking.wandb_access import refusal, require_access, why_silent
from tests.wandb_server import WandbServer
from trainers.errors import ConfigError

KEY = "k" * 40


def test_a_server_that_answers_is_accepted_whatever_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with WandbServer() as server:
        assert why_silent(server.url) == ""
        require_access(server.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid", "no address"])
def test_one_that_does_not_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert why_silent(url)
    with pytest.raises(ConfigError, match="cannot be reached") as refused:
        require_access(url)
    assert KEY not in str(refused.value)


def test_without_a_key_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.tracking.wandb_access.has_key", lambda url: False)
    with pytest.raises(ConfigError, match=r"no key of W&B is known for http://127\.0\.0\.1:1"):
        require_access("http://127.0.0.1:1")
    default = str(wandb.Settings().base_url)
    with pytest.raises(ConfigError, match=f"known for {default}, W&B's own cloud: wandb login"):
        require_access(default)


def test_a_key_that_is_not_taken_is_told_from_another_fault() -> None:
    class Answer:
        http_status = 401

    cause = RuntimeError("no")
    cause.response = Answer()  # type: ignore[attr-defined]
    wrapped = ValueError("GraphQL failed")
    wrapped.__cause__ = cause
    assert "does not take this key" in refusal("http://w", wrapped)
    assert "cannot be used (ValueError: GraphQL failed)" in refusal(
        "http://w", ValueError("GraphQL failed")
    )
