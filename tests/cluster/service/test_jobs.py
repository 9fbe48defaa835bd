"""Real jobs are tried in test_submit; a job server that is away can be waited for."""

from __future__ import annotations

import pytest

from cluster.service.jobs import RayJobs
from tests.cluster.raylets import free_port


def test_a_job_server_that_is_away_is_one_kind_of_error() -> None:
    jobs = RayJobs(f"http://127.0.0.1:{free_port()}")
    for ask in (jobs.state, jobs.stop):
        with pytest.raises(OSError, match="Ray's job server does not answer"):
            ask("sweep-0")
