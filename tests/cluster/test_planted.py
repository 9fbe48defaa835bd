"""What looks for secrets finds them: in files, on command lines, in environments of trials."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.planted import Planted
from tests.sweeps.waiting import until


def test_a_secret_in_a_file_is_found_but_for_its_own(tmp_path: Path) -> None:
    planted = Planted()
    secret = planted.new("a key")
    planted.write(tmp_path / ".netrc", secret)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log.bin").write_bytes(b"\0\xff" + secret.encode() + b"\n")
    (tmp_path / "clean").write_text("nothing")
    assert planted.in_files(tmp_path, "lab") == 2
    assert planted.seen == {"a key: lab: deep/log.bin"}
    (tmp_path / ".netrc").chmod(0o644)
    with pytest.raises(AssertionError, match="mode 644"):
        planted.in_files(tmp_path, "lab")


@pytest.mark.machines
@pytest.mark.parametrize("where", ["a word", "a variable"])
def test_a_secret_of_a_trial_is_found(where: str) -> None:
    planted = Planted()
    secret = planted.new("a key")
    words = ["ray::ImplicitFunc", "-c", "input()"]
    variables: Mapping[str, str] = {}
    if where == "a word":
        words.append(secret)
    else:
        variables = {"KEY": secret}
    with subprocess.Popen(
        words, executable=sys.executable, env=variables, stdin=subprocess.PIPE
    ) as trial:
        until(lambda: planted.in_processes() or planted.seen)  # the kernel has put its words there
        trial.communicate(b"\n")
    assert trial.pid in planted.trials
    assert len(planted.seen) == 1
    assert planted.seen.pop().startswith("a key: the ")
