"""Real jobs are tried in test_submit; a job server that is away can be waited for."""

from __future__ import annotations

import pytest

from cluster.service.jobs import RayJobs, _own_exit_code
from cluster.service.queue import JobState
from tests.cluster.raylets import free_port


def test_a_job_server_that_is_away_is_one_kind_of_error() -> None:
    jobs = RayJobs(f"http://127.0.0.1:{free_port()}", "a1")
    for ask in (jobs.state, jobs.stop):
        with pytest.raises(OSError, match="Ray's job server does not answer"):
            ask("sweep-a1-0")


def test_a_job_of_another_head_was_lost() -> None:
    jobs = RayJobs(f"http://127.0.0.1:{free_port()}", "a1")
    assert jobs.state("sweep-b2-0") == JobState(alive=False)


@pytest.mark.parametrize(
    ("code", "own"), [(0, 0), (1, 1), (2, 2), (130, 130), (137, None), (-9, None), (None, None)]
)
def test_who_was_killed_has_no_exit_code_of_its_own(code: int | None, own: int | None) -> None:
    assert _own_exit_code(code) == own
