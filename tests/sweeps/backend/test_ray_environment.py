"""Ray's processes are given what trials need, and no secret."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sweeps.backend.ray_environment import (
    environment,
    for_trials,
    is_loopback,
    plain_python,
    python_path,
    without_secrets,
)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.5", False),
        ("lab.example", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_trials_are_given_what_they_need() -> None:
    needed = {"PATH": "1", "CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "2", "DATA_ROOT": "/d",
              "PYTHONPATH": "x", "LC_ALL": "C", "CAVIAR_MINE": "y", "RAY_ADDRESS": "z"}  # fmt: skip
    secret = {
        "AWS_SECRET_ACCESS_KEY": "s",
        "WANDB_API_KEY": "s",
        "PGPASSWORD": "s",
        "HF_TOKEN": "s",
    }
    assert for_trials({**needed, **secret}) == needed


def test_secrets_are_hidden_from_what_is_started_within(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other threads of this process keep them; see test_ray_session for what Ray's have."""
    from ray._private import services

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    with without_secrets():
        there = vars(services)["os"].environ.copy()
        assert "AWS_SECRET_ACCESS_KEY" not in there
        assert "PATH" in there
        assert vars(services)["os"].getpid() == os.getpid()
        assert os.environ["AWS_SECRET_ACCESS_KEY"] == "planted"
    assert vars(services)["os"] is os


def test_variables_are_as_they_were_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_A", "before")
    monkeypatch.delenv("RAY_B", raising=False)
    with environment({"RAY_A": "within", "RAY_B": "within"}):
        assert (os.environ["RAY_A"], os.environ["RAY_B"]) == ("within", "within")
    assert os.environ["RAY_A"] == "before"
    assert "RAY_B" not in os.environ


@pytest.mark.parametrize(
    ("given", "absolute"),
    [
        ("../lab", ["{above}/lab"]),
        ("lab:/opt/lib", ["{here}/lab", "/opt/lib"]),
        ("~/lab", ["{home}/lab"]),
        (":lab::", ["{here}/lab"]),
    ],
)
def test_packages_are_found_from_any_folder(
    given: str, absolute: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, home = tmp_path / "checkout", tmp_path / "home"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    found = python_path({"PYTHONPATH": given, "OTHER": "x"})
    wanted = [each.format(above=tmp_path, here=here, home=home) for each in absolute]
    assert found == {"PYTHONPATH": os.pathsep.join(wanted)}


@pytest.mark.parametrize("given", [{}, {"PYTHONPATH": ""}, {"PYTHONPATH": ":"}])
def test_without_packages_elsewhere_nothing_is_set(given: dict[str, str]) -> None:
    """An empty entry is the folder that Python runs in, which is another one for a trial."""
    assert python_path(given) == {}


def test_a_plain_path_needs_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/env/bin/python3.12")
    assert plain_python(tmp_path) == "/opt/env/bin/python3.12"
    monkeypatch.setattr(sys, "executable", "/opt/my env/bin/python3.12")
    assert plain_python(tmp_path) == str(tmp_path / "venv/bin/python3.12")
    assert os.readlink(tmp_path / "venv") == "/opt/my env"
