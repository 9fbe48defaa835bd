"""A sweep that is handed in runs on the head, is stopped, and goes on, with a real job of Ray."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.cluster.raylets import Machines, says_that_no_head_is_known
from tests.sweeps.processes import command, finish, start, wait_for_epochs
from tests.sweeps.waiting import until

EPOCHS = 300


def run(machines: Machines, *words: str, member: str = "") -> tuple[int, str]:
    return finish(start(*words, CAVIAR_MEMBER=member, **machines.environment))


def test_it_runs_without_its_submitter_is_stopped_and_goes_on(
    machines: Machines, tmp_path: Path
) -> None:
    words = (
        "name=qa", "budget.trials=1", "space=null", "seed=1,2", "stop=none",
        f"epochs={EPOCHS}", "track=none", "model.width=16", "data.fraction=0.25",
        f"results={tmp_path}",
    )  # fmt: skip
    code, output = run(machines, "cluster.submit", *words, member="beta")
    assert code == 0, output
    assert "qa is handed in, and runs on without this terminal" in output
    code, output = run(machines, "cluster.submit", *words)
    assert code == 2
    assert "qa is in the queue already" in output
    until(lambda: (tmp_path / "qa" / "study.log").exists())
    wait_for_epochs(machines.head, tmp_path / "qa" / "study.log", 20)
    code, output = run(machines, "cluster.status")
    assert code == 0, output
    assert re.search(r"qa +beta +1 +1 +1 +1 CPU +[\d:]+: 0 of 1", output), output
    assert re.search(r"qa +beta +running", output), output

    code, output = run(machines, "cluster.watch", "qa")
    assert code == 0, output
    with build_opener(HTTPCookieProcessor()).open(output.split()[0]) as page:
        assert page.url.endswith("/sweep/qa")
        assert b"Learning curves" in page.read()

    token = (machines.folder / "token").read_text()
    assert not [
        c for path in Path("/proc").glob("[0-9]*") if token in (c := command(int(path.name)))
    ]
    code, output = run(machines, "cluster.stop", "qa")
    assert code == 0, output
    assert "make submit SWEEP=qa goes on with it" in output
    code, output = run(machines, "cluster.logs", "qa")
    assert code == 0, output
    assert "terminated" in output
    assert run(machines, "cluster.stop", "qa") == (
        2, "error: qa runs no more: it has been stopped\n",
    )  # fmt: skip

    code, output = run(machines, "cluster.submit", "qa")
    assert code == 0, output
    code, output = run(machines, "cluster.logs", "qa")
    assert code == 0, output
    with (tmp_path / "qa" / "trials" / "0000" / "metrics.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [*range(1, EPOCHS + 1)]
    assert re.search(r"qa +zeta +ended", run(machines, "cluster.status")[1])
    written = (*tmp_path.rglob("*"), *machines.folder.rglob("*"))
    found = [path for path in written if path.is_file() and token.encode() in path.read_bytes()]
    assert found == [machines.folder / "token"]


@pytest.mark.machines
def test_without_a_head_it_says_so(tmp_path: Path) -> None:
    says_that_no_head_is_known(tmp_path, "cluster.submit")
