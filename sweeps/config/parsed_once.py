"""Parse each file of conf/ once a sweep; Hydra does so for every composition.

That is a third of a composition's time; and a file which is edited while a sweep runs is the same
for all of its trials.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

from hydra.core.config_loader import ConfigLoader


def parse_once(loader: ConfigLoader) -> ConfigLoader:
    """Let a loader keep what it parses, from now on; returns it."""
    own = vars(loader)
    if not isinstance(own["repository"], _ParsedOnce):
        own["repository"] = _ParsedOnce(own["repository"], {})
    return loader


class _ParsedOnce:
    """Stands for a loader's repository of files. Hydra copies it for each composition.

    Each composition gets a copy of what was parsed, as it changes it.
    """

    def __init__(self, repository: Any, parsed: dict[str, bytes]) -> None:
        self._repository, self._parsed = repository, parsed

    def load_config(self, config_path: str) -> Any:
        """Return a file as Hydra has it; None if there is none."""
        if config_path not in self._parsed:
            self._parsed[config_path] = pickle.dumps(self._repository.load_config(config_path))
        return pickle.loads(self._parsed[config_path])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> _ParsedOnce:
        return _ParsedOnce(copy.deepcopy(self._repository, memo), self._parsed)
