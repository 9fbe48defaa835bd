"""Refuse infeasible trials before they train: `require:` and `model.max_parameters`.

A trial is judged before it takes a slot. One that is refused costs no budget, and is shown to the
search as infeasible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeps.config.composition import Composition
from sweeps.config.keys import plain, value_at
from sweeps.space.expressions import Expression
from sweeps.space.space import Space
from trainers.config import TrainConfig
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: The name that stands for the number of the model's parameters in an expression.
PARAMETERS = "parameters"
#: Proposals in a row that cannot be trained, after which the space is taken to have no other.
#: Each takes 50 to 100 ms; where one in fifty can be trained, 2 in 100 runs of so many have none.
MOST_INFEASIBLE = 200

_LARGEST = "model.max_parameters"
UNBUILT = "a model that can be built"


@dataclass(frozen=True)
class Refusal:
    """Raised when a trial is not to be trained, with the reason.

    Attributes:
        rule: what the trial does not meet, as written for all trials: 'require "a >= b"'.
        reason: the same with the values of this trial.
    """

    rule: str
    reason: str


@dataclass(frozen=True)
class Constraints:
    """Describes the conditions that every trial of a sweep must meet.

    Attributes:
        require: expressions that must be true of a trial's configuration. A dotted key stands for
            its resolved value, a config group for the name of its choice, and `parameters` for
            the number of the model's parameters. An expression with a key that the trial's
            choices do not have is met.
    """

    composition: Composition
    require: tuple[Expression, ...] = ()

    def judge(
        self, params: Mapping[str, Any], config: Mapping[str, Any], training: TrainConfig
    ) -> tuple[Refusal, ...]:
        """Judge a trial: return the rules that it does not meet, empty if it may be trained.

        Args:
            params: swept key -> value.
            config: the trial's configuration, in plain containers.
            training: the same, typed.
        """
        needed = any(PARAMETERS in expression.names for expression in self.require)
        largest = training.model.get("max_parameters")
        count: dict[str, int] = {}
        if needed or largest is not None:
            try:
                count = {PARAMETERS: _parameters(training)}
            except ConfigError as error:
                return (Refusal(UNBUILT, str(error)),)
        refusals = []
        if largest is not None and count[PARAMETERS] > largest:
            text = f"{count[PARAMETERS]:,} parameters, over {largest:,} ({_LARGEST})"
            refusals.append(Refusal(_LARGEST, text))
        for expression in self.require:
            values = self._values(expression, params, config, count)
            if values is None:
                continue
            try:
                met = expression.holds(values)
            except ConfigError as error:
                refusals.append(Refusal(str(expression), str(error)))
                continue
            if not met:
                refusals.append(Refusal(str(expression), _unmet(expression, values)))
        return tuple(refusals)

    def check(self, space: Space) -> None:
        """Check before the first trial that the expressions can be evaluated, and met.

        Raises:
            ConfigError: a name that no configuration has or that is a section, or an expression
                that cannot be evaluated, or is false, for all values of the space.
        """
        for expression in self.require:
            for name in expression.names:
                if name != PARAMETERS and not self.composition.knows(space, name):
                    keys = [*self.composition.keys(space), PARAMETERS]
                    raise ConfigError(unknown("key", f"{expression}: {name}", name, keys))
            samples = list(self._samples(expression, space))
            for values in samples:
                sections = [name for name, value in values.items() if isinstance(value, dict)]
                if sections:
                    raise ConfigError(
                        f"{expression}: {sections[0]} is a section; name one of its keys"
                    )
            if PARAMETERS not in expression.names:
                _refuse_hopeless(expression, samples)

    def _samples(self, expression: Expression, space: Space) -> Iterator[dict[str, Any]]:
        """List an expression's values as each swept key takes its values, one by one."""
        for params in self.composition.examples(space):
            config = plain(self.composition.trial(params))
            # Any number will do for the parameters: no model is built yet.
            values = self._values(expression, params, config, {PARAMETERS: 1})
            if values is not None:
                yield values

    def _values(
        self,
        expression: Expression,
        params: Mapping[str, Any],
        config: Mapping[str, Any],
        count: Mapping[str, int],
    ) -> dict[str, Any] | None:
        """Return the values of an expression's names; None if the configuration lacks one."""
        values: dict[str, Any] = {}
        for name in expression.names:
            if name == PARAMETERS:
                values[name] = count[name]
            elif self.composition.options(name):
                values[name] = params.get(name, self.composition.choice(name))
            else:
                try:
                    values[name] = value_at(config, name)
                except KeyError:
                    return None
        return values


@dataclass
class Refused:
    """Count the proposals that were refused in a row, and by which rules."""

    count: int = 0
    _last: str = ""
    _rules: Counter[str] = field(default_factory=Counter)

    def add(self, refusals: Sequence[Refusal]) -> None:
        """Count a refused proposal."""
        self.count += 1
        self._last = refusals[0].reason
        self._rules.update(dict.fromkeys((refusal.rule for refusal in refusals), 1))

    def clear(self) -> None:
        """Start again from 0: a proposal was accepted."""
        self.count = 0
        self._rules.clear()

    def message(self) -> str:
        """Tell the share of the proposals that each rule refused; several may refuse one."""
        shares = ", ".join(
            f"{count / self.count:.0%} by {rule}" for rule, count in self._rules.most_common()
        )
        return (
            f"none of {self.count} proposals in a row could be trained, refused {shares} (the "
            f"last: {self._last}): narrow the space, or require less"
        )


def _refuse_hopeless(expression: Expression, samples: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an expression without an answer for any sample, or false where all are equal."""
    errors = []
    for values in samples:
        try:
            met = expression.holds(values)
        except ConfigError as error:
            errors.append(error)
            continue
        if not met and all(other == samples[0] for other in samples):
            raise ConfigError(
                f"{expression} is false, and nothing that varies changes it{_named(values)}; "
                "change this, or take it out"
            )
    if errors and len(errors) == len(samples):
        raise errors[0]


def _unmet(expression: Expression, values: Mapping[str, Any]) -> str:
    """Say by which values an expression is false: the expression filled in would read as true."""
    if missed := expression.missed(PARAMETERS, values):
        return f"{values[PARAMETERS]:,} {PARAMETERS}, {missed} ({expression})"
    return f"{expression} is not met{_named(values)}"


def _named(values: Mapping[str, Any]) -> str:
    """List values by their names: ": model.width is 16, 9,226 parameters"."""
    told = [
        f"{value:,} {PARAMETERS}" if name == PARAMETERS else f"{name} is {written(value)}"
        for name, value in values.items()
    ]
    return f": {', '.join(told)}" if told else ""


def _parameters(training: TrainConfig) -> int:
    from trainers.build import parameters
    from trainers.data.resident import load

    dataset = load(training.data)
    return parameters(training, dataset.input_shape, dataset.outputs)
