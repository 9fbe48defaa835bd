"""What a trial must meet to be trained at all: `require:` and `model.max_parameters`.

Judged before a trial takes a slot. What is refused costs no budget, and the search is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeps.config.composition import Composition
from sweeps.config.keys import plain, value_at
from sweeps.nearest_names import unknown
from sweeps.space.expressions import Expression
from sweeps.space.space import Space
from trainers.config import TrainConfig
from trainers.errors import ConfigError

#: The name, in an expression, of the number of the model's parameters.
PARAMETERS = "parameters"
#: Proposals in a row that cannot be trained, after which the space is taken to have no other.
#: Each takes 50 to 100 ms; where one in fifty can be trained, 2 in 100 runs of so many have none.
MOST_INFEASIBLE = 200

_LARGEST = "model.max_parameters"
_UNBUILT = "a model that can be built"


@dataclass(frozen=True)
class Refusal:
    """Why a trial is not to be trained.

    Attributes:
        rule: what it does not meet, as all trials are told it: 'require "a >= b"'.
        reason: the same of this trial, with its values.
    """

    rule: str
    reason: str


@dataclass(frozen=True)
class Constraints:
    """What every trial of a sweep must meet.

    Attributes:
        require: what must be true of its configuration. Names are dotted keys, and have their
            resolved values; a config group's has the name of its choice; and `parameters` is the
            number of the model's. Where a trial's choices do not have a key, what is required
            of it is met.
    """

    composition: Composition
    require: tuple[Expression, ...] = ()

    def judge(
        self, params: Mapping[str, Any], config: Mapping[str, Any], training: TrainConfig
    ) -> tuple[Refusal, ...]:
        """All that a trial does not meet; nothing if it is to be trained.

        Args:
            params: swept key -> value.
            config: the trial's configuration, composed of them, plain containers.
            training: the same, typed.
        """
        needed = any(PARAMETERS in expression.names for expression in self.require)
        largest = training.model.get("max_parameters")
        count: dict[str, int] = {}
        if needed or largest is not None:
            try:
                count = {PARAMETERS: _parameters(training)}
            except ConfigError as error:
                return (Refusal(_UNBUILT, str(error)),)
        found = []
        if largest is not None and count[PARAMETERS] > largest:
            text = f"{count[PARAMETERS]:,} parameters, more than {_LARGEST}={largest}"
            found.append(Refusal(_LARGEST, text))
        for expression in self.require:
            values = self._values(expression, params, config, count)
            if values is None:
                continue
            try:
                met = expression.holds(values)
            except ConfigError as error:
                found.append(Refusal(str(expression), str(error)))
                continue
            if not met:
                reason = f"{expression}: {expression.substituted(values)}"
                found.append(Refusal(str(expression), reason))
        return tuple(found)

    def check(self, space: Space) -> None:
        """See, before the first trial, that the expressions make sense, and can be met.

        Raises:
            ConfigError: a name that no configuration has, one that is a section, an expression
                that has no answer for any of the values, or one that is false whatever is drawn.
        """
        for expression in self.require:
            for name in expression.names:
                if name != PARAMETERS and not self.composition.knows(space, name):
                    keys = [*self.composition.keys(space), PARAMETERS]
                    raise ConfigError(unknown("key", f"{expression}: {name}", name, keys))
            seen = list(self._seen(expression, space))
            for values in seen:
                sections = [name for name, value in values.items() if isinstance(value, dict)]
                if sections:
                    raise ConfigError(
                        f"{expression}: {sections[0]} is a section; name one of its keys"
                    )
            if PARAMETERS not in expression.names:
                _refuse_hopeless(expression, seen)

    def _seen(self, expression: Expression, space: Space) -> Iterator[dict[str, Any]]:
        """The values of its names, as each swept key is given its values, one key at a time."""
        for params in self.composition.examples(space):
            config = plain(self.composition.trial(params))
            # Any number will do for the parameters: the model is not looked at yet.
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
        """The values of its names; None when the configuration lacks one."""
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
    """The proposals that were refused since the last that was not."""

    count: int = 0
    _last: str = ""
    _rules: Counter[str] = field(default_factory=Counter)

    def add(self, refusals: Sequence[Refusal]) -> None:
        """Another."""
        self.count += 1
        self._last = refusals[0].reason
        self._rules.update(dict.fromkeys((refusal.rule for refusal in refusals), 1))

    def clear(self) -> None:
        """One was not refused."""
        self.count = 0
        self._rules.clear()

    def told(self) -> str:
        """The share of them that each rule refused; one may be refused by several."""
        shares = ", ".join(
            f"{count / self.count:.0%} by {rule}" for rule, count in self._rules.most_common()
        )
        return (
            f"none of {self.count} proposals in a row could be trained, refused {shares} (the "
            f"last: {self._last}): narrow the space, or require less"
        )


def _refuse_hopeless(expression: Expression, seen: Sequence[Mapping[str, Any]]) -> None:
    """Refuse one with no answer for any of these values, or false where they are all the same."""
    errors = []
    for values in seen:
        try:
            met = expression.holds(values)
        except ConfigError as error:
            errors.append(error)
            continue
        if not met and all(other == seen[0] for other in seen):
            raise ConfigError(
                f"{expression} is false, and nothing that varies changes it: "
                f"{expression.substituted(values)}; change these values, or take it out"
            )
    if errors and len(errors) == len(seen):
        raise errors[0]


def _parameters(training: TrainConfig) -> int:
    from trainers.build import parameters
    from trainers.data.resident import load

    dataset = load(training.data)
    return parameters(training, dataset.input_shape, len(dataset.classes))
