"""Build what a config group describes."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate

from trainers.errors import ConfigError


def instantiate_group(group: str, node: dict[str, Any], **supplied: Any) -> Any:
    """Build what a group describes; its settings are refused in a line, as all else is."""
    from trainers.check import check_arguments

    check_arguments(group, node, supplied)
    try:
        return instantiate(node, **supplied)
    except Exception as error:  # whatever a constructor raises
        cause = error.__cause__ or error
        raise (
            cause if isinstance(cause, ConfigError) else ConfigError(f"{group}: {cause}")
        ) from error
