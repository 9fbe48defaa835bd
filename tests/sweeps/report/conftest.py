"""The folder of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps import results_folder
from sweeps.results_folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return results_folder.create(tmp_path, "s")
