"""A run that fails ends the benchmark, with the end of what it printed."""

from __future__ import annotations

import os

import pytest

from sweeps.bench.cluster.local_cluster import finished, run
from trainers.errors import ConfigError


def test_what_a_run_printed() -> None:
    assert finished(run(["-c", "print('7.5')"], os.environ)) == "7.5\n"


def test_a_run_that_fails() -> None:
    with pytest.raises(ConfigError, match="a run has failed: it is broken"):
        finished(run(["-c", "import sys; sys.exit('it is broken')"], os.environ))
