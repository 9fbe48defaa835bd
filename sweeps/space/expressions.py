"""Parse and evaluate expressions over configuration keys, for `when:` and `require:`.

    model.width >= model.bottleneck              comparisons, chained too: 1 < model.depth <= 4
    parameters / 1e6 <= 20 and not norm == "none"    arithmetic; and, or, not
    optimizer in ["adam", "sgd"]                 lists, numbers, strings, null, true, false
    max(model.widths) <= 2 * model.widths.0      abs, min, max, log10; an element of a list

Python's own parser reads them; its syntax tree is checked against a list of allowed nodes and
evaluated here. No code is ever run.
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

#: Levels of nesting; nobody writes as many, and each is a recursive call.
_DEEPEST = 50

_CONSTANTS = {"null": None, "true": True, "false": False}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats: 9**9**9 is out of range at once, not after an hour
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
#: What a value is, in words, for which a comparison with a bound is false.
_MISSED: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "not under",
    ast.LtE: "over",
    ast.Gt: "not over",
    ast.GtE: "under",
}
_TURNED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
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
    """Raised where an expression is not allowed, or cannot be evaluated for its values."""


@dataclass(frozen=True)
class Expression:
    """Represents a condition that is true or false of a configuration.

    Attributes:
        origin: the key that holds the expression, for messages: "require", "when.model.width".
        text: the expression as the user wrote it.
        names: the dotted keys in the expression, in the order of their first appearance.
    """

    origin: str
    text: str
    names: tuple[str, ...]
    _source: str
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str, origin: str) -> Expression:
        """Parse an expression.

        Raises:
            ConfigError: the text is no expression, or contains something that is not allowed.
        """
        source = _bracketed(re.sub(r"[\r\n]+", " ", str(text)).strip())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about backslashes in strings
                tree = ast.parse(source, mode="eval").body
            names = [name for _, name in _names(tree, 0)]
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = "" if isinstance(error, SyntaxError) else f" ({error})"
            raise ConfigError(
                f'{origin} "{text}" is not an expression{reason}: write keys and values with '
                "<, <=, ==, in, and, or, not, as in model.width >= 64"
            ) from None
        except _UnfitError as error:
            raise ConfigError(
                f'{origin} "{text}": {error}; allowed are keys, numbers, "text", null, true, '
                "false, lists, comparisons, arithmetic, in, and, or, not, "
                f"{', '.join(sorted(_FUNCTIONS))}"
            ) from None
        return cls(origin, str(text), tuple(dict.fromkeys(names)), source, tree)

    def __str__(self) -> str:
        return f'{self.origin} "{self.text}"'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether the expression is true.

        Args:
            values: the value of each of its names.

        Raises:
            ConfigError: the expression cannot be evaluated for these values (text < 1, 1 / 0), or
                its result is neither true nor false, but a number, say.
        """
        try:
            return _truth(_evaluate(self._tree, values))
        except (_UnfitError, ArithmeticError, ValueError) as error:
            raise ConfigError(
                f"{self}: {self.substituted(values)} has no answer ({error}); write a condition "
                "that is true or false, such as model.width >= 64"
            ) from None

    def substituted(self, values: Mapping[str, Any]) -> str:
        """Return the text with values instead of the names: "32 >= 64"."""
        source = self._source.encode()  # offsets of a syntax tree count bytes
        places = sorted(_names(self._tree, 0), key=lambda n: n[0].col_offset, reverse=True)
        for node, name in places:
            if name in values:
                value = _literal(values[name]).encode()
                source = source[: node.col_offset] + value + source[node.end_col_offset :]
        return source.decode()

    def missed(self, name: str, values: Mapping[str, Any]) -> str:
        """Say which bound a value misses, "over 3,000"; "" if this is no comparison of it alone."""
        tree = self._tree
        if not isinstance(tree, ast.Compare) or len(tree.ops) > 1:
            return ""
        left, right, words = tree.left, tree.comparators[0], _MISSED.get(type(tree.ops[0]))
        if _name(left) != name:  # 3000 >= parameters
            left, right, words = right, left, _MISSED.get(_TURNED.get(type(tree.ops[0]), ast.Eq))
        if _name(left) != name or words is None or name in (n for _, n in _names(right, 0)):
            return ""
        value = _evaluate(right, values)
        return f"{words} {value:,}" if isinstance(value, int | float) else ""

    def bound(self, values: Mapping[str, Any]) -> Expression:
        """Return the expression with some of its names replaced by values for good."""
        return Expression.parse(self.substituted(values), self.origin)


def _bracketed(text: str) -> str:
    """Rewrite `widths.1`, a configuration's name of a list element, as Python's `widths[1]`."""
    pieces = _TEXT.split(text)
    pieces[::2] = [
        _DOTTED.sub(lambda m: re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", m[0]), piece)
        for piece in pieces[::2]
    ]
    return "".join(pieces)


def _literal(value: Any) -> str:
    """Format a value as an expression has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ("-1e999" if value < 0 else "1e999")
    return json.dumps(value, ensure_ascii=False)


def _name(node: ast.expr) -> str | None:
    """Return the dotted key that a node is; None if the node is something else."""
    if isinstance(node, ast.Name):
        return None if node.id in _CONSTANTS else node.id
    if isinstance(node, ast.Attribute):
        parent = _name(node.value)
        return None if parent is None else f"{parent}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        parent = _name(node.value)
        index = node.slice.value
        return f"{parent}.{index}" if parent is not None and type(index) is int else None
    return None


def _names(node: ast.expr, depth: int) -> Iterator[tuple[ast.expr, str]]:
    """Yield each key with its node, and check that every part of the expression is allowed."""
    if depth > _DEEPEST:
        raise _UnfitError("it is nested too deeply")
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
    elif isinstance(node, ast.Name):  # null, true or false
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


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    name = _name(node)
    if name is not None:
        return values[name]
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id]
    parts = (_evaluate(part, values) for part in _parts(node))
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
    if node.func.id in ("min", "max") and len(arguments) == 1:  # max([1, 2])
        (arguments,) = arguments if isinstance(arguments[0], list) else (arguments,)
    elif node.func.id in ("abs", "log10") and len(arguments) > 1:
        raise _UnfitError(f"{node.func.id} takes one number")
    return _FUNCTIONS[node.func.id]([_number(argument) for argument in arguments])


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(op, ast.Eq | ast.NotEq):
        return bool((left == right) is isinstance(op, ast.Eq))
    if isinstance(op, ast.In | ast.NotIn):
        if not isinstance(right, list):
            raise _UnfitError(f"{_literal(right)} is not a list")
        return (left in right) is isinstance(op, ast.In)
    if not (isinstance(left, str) and isinstance(right, str)):
        left, right = _number(left), _number(right)
    return _ORDER[type(op)](left, right)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError(f"{_literal(value)} is neither true nor false")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnfitError(f"{_literal(value)} is not a number")
    return value


def _finite(value: Any) -> Any:
    if not math.isfinite(value):
        raise _UnfitError("a number gets too large")
    return value
