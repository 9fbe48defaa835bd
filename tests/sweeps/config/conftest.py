"""Hydra as it is for a person, where the tests keep what it composes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from sweeps.config import hydra_cache


@pytest.fixture
def compose_anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets Hydra compose the whole of it each time, from when it is called to the test's end."""

    def go() -> None:
        listed, composed = hydra_cache.create_defaults_list, hydra_cache._compose_groups
        monkeypatch.setattr(hydra_cache.config_loader_impl, "create_defaults_list", listed)
        monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", composed)

    return go
