"""Load YAML that anybody may have written."""

from __future__ import annotations

from typing import Any

import yaml

#: C, where PyYAML has it, is ten times as fast.
_IN_C = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What begins a level within a line; a level on a line of its own takes more letters each time.
_MARKS = "[{-?"
#: Levels that the parser in C has room for: it ends the process where it has no more.
_SAFE = 2000


def load_yaml(text: str) -> Any:
    """Load one document of plain containers.

    Raises:
        yaml.YAMLError: it is no YAML, or nested too deeply.
    """
    safe = sum(map(text.count, _MARKS)) <= _SAFE
    try:
        return yaml.load(text, _IN_C if safe else yaml.SafeLoader)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
