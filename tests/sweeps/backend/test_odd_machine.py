"""A sweep runs on a machine on which little can be written."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps import ROOT
from tests.sweeps.processes import finish, start

#: Within namespaces of our own, where a user may have them: the checkout and /tmp can only be
#: read, but for the folder of the results; then all rights are dropped.
SETTING = """
set -e
for folder in {root} /tmp; do
  mount --rbind $folder $folder
  mount -o remount,ro,bind $folder
done
mount --bind {results} {results}
mount -o remount,rw,bind {results}
! touch {root}/touched /tmp/touched
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$0" "$@"
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    try:
        subprocess.run(
            ["unshare", "-Urm", "setpriv", "--bounding-set=-all", "true"],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this user may have no namespaces, or drop no rights: {error}")
    return tmp_path


@pytest.mark.machines
def test_a_sweep_needs_only_its_results_folder_and_some_room(results: Path) -> None:
    long = results / ("long and spaced " * 8)
    long.mkdir()
    script = SETTING.format(root=shlex.quote(str(ROOT)), results=shlex.quote(str(results)))
    # Ray hands its workers to a shell, which would split the path of Python.
    python = long / "venv" / "bin" / "python"
    (long / "venv").symlink_to(sys.prefix)
    command = results / "python"
    command.write_text(
        f"#!/bin/sh\nexec unshare -Urm bash -c {shlex.quote(script)} "
        f'{shlex.quote(str(python))} "$@"\n'
    )
    command.chmod(0o755)
    words = ("space=null", "model.width=8,16", "budget.trials=1", "epochs=1", f"results={results}")
    process = start("sweeps", *words, python=str(command), HOME="/nowhere/at/all", TMPDIR=str(long))
    code, output = finish(process)
    assert code == 0, output
    assert output.count("Read-only file system") == 2, output  # what the setting tried
    assert "1 of 1 trials ended" in output
    assert "Traceback" not in output
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        assert not Path(place, f"caviar-ray-{process.pid}").exists()
