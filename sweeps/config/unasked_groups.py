"""Let nobody vary or choose what a model of their own does not ask for, such as a norm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sweeps.config.composition import Composition
from sweeps.config.keys import plain
from sweeps.config.overrides import key_of
from sweeps.space.space import Space
from trainers.config import TrainConfig, typed
from trainers.errors import ConfigError

#: Modules whose models ask for all of these groups, known without loading PyTorch for it.
ASKING = ("trainers.models.mlp.", "trainers.models.cnn.", "trainers.models.skip.")
#: Groups that a model is given if it asks for them.
_GROUPS = ("norm", "activation")


def refuse_unasked(words: Iterable[str], training: TrainConfig) -> None:
    """Refuse words of a command line that choose what the model does not ask for.

    Raises:
        ConfigError: names the word and the model.
    """
    given = {group: word for word in words if (group := _group(key_of(word)))}
    for group in _unasked(training) if given else ():
        if group in given:
            raise ConfigError(_refusal(given[group], group, training))


def only_asked(composition: Composition, space: Space) -> tuple[Space, list[str]]:
    """Leave out of a space what no model of it asks for, and write a line about each such key.

    Raises:
        ConfigError: the command line varies or chooses it.
    """
    keys = {*space.keys, *(override.key_or_group for override in composition.fixed_overrides)}
    if not any(_group(key) for key in keys):
        return space, []
    models = dict(_models(composition, space))
    missing = {name: _unasked(training) for name, training in models.items()}
    messages = []
    for group in _GROUPS:
        without = [name for name, groups in missing.items() if group in groups]
        if not without:
            continue
        training = models[without[0]]
        words = [word for word in composition.overrides if _group(key_of(word)) == group]
        swept = [key for key in space.keys if _group(key) == group]
        if len(without) < len(models):
            if words or swept:
                messages.append(
                    f"{group} changes nothing in model={','.join(without)}: it takes none"
                )
        elif words:
            raise ConfigError(_refusal(words[0], group, training))
        elif swept:
            messages.append(f"{', '.join(swept)} is not swept: model={without[0]} takes no {group}")
            space = Space(tuple(p for p in space.parameters if p.key not in swept))
    return space, messages


def _models(composition: Composition, space: Space) -> Iterator[tuple[str, TrainConfig]]:
    """Yield each model of a space, and a training with it."""
    chosen = [p for p in space.groups if p.key == "model"]
    if not chosen:
        yield composition.choice("model"), typed(plain(composition.base))
    for parameter in chosen:
        for name in parameter.dimension.enumerate():
            yield str(name), typed(plain(composition.variant({"model": str(name)})))


def _unasked(training: TrainConfig) -> tuple[str, ...]:
    if str(training.model.get("_target_")).startswith(ASKING):
        return ()
    from trainers.build import unasked

    return unasked(training)


def _group(key: str) -> str:
    """Return the group that a key of a command line belongs to; empty if it is none of these."""
    top = key.lstrip("+~").split(".")[0].partition("@")[0]
    return top if top in _GROUPS else ""


def _refusal(word: str, group: str, training: TrainConfig) -> str:
    return (
        f"{word}: {training.model.get('_target_')} takes no {group}, so it would change nothing: "
        f"leave it out, or give the model an argument {group}"
    )
