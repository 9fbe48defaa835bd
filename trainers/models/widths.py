"""Compute the widths of hidden layers from a shape; torch is not needed for that."""

from __future__ import annotations

from trainers.errors import ConfigError

SHAPES = ("cylinder", "pyramid", "inverse_pyramid", "diamond")


def widths_of(shape: str, width: int, depth: int) -> list[int]:
    """Return the widths of `depth` hidden layers, the widest being `width`.

    Neighbours differ by a factor of 2, from wide to narrow in a pyramid, from narrow to wide in
    an inverse one, up to the middle and down again in a diamond; no layer has fewer than 1.

    Raises:
        ConfigError: no such shape.
    """
    if shape == "cylinder":
        halvings = [0] * depth
    elif shape == "pyramid":
        halvings = list(range(depth))
    elif shape == "inverse_pyramid":
        halvings = list(range(depth))[::-1]
    elif shape == "diamond":
        half = list(range(depth // 2, 0, -1))
        halvings = [*half, *range((depth + 1) // 2)]
    else:
        raise ConfigError(f"model.shape must be one of {', '.join(SHAPES)}, not {shape!r}")
    return [max(1, width >> halving) for halving in halvings]
