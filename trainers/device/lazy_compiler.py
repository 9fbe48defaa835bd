"""Leave PyTorch's compiler unimported until something is compiled.

Each step of an optimizer imports `torch._dynamo`, to tell the compiler that tracing ends there. The
import takes as long as that of torch itself, 2 s, in the process of every trial, and most trials
compile nothing.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch

_NAME = "torch._dynamo"


class _Unimported(ModuleType):
    """Stands for `torch._dynamo`, and becomes it as soon as anything but these two is asked for."""

    def graph_break(self, *given: object, **more: object) -> None:
        """Do nothing: nothing is traced while the compiler is not imported."""

    def disable(self, fn: Any = None, *given: object, **more: object) -> Any:
        """Return a function as it is, for the same reason, or a decorator that does."""
        return (lambda function: function) if fn is None else fn

    def __getattr__(self, name: str) -> Any:
        """Import the compiler: `torch.compile` and whoever imports a part of it come here."""
        if name in ("__spec__", "__file__", "__loader__"):
            raise AttributeError(name)
        return getattr(_imported(), name)


def _imported() -> ModuleType:
    if isinstance(sys.modules.get(_NAME), _Unimported):
        del sys.modules[_NAME]
        if isinstance(vars(torch).get("_dynamo"), _Unimported):
            del torch._dynamo
    return importlib.import_module(_NAME)


def leave_unimported() -> None:
    """Put off the import of the compiler, unless it has been imported."""
    if _NAME not in sys.modules:
        sys.modules[_NAME] = torch._dynamo = _Unimported(_NAME)
