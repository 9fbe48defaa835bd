"""`from_sweep=a,b` names two sweeps, where Hydra's grammar would try one and then the other."""

from __future__ import annotations

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString

from sweeps.config.schema import FROM_SWEEP
from sweeps.space.dimensions import written
from trainers.errors import ConfigError


def listed(word: str, parser: OverridesParser) -> str:
    """An override as it is; one that sweeps over `from_sweep` as the list that is meant.

    Raises:
        ConfigError: a range or an interval of sweeps.
    """
    override = parser.parse_override(word)
    if override.key_or_group != FROM_SWEEP or not override.is_sweep_override():
        return word
    sweep = override.value()
    if not isinstance(sweep, ChoiceSweep):
        raise ConfigError(f"{word}: name earlier sweeps, {FROM_SWEEP}=a,b")
    names = (name.text if isinstance(name, QuotedString) else str(name) for name in sweep.list)
    return f"{FROM_SWEEP}=[{','.join(map(written, names))}]"
