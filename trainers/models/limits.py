"""Check the ranges of a model's own keys."""

from __future__ import annotations

from trainers.errors import ConfigError


def at_least_one(**sizes: int) -> None:
    """Raise ConfigError for the first size below 1."""
    for key, value in sizes.items():
        if value < 1:
            raise ConfigError(f"model.{key} must be 1 or more, not {value}: set model.{key}=…")


def share(**shares: float) -> None:
    """Raise ConfigError for the first share outside [0, 1)."""
    for key, value in shares.items():
        if not 0 <= value < 1:
            raise ConfigError(
                f"model.{key} must be from 0 up to, not including, 1, not {value}: "
                f"set model.{key}=…"
            )
