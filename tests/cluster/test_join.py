"""Joining needs an address, a name and the token of the head."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cluster.raylets import Machines
from tests.sweeps.processes import finish, start


def test_joining_needs_the_token(machines: Machines, tmp_path: Path) -> None:
    token = machines.folder / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600

    code, output = finish(machines.join("--member=alpha", folder=tmp_path / "other"))
    assert code == 2
    assert "there is no token" in output

    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "token").write_text("0" * 64)
    code, output = finish(machines.join("--member=alpha", folder=wrong))
    assert code == 2, output
    assert "refuses the token" in output
    assert stat.S_IMODE((wrong / "token").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--head=127.0.0.1", "--member=a"], "must be host:port"),
        (["--head=127.0.0.1:1", "--member=a b"], "must be up to 63 letters"),
        (["--head=127.0.0.1:1", "--member="], "must be up to 63 letters"),
        (["--head=127.0.0.1:1", "--member=../a"], "must be up to 63 letters"),
        (["--head=127.0.0.1:1", "--member=<b>"], "must be up to 63 letters"),
        (["--head=127.0.0.1:99999", "--member=a"], "must be host:port"),
        (["--head=127.0.0.1:1", "--member=a", "--cpus=0"], "CPUS=0 must be a whole number"),
        (["--head=127.0.0.1:1", "--member=a", "--gpus=99"], "GPUS=99: this machine has"),
        (["--head=127.0.0.1:1", "--member=a", "--hours=25-3"], "HOURS=25-3 must be two full hours"),
        (["--head=127.0.0.1:1", "--member=a", "--polite=maybe"], "POLITE=maybe must be true"),
        (["--head=127.0.0.1:1", "--member=a"], "nothing answers"),
    ],
)
@pytest.mark.machines
def test_wrong_input_is_refused_in_a_line(tmp_path: Path, words: list[str], rule: str) -> None:
    (tmp_path / "token").write_text("x")
    code, output = finish(start("cluster.join", *words, CAVIAR_CLUSTER=str(tmp_path)))
    assert code == 2
    assert rule in output
    assert len(output.splitlines()) <= 2
