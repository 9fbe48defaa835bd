"""A sweep that is handed in outlives its submitter and its head, is stopped, and goes on."""

from __future__ import annotations

import csv
import os
import re
import signal
import time
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.cluster.raylets import Machines, says_that_no_head_is_known
from tests.sweeps.processes import command, descendants, finish, start, wait_for_epochs
from tests.sweeps.waiting import until

EPOCHS = 300


def run(machines: Machines, *words: str, member: str = "") -> tuple[int, str]:
    return finish(start(*words, CAVIAR_MEMBER=member, **machines.environment))


def test_a_sweep_is_handed_in_and_goes_on_whatever_ends(
    own_machines: Machines, tmp_path: Path
) -> None:
    machines, log = own_machines, tmp_path / "qa" / "study.log"
    token = (machines.folder / "token").read_text()
    words = (
        "name=qa", "budget.trials=1", "space=null", "seed=1,2", "stop=none",
        f"epochs={EPOCHS}", "track=none", "model.width=16", "data.fraction=0.25",
        f"results={tmp_path}",
    )  # fmt: skip
    code, output = run(machines, "cluster.submit", *words, member="beta")
    assert code == 0, output
    assert "qa is handed in, and runs on without this terminal" in output
    until(log.exists, running=machines.head)
    wait_for_epochs(machines.head, log, 20)
    assert not [one for one in map(command, descendants(1)) if token in one]

    children = descendants(machines.head.pid)
    os.kill(machines.head.pid, signal.SIGKILL)
    machines.head.wait()
    until(lambda: not [child for child in children if command(child)])
    before = log.read_text().count('"op_code":7')
    machines.start_head()
    wait_for_epochs(machines.head, log, before + 20)
    look_at(machines)

    code, output = run(machines, "cluster.stop", "qa")
    assert code == 0, output
    assert "make submit SWEEP=qa goes on with it" in output
    code, output = run(machines, "cluster.logs", "qa")
    assert code == 0, output
    assert "terminated" in output
    code, output = run(machines, "cluster.stop", "qa")
    assert (code, output) == (2, "error: qa runs no more: it has been stopped\n")

    code, output = run(machines, "cluster.submit", "qa")
    assert code == 0, output
    code, output = run(machines, "cluster.logs", "qa")
    assert code == 0, output
    with (tmp_path / "qa" / "trials" / "0000" / "metrics.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [*range(1, EPOCHS + 1)]
    assert re.search(r"qa +zeta +ended", run(machines, "cluster.status")[1])

    children = descendants(machines.head.pid)
    for _ in range(2):  # the second one, in the middle of the end, cuts nothing short
        machines.head.send_signal(signal.SIGINT)
        time.sleep(0.3)
    code, output = finish(machines.head)
    assert code == 0, output
    assert not [child for child in children if command(child)], "it ends what it has started"
    assert token not in output
    assert not (machines.folder / "head.json").exists()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = [path for path in written if token.encode() in path.read_bytes()]
    assert found == [machines.folder / "token"]


def look_at(machines: Machines) -> None:
    """The sweep as its member sees it from elsewhere."""
    code, output = run(machines, "cluster.submit", "name=qa", "seed=1,2")
    assert code == 2
    assert "qa is in the queue already" in output
    code, output = run(machines, "cluster.status")
    assert code == 0, output
    assert re.search(r"qa +beta +1 +1 +1 +1 CPU +[\d:]+: 0 of 1", output), output
    assert re.search(r"qa +beta +running", output), output
    code, output = run(machines, "cluster.watch", "qa")
    assert code == 0, output
    with build_opener(HTTPCookieProcessor()).open(output.split()[0]) as page:
        assert page.url.endswith("/sweep/qa")
        assert b"Learning curves" in page.read()


@pytest.mark.machines
def test_without_a_head_it_says_so(tmp_path: Path) -> None:
    says_that_no_head_is_known(tmp_path, "cluster.submit")
