"""Expressions over the keys of a configuration, for `when:` and `require:`.

    model.width >= model.bottleneck              comparisons, chained too: 1 < model.depth <= 4
    parameters / 1e6 <= 20 and not norm == "none"    arithmetic; and, or, not
    optimizer in ["adam", "sgd"]                 lists, numbers, strings, null, true, false
    max(model.widths) <= 2 * model.widths.0      abs, min, max, log10; an element of a list

Python's own parser reads them; what it read is checked against a list of what is allowed and
worked out here. No code is ever run.
"""

from __future__ import annotations

import ast
import json
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainers.errors import ConfigError

#: Parts within parts; nobody writes as many, and each is a call within a call.
_DEEPEST = 50

_CONSTANTS = {"null": None, "true": True, "false": False}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats: 9**9**9 is too large, and not an hour's work
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Mapping[str, Callable[[list[Any]], Any]] = {
    "abs": lambda numbers: abs(*numbers),
    "log10": lambda numbers: math.log10(*numbers),
    "min": min,
    "max": max,
}
_TEXT = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""")
_DOTTED = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)+")


class _UnfitError(Exception):
    """Values that an expression has no answer for."""


@dataclass(frozen=True)
class Expression:
    """What is true or false of a configuration.

    Attributes:
        where: whose it is, for messages: "require", "when.model.width".
        text: as the person wrote it.
        names: the dotted keys in it, in the order of their first appearance.
    """

    where: str
    text: str
    names: tuple[str, ...]
    _source: str
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str, where: str) -> Expression:
        """Read an expression.

        Raises:
            ConfigError: it is not one, or has something in it that is not allowed.
        """
        source = _bracketed(re.sub(r"[\r\n]+", " ", str(text)).strip())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of backslashes in texts
                tree = ast.parse(source, mode="eval").body
            names = [name for _, name in _names(tree, 0)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = "" if isinstance(error, SyntaxError) else f" ({error})"
            raise ConfigError(
                f'{where} "{text}" is not an expression{reason}: write keys and values with '
                "<, <=, ==, in, and, or, not, as in model.width >= 64"
            ) from None
        except _UnfitError as error:
            raise ConfigError(
                f'{where} "{text}": {error}; allowed are keys, numbers, "text", null, true, false, '
                f"lists, comparisons, arithmetic, in, and, or, not, {', '.join(sorted(_FUNCTIONS))}"
            ) from None
        return cls(where, str(text), tuple(dict.fromkeys(names)), source, tree)

    def __str__(self) -> str:
        return f'{self.where} "{self.text}"'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true.

        Args:
            values: of all its names.

        Raises:
            ConfigError: it makes no sense of these values (text < 1, 1 / 0), or is not a
                question, but a number, say.
        """
        try:
            return _truth(_worked_out(self._tree, values))
        except (_UnfitError, ArithmeticError, ValueError) as error:
            told = self.told(values)
            raise ConfigError(
                f"{self}: {told} has no answer ({error}); say when it is true, as in "
                "model.width >= 64"
            ) from None

    def told(self, values: Mapping[str, Any]) -> str:
        """Itself with values in the place of its names: "32 >= 64"."""
        told = self._source.encode()
        places = sorted(_names(self._tree, 0), key=lambda n: n[0].col_offset, reverse=True)
        for node, name in places:
            if name in values:
                value = _written(values[name]).encode()
                told = told[: node.col_offset] + value + told[node.end_col_offset :]
        return told.decode()

    def bound(self, values: Mapping[str, Any]) -> Expression:
        """Itself with some of its names fixed for good."""
        return Expression.parse(self.told(values), self.where)


def _bracketed(text: str) -> str:
    """`widths.1`, as elements are named in the rest of a configuration, in Python's grammar."""
    pieces = _TEXT.split(text)
    pieces[::2] = [
        _DOTTED.sub(lambda m: re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", m[0]), piece)
        for piece in pieces[::2]
    ]
    return "".join(pieces)


def _written(value: Any) -> str:
    """A value as an expression has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ("-1e999" if value < 0 else "1e999")
    return json.dumps(value, ensure_ascii=False)


def _name(node: ast.expr) -> str | None:
    """The dotted key that this is, if it is one."""
    if isinstance(node, ast.Name):
        return None if node.id in _CONSTANTS else node.id
    if isinstance(node, ast.Attribute):
        above = _name(node.value)
        return None if above is None else f"{above}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        above = _name(node.value)
        index = node.slice.value
        return f"{above}.{index}" if above is not None and type(index) is int else None
    return None


def _names(node: ast.expr, depth: int) -> Iterator[tuple[ast.expr, str]]:
    """Each key in an expression with its place, every part of it having been seen to be allowed."""
    if depth > _DEEPEST:
        raise _UnfitError("it has too many parts within parts")
    name = _name(node)
    if name is not None:
        if name in _FUNCTIONS:
            raise _UnfitError(f"{name} needs arguments: {name}(…)")
        yield node, name
        return
    for part in _parts(node):
        yield from _names(part, depth + 1)


def _parts(node: ast.expr) -> Sequence[ast.expr]:
    if isinstance(node, ast.Constant):
        if node.value is None or isinstance(node.value, bool | int | float | str):
            return ()
    elif isinstance(node, ast.Name):  # of a constant
        return ()
    elif isinstance(node, ast.List | ast.Tuple):
        return node.elts
    elif isinstance(node, ast.BoolOp):
        return node.values
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
            return (node.operand,)
    elif isinstance(node, ast.BinOp):
        if type(node.op) in _ARITHMETIC:
            return (node.left, node.right)
    elif isinstance(node, ast.Compare):
        if not any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            return (node.left, *node.comparators)
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _FUNCTIONS
        and node.args
        and not node.keywords
    ):
        return node.args
    raise _UnfitError(f"{ast.unparse(node)} is not allowed")


def _worked_out(node: ast.expr, values: Mapping[str, Any]) -> Any:
    name = _name(node)
    if name is not None:
        return values[name]
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id]
    parts = (_worked_out(part, values) for part in _parts(node))
    if isinstance(node, ast.List | ast.Tuple):
        return list(parts)
    if isinstance(node, ast.BoolOp):
        either = isinstance(node.op, ast.Or)
        return next((either for part in parts if _truth(part) is either), not either)
    if isinstance(node, ast.Compare):
        left = next(parts)
        for op, right in zip(node.ops, parts, strict=True):
            if not _compared(op, left, right):
                return False
            left = right
        return True
    if isinstance(node, ast.UnaryOp):
        (part,) = parts
        if isinstance(node.op, ast.Not):
            return not _truth(part)
        return -_number(part) if isinstance(node.op, ast.USub) else _number(part)
    if isinstance(node, ast.BinOp):
        return _finite(_ARITHMETIC[type(node.op)](*map(_number, parts)))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    arguments = list(parts)
    if node.func.id in ("min", "max") and len(arguments) == 1:  # of a list
        (arguments,) = arguments if isinstance(arguments[0], list) else (arguments,)
    elif node.func.id in ("abs", "log10") and len(arguments) > 1:
        raise _UnfitError(f"{node.func.id} takes one number")
    return _FUNCTIONS[node.func.id]([_number(argument) for argument in arguments])


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(op, ast.Eq | ast.NotEq):
        return bool((left == right) is isinstance(op, ast.Eq))
    if isinstance(op, ast.In | ast.NotIn):
        if not isinstance(right, list):
            raise _UnfitError(f"{_written(right)} is not a list")
        return (left in right) is isinstance(op, ast.In)
    if not (isinstance(left, str) and isinstance(right, str)):
        left, right = _number(left), _number(right)
    return _ORDER[type(op)](left, right)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError(f"{_written(value)} is neither true nor false")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnfitError(f"{_written(value)} is not a number")
    return value


def _finite(value: Any) -> Any:
    if not math.isfinite(value):
        raise _UnfitError("a number gets too large")
    return value
