from __future__ import annotations

import pytest

from trainers.errors import ConfigError
from trainers.models.limits import at_least_one, share


def test_what_is_allowed() -> None:
    at_least_one(width=1, depth=100)
    share(dropout=0.0, other=0.999)


def test_names_the_first_offender() -> None:
    with pytest.raises(ConfigError, match=r"model\.depth must be 1 or more, not 0"):
        at_least_one(width=1, depth=0)
    with pytest.raises(ConfigError, match=r"model\.dropout must be from 0 .* not 1\.0"):
        share(dropout=1.0)
