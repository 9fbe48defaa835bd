"""Put a trial's configuration into the words of the ablation sheet's cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from sweeps.config.keys import value_at
from sweeps.findings.finding import Effect, Findings
from sweeps.formatting import number, one_line, score, short_names
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Interval, label_of
from sweeps.trials import SEED, TrialRecord
from trainers.errors import ConfigError
from trainers.models.widths import widths_of

#: Up to so many changes, a title names what each value has taken the place of.
_FEW = 3
#: Groups of conf/ whose choice and arguments are cells of their own.
_GROUPS = ("norm", "activation", "schedule", "optimizer")
#: Swept keys that a cell of their own tells of, and what begins those that are part of one.
_SHOWN = ("data", "data.fraction", "data.context", "epochs", "batch_size", "model", *_GROUPS)
_SHOWN_OF_MODEL = ("width", "depth", "shape", "widths", "channels", "blocks", "dropout", "layers")
_PARTS = (*(f"{group}." for group in _GROUPS), "model.layers.", "model.widths.")
#: What a spreadsheet takes as a number is smaller.
_LARGEST = 1e307
#: Layers that are listed, at most.
_MOST_LAYERS = 200
#: Arguments that go without saying, unless they are swept.
_USUAL: tuple[tuple[str, Any], ...] = (("layers", "every"), ("warmup", 0))
#: Arguments that say nothing of what is trained.
_TECHNICAL = ("fused", "foreach", "lr")


class Words:
    """Describes the trials of one sweep, each against the configuration as it is."""

    def __init__(self, sweep: RecordedSweep, findings: Findings) -> None:
        """Learn what the sweep has varied, and what was found of it."""
        self._sweep = sweep
        self._names = short_names(sweep.dimensions)
        self._effects: dict[str, list[Effect]] = {}
        for effect in findings.effects:
            self._effects.setdefault(effect.key, []).append(effect)
        baseline = sweep.baseline
        self._baseline = baseline
        self._as_is = (
            {key: self._configured(key) for key in sweep.dimensions}
            if baseline is None
            else {key: baseline.params.get(key) for key in sweep.dimensions}
        )
        best = None if baseline is None else sweep.best_epochs[baseline.id]
        self._score = best[1] if best and baseline and baseline.state.scored else None

    def value(self, trial: TrialRecord, key: str) -> Any:
        """Return what a trial has under a dotted key; None if it has none."""
        if key in trial.params:
            return trial.params[key]
        try:
            return value_at(self._config(trial, key), key)
        except KeyError:
            return None

    def _config(self, trial: TrialRecord, key: str) -> Mapping[str, Any]:
        """Return a trial's configuration; where it has left none, what all trials have alike."""
        if config := self._sweep.trial_config(trial.id):
            return config
        return {} if key.partition(".")[0] in trial.params else self._sweep.config

    def title(self, trial: TrialRecord) -> str:
        """Say what was changed against the baseline."""
        if trial is self._baseline:
            return "baseline"
        if trial.source is not None and trial.source.seed is not None:
            return f"{trial.source.told} with seed {trial.source.seed}"
        changes = self._changes(trial)
        told = "" if trial.source is None else f"{trial.source.told}; "
        if not changes:
            return f"{told}as the baseline"
        few = len(changes) <= _FEW
        return told + ", ".join(self._change(key, value, few) for key, value in changes.items())

    def _changes(self, trial: TrialRecord) -> dict[str, Any]:
        """Return swept key -> value, where it differs from the baseline's; groups come first."""
        changed = {
            key: value
            for key, value in trial.params.items()
            if label_of(value) != label_of(self._as_is.get(key)) or key not in self._as_is
        }
        return dict(sorted(changed.items(), key=lambda item: "." in item[0]))

    def _change(self, key: str, value: Any, few: bool) -> str:
        name, before = self._names.get(key, key), self._as_is.get(key)
        if not few or before is None:
            return f"{name} {text(value)}"
        return f"{name} {text(value)} instead of {text(before)}"

    def verdict(self, trial: TrialRecord) -> str:
        """Say what was found of a trial's changes; a single comparison is called one run."""
        lines = []
        best = self._sweep.best_epochs[trial.id] if trial.state.scored else None
        changes = self._changes(trial)
        if best is not None and self._score is not None and changes:
            gain = (
                best[1] - self._score if self._sweep.objective.maximize else (self._score - best[1])
            )
            word = "better than" if gain > 0 else "worse than" if gain < 0 else "equal to"
            by = f"{score(abs(gain))} " if gain else ""
            lines.append(f"{by}{word} the baseline, one run")
        about = [
            effect
            for key, value in changes.items()
            for effect in self._effects.get(key, ())
            if self._is_of(effect, value)
        ]
        lines += [self._effect(effect) for effect in about if effect.clear]
        clear = {effect.key for effect in about if effect.clear}
        open_keys = dict.fromkeys(effect.key for effect in about if effect.key not in clear)
        if open_keys:
            names = ", ".join(self._names.get(key, key) for key in open_keys)
            lines.append(f"cannot be told: {names}")
        return "\n".join(lines)

    def _is_of(self, effect: Effect, value: Any) -> bool:
        """Whether an effect is about this change; of numbers, one in the range of the change."""
        before, ends = self._as_is.get(effect.key), (effect.reference, effect.level)
        if not isinstance(self._sweep.dimensions.get(effect.key), Interval):
            return label_of(value) in map(label_of, ends)
        if not all(map(is_number, (before, value, *ends))):
            return before is None
        return bool(max(min(ends), min(before, value)) < min(max(ends), max(before, value)))

    def _effect(self, effect: Effect) -> str:
        name = self._names.get(effect.key, effect.key)
        span = f"{effect.estimate:+.2g} ({effect.low:+.2g} to {effect.high:+.2g})"
        worked = "worked" if effect.low > 0 else "did not work"
        return f"{name} {text(effect.level)} instead of {text(effect.reference)}: {worked}, {span}"

    def data(self, trial: TrialRecord) -> str:
        """Name the data and the share of its training part."""
        name = self._name(trial, "data")
        share = self.value(trial, "data.fraction")
        is_share = is_number(share) and share != 1
        return f"{name}, {text(share * 100)} %" if is_share else name

    def choice(self, group: str, shown: Sequence[str] | None) -> Callable[[TrialRecord], str]:
        """Return what names a group's choice, with its arguments.

        Args:
            shown: which of the arguments, beside those that are swept; None: all.
        """
        return partial(self._choice, group, shown)

    def _choice(self, group: str, shown: Sequence[str] | None, trial: TrialRecord) -> str:
        given = self.value(trial, group)
        if isinstance(given, str):  # the name of the choice
            given = self._sweep.trial_config(trial.id).get(group)
        arguments = dict(given) if isinstance(given, Mapping) else {}
        arguments |= {
            key.removeprefix(f"{group}."): value
            for key, value in trial.params.items()
            if key.startswith(f"{group}.")
        }
        told = [
            f"{key} {text(value)}"
            for key, value in arguments.items()
            if not key.startswith("_")
            and key not in _TECHNICAL
            and value is not None
            and (
                f"{group}.{key}" in self._sweep.dimensions
                or ((shown is None or key in shown) and (key, value) not in _USUAL)
            )
            and not (key == "epochs" and value == self.value(trial, "epochs"))
        ]
        name = self._name(trial, group)
        return f"{name} ({', '.join(told)})" if told else name

    def _name(self, trial: TrialRecord, group: str) -> str:
        """Name the choice of a group, as a command line has it, else by what is built."""
        if isinstance(given := trial.params.get(group), str):
            return _line(given)
        if group in self._sweep.choices:
            return _line(str(self._sweep.choices[group]))
        return _built(self._config(trial, group), group)

    def _configured(self, key: str) -> Any:
        """Return what the configuration has under a swept key, before anything is swept."""
        try:
            value = value_at(self._sweep.config, key)
        except KeyError:
            return None
        if isinstance(value, Mapping) and "_target_" in value:
            return self._sweep.choices.get(key) or _built(self._sweep.config, key)
        return value

    def layers(self, trial: TrialRecord) -> str:
        """List the widths of the hidden layers; a model of one's own is named."""
        model = self.value(trial, "model")
        if isinstance(model, str):
            model = self._sweep.trial_config(trial.id).get("model")
        given: dict[str, Any] = dict(model) if isinstance(model, Mapping) else {}
        for key, value in trial.params.items():
            if key.startswith("model.") and key.count(".") == 1:
                given[key.removeprefix("model.")] = value
        try:
            return _layers(str(given.get("_target_", "")).rpartition(".")[2], given)
        except (ConfigError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            return self._name(trial, "model")

    def dropout(self, trial: TrialRecord) -> Any:
        """Return the dropout; a list of them, where layers have each their own."""
        layers = self.value(trial, "model.layers")
        if not isinstance(layers, list):
            return cell(self.value(trial, "model.dropout"))
        found = [layer.get("dropout") for layer in layers if isinstance(layer, Mapping)]
        return ", ".join(map(text, found))

    def epochs(self, trial: TrialRecord) -> int | str:
        """Count the epochs that were trained, of those that were asked for."""
        asked = self.value(trial, "epochs")
        trained = trial.last_epoch
        return trained if asked == trained else f"{trained} of {text(asked)}"

    def others(self, trial: TrialRecord) -> str:
        """List what else is swept, and has no cell of its own."""
        names = {
            key: value
            for key, value in trial.params.items()
            if key not in _SHOWN
            and not key.startswith(_PARTS)
            and key.removeprefix("model.") not in _SHOWN_OF_MODEL
        }
        if trial.source is not None and trial.source.seed is not None:
            names[SEED] = trial.source.seed
        return ", ".join(f"{self._names.get(k, k)} {text(v)}" for k, v in names.items())


def _built(config: Mapping[str, Any], group: str) -> str:
    """Name what a group builds: `torch.nn.GELU` is gelu, `trainers.data.mnist.load` mnist."""
    node = config.get(group)
    target = str(node.get("_target_", "")) if isinstance(node, Mapping) else ""
    return _line(target.removesuffix(".load").rpartition(".")[2].lower())


def _layers(kind: str, model: Mapping[str, Any]) -> str:
    """List the widths of a model of ours; of another, or a misbuilt one, any error is raised."""
    if max(int(model.get(key) or 0) for key in ("depth", "blocks")) > _MOST_LAYERS:
        raise ValueError(kind)
    if kind == "MLP":
        widths = model.get("widths") or widths_of(model["shape"], model["width"], model["depth"])
        return _listed(widths)
    if kind == "LayeredMLP":
        layers = model["layers"]
        depth = model.get("depth")
        return _listed([layer["width"] for layer in layers[:depth]])
    if kind == "ResidualMLP":
        return f"{_listed([model['width']] * 2 * model['blocks'])} residual"
    if kind == "DenseMLP":
        return f"{_listed([model['width']] * model['depth'])} dense"
    if kind == "CNN":
        channels = [int(model["channels"]) * 2**block for block in range(model["depth"])]
        return f"{_listed(channels)} channels, {text(model['width'])}"
    raise KeyError(kind)


def _listed(widths: Sequence[Any]) -> str:
    return ", ".join(map(text, widths))


def text(value: Any) -> str:
    """Write a value short, and texts without the quotes of a command line."""
    if isinstance(value, str):
        return _line(value)
    exact = isinstance(value, float) and f"{value:g}"
    return exact if exact and float(exact) == value else number(value)


def cell(value: Any) -> Any:
    """Return a value as a cell holds it: a finite number, a text, or None for nothing."""
    return value if value is None or is_number(value) else text(value)


def is_number(value: Any) -> bool:
    """Whether a cell can hold it as a number, as a spreadsheet has them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _LARGEST  # False for nan too


#: The same few texts come in thousands of trials.
_line = lru_cache(maxsize=10_000)(one_line)
