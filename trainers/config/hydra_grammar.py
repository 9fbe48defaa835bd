"""Write values in Hydra's override grammar, as a command line or a YAML would give them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any


def written(value: Any, number: Callable[[float], str] = repr) -> str:
    """Format a value in Hydra's override grammar: true, null, [0.9,0.99], {norm:null}.

    Args:
        number: how numbers with a fraction are written; exactly, unless it says otherwise.
    """
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_/][\w./-]*", value, flags=re.ASCII)
        if plain and value.lower() not in ("null", "true", "false", "nan", "inf"):
            return value
        from hydra.core.override_parser.types import Quote, QuotedString  # not for every trial

        return QuotedString(value, Quote.double).with_quotes()
    if isinstance(value, list | tuple):
        return f"[{','.join(written(item, number) for item in value)}]"
    if isinstance(value, Mapping):
        items = (f"{key}:{written(item, number)}" for key, item in value.items())
        return f"{{{','.join(items)}}}"
    if isinstance(value, float):
        # JSON has other words for inf, -inf and nan than Python and Hydra.
        return number(value) if math.isfinite(value) else str(value)
    return json.dumps(value, default=str)  # an object of Python's own has no grammar
