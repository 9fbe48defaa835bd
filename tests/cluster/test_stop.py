"""Stopping is tried with a real head in test_submit; without one it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.raylets import says_that_no_head_is_known


@pytest.mark.machines
def test_without_a_head_it_says_so(tmp_path: Path) -> None:
    says_that_no_head_is_known(tmp_path, "cluster.stop", "qa")
