"""Logs are followed with a real head in test_submit; what they print steers no terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.logs import _plain
from tests.cluster.raylets import says_that_no_head_is_known


def test_no_letter_of_a_log_steers_the_terminal() -> None:
    assert _plain("\x1b[31mred\x07\r\n\té 🐟\x9b2J\u202e") == "[31mred\n\té 🐟2J"


@pytest.mark.machines
def test_without_a_head_it_says_so(tmp_path: Path) -> None:
    says_that_no_head_is_known(tmp_path, "cluster.logs", "qa")
