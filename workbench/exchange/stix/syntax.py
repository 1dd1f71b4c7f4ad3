"""STIX patterns (STIX 2.1 section 9) as a tree of plain values.

The grammar is OASIS's own (``stix2-patterns``). The tree that ``stix2`` builds from it is not used: it
drops NOT from all comparisons but ``=`` and merges AND into OR groups.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

__all__ = [
    "AllOf",
    "AnyOf",
    "Comparison",
    "Expression",
    "Joined",
    "Node",
    "Observation",
    "Path",
    "PatternError",
    "Qualified",
    "Scalar",
    "parse_pattern",
]

MAX_LENGTH = 1 << 20
MAX_DEPTH = 64
MAX_REPEATS = 1_000_000

Scalar = str | int | float | bool | bytes | datetime
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", "EXISTS"]  # fmt: skip


class PatternError(ValueError):
    """A pattern cannot be used: says which part of it, why, and what to write instead where that is known."""


@dataclass(frozen=True, slots=True)
class Path:
    """An object path: ``network-traffic:protocols[*]``. A step is a key, a list index, or ``None`` for ``[*]``."""

    type: str
    steps: tuple[str | int | None, ...]

    def __str__(self) -> str:
        text = f"{self.type}:"
        for number, step in enumerate(self.steps):
            if step is None or isinstance(step, int):
                text += f"[{'*' if step is None else step}]"
            else:
                name = step if re.fullmatch(r"[A-Za-z_]\w*", step, re.ASCII) else f"'{step}'"
                text += name if number == 0 else f".{name}"
        return text


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test of one path. ``value`` is a tuple for IN, ``None`` for EXISTS."""

    path: Path
    operator: Operator
    negated: bool
    value: Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Comparisons joined by AND: true of one and the same object."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Comparisons joined by OR."""

    operands: tuple[Expression, ...]


Expression = Comparison | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Observation:
    """``[…]``: true of one observation, here one row."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Joined:
    """Two or more observation expressions joined by AND, OR or FOLLOWEDBY."""

    operator: Literal["AND", "OR", "FOLLOWEDBY"]
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Qualified:
    """An observation expression with a qualifier; exactly one of the three is set.

    ``between`` is START (inclusive) and STOP (exclusive), in UTC.
    """

    node: Node
    within: timedelta | None = None
    repeats: int | None = None
    between: tuple[datetime, datetime] | None = None


Node = Observation | Joined | Qualified

_TIMESTAMP = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z"
_OLD_START_STOP = re.compile(rf"START\s*('{_TIMESTAMP}')\s*STOP\s*('{_TIMESTAMP}')")
_SIMPLE = re.compile(
    r"\[ ?(ipv4-addr|ipv6-addr|domain-name|url|network-traffic):((?:value|src_ref\.value|dst_ref\.value)) ?(=|ISSUBSET) ?'([^'\\\r\n]{1,2000})' ?\]",
    re.ASCII,
)
"""Nine patterns of ten in feeds: what the grammar would make of them, a hundred times faster."""
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)


def parse_pattern(text: str) -> Node:
    """The tree of a STIX 2.1 pattern; the string timestamps of START/STOP in STIX 2.0 are understood.

    Raises:
        PatternError: no valid pattern, or one longer than 1 MiB or nested deeper than 64 levels.
    """
    if simple := _SIMPLE.fullmatch(text):
        kind, steps, operator, value = simple.groups()
        path = Path(kind, tuple(steps.split(".")))
        return Observation(Comparison(path, operator, False, value))  # type: ignore[arg-type]
    if len(text) > MAX_LENGTH:
        raise PatternError(f"the pattern has {len(text)} characters; at most {MAX_LENGTH} are taken")
    _check_depth(text)
    try:
        return _parse(text)
    except PatternError:
        rewritten = _OLD_START_STOP.sub(r"START t\1 STOP t\2", text)
        if rewritten == text:
            raise
        return _parse(rewritten)


def _check_depth(text: str) -> None:
    depth = deepest = 0
    for char in _LITERAL.sub("", text):
        if char in "([":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise PatternError(f"the pattern is nested {deepest} levels deep; at most {MAX_DEPTH} are taken")


def _parse(text: str) -> Node:
    from stix2patterns.exceptions import ParseException
    from stix2patterns.v21.pattern import Pattern

    try:
        return Pattern(text).visit(_Builder())  # type: ignore[no-any-return]
    except (ParseException, RecursionError) as error:
        raise PatternError(
            f"not a STIX pattern: {_plainly(str(error)) or 'nested too deep'}{_hint(text)}"
        ) from None


def _plainly(said: str) -> str:
    """The parser's message, ``line:column: …``, in words."""
    said = re.sub(r"'?<EOF>'?", "the end", said)
    said = re.sub(r"no viable alternative at input (.+)", r"\1 cannot stand here", said)
    return re.sub(r"mismatched input (.+) expecting (.+)", r"\1 where \2 is expected", said)


def _hint(text: str) -> str:
    return "" if text.lstrip().startswith(("[", "(")) else "; one looks like [ipv4-addr:value = '192.0.2.1']"


class _Builder:
    """Walks the parse tree. Chains of one operator are as long as their writer liked, so they are loops."""

    def visit(self, tree: Any) -> Node:
        return self._joined(tree.observationExpressions())

    def _joined(self, context: Any) -> Node:
        kind = type(context).__name__
        if kind not in _OPERAND:
            return self._observation(context)
        same, below, operator = _OPERAND[kind]
        rights: list[Any] = []
        while operands := getattr(context, same)():
            rights.append(operands[1])
            context = operands[0]
        first = self._joined(getattr(context, below)())
        if not rights:
            return first
        return Joined(operator, (first, *(self._joined(right) for right in reversed(rights))))  # type: ignore[arg-type]

    def _observation(self, context: Any) -> Node:
        qualifiers: list[Any] = []
        while (kind := type(context).__name__) not in _BRACKETS:
            qualifiers.append((kind, context))
            context = context.observationExpression()
        node: Node
        if kind == "ObservationExpressionSimpleContext":
            node = Observation(self._comparison(context.comparisonExpression()))
        else:
            node = self._joined(context.observationExpressions())
        for kind, qualified in reversed(qualifiers):
            node = self._qualified(kind, qualified, node)
        return node

    def _qualified(self, kind: str, context: Any, node: Node) -> Node:
        if kind == "ObservationExpressionRepeatedContext":
            count = _integer(context.repeatedQualifier().IntPosLiteral().getText())
            if not 1 <= count <= MAX_REPEATS:
                raise PatternError(f"REPEATS {count} TIMES: a count from 1 to {MAX_REPEATS} is wanted")
            return Qualified(node, repeats=count)
        if kind == "ObservationExpressionWithinContext":
            qualifier = context.withinQualifier()
            number = (qualifier.FloatPosLiteral() or qualifier.IntPosLiteral()).getText()
            try:
                seconds = timedelta(seconds=float(number))
            except OverflowError:
                raise PatternError(f"WITHIN {number} SECONDS: longer than time can be told") from None
            if seconds <= timedelta():
                raise PatternError(f"WITHIN {number} SECONDS: a positive number of seconds is wanted")
            return Qualified(node, within=seconds)
        start, stop = (_timestamp(t.getText()) for t in context.startStopQualifier().TimestampLiteral())
        return Qualified(node, between=(start, stop))

    def _comparison(self, context: Any) -> Expression:
        if type(context).__name__ == "ComparisonExpressionContext":
            same, below = "comparisonExpression", "comparisonExpressionAnd"
            make: type[AllOf | AnyOf] = AnyOf
        else:
            same, below, make = "comparisonExpressionAnd", "propTest", AllOf
        operands: list[Any] = []
        while pair := getattr(context, same)():
            operands.append(pair[1])
            context = pair[0]
        first = getattr(context, below)()
        inner = self._comparison(first) if below != "propTest" else self._test(first)
        if not operands:
            return inner
        return make((inner, *(self._comparison(o) for o in reversed(operands))))

    def _test(self, context: Any) -> Expression:
        kind = type(context).__name__
        if kind == "PropTestParenContext":
            return self._comparison(context.comparisonExpression())
        path = _path(context.objectPath())
        negated = context.NOT() is not None
        value: Any
        if kind == "PropTestExistsContext":
            return Comparison(path, "EXISTS", negated, None)
        if kind == "PropTestEqualContext":
            return Comparison(
                path, "=", negated != (context.NEQ() is not None), _literal(context.primitiveLiteral())
            )
        if kind == "PropTestOrderContext":
            sign: Any = (context.GT() or context.LT() or context.GE() or context.LE()).getText()
            return Comparison(path, sign, negated, _literal(context.orderableLiteral()))
        if kind == "PropTestSetContext":
            value = tuple(_literal(item) for item in context.setLiteral().primitiveLiteral())
            if len({_family(item) for item in value}) > 1:
                raise PatternError(
                    f"{path} IN {context.setLiteral().getText()[:80]}: the values are of different types"
                )
            return Comparison(path, "IN", negated, value)
        operator: Any = kind.removeprefix("PropTest").removesuffix("Context").upper()
        operator = "MATCHES" if operator == "REGEX" else operator
        return Comparison(path, operator, negated, _string(context.StringLiteral().getText()))


_BRACKETS = ("ObservationExpressionSimpleContext", "ObservationExpressionCompoundContext")
_OPERAND = {
    "ObservationExpressionsContext": ("observationExpressions", "observationExpressionOr", "FOLLOWEDBY"),
    "ObservationExpressionOrContext": ("observationExpressionOr", "observationExpressionAnd", "OR"),
    "ObservationExpressionAndContext": ("observationExpressionAnd", "observationExpression", "AND"),
}


def _family(value: Scalar) -> str:
    """Integers and floats compare with each other; nothing else does across types."""
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _path(context: Any) -> Path:
    first = context.firstPathComponent()
    steps: list[str | int | None] = [_key(first)]
    pending = [context.objectPathComponent()] if context.objectPathComponent() else []
    while pending:
        step = pending.pop()
        kind = type(step).__name__
        if kind == "PathStepContext":
            pending.extend(reversed(step.objectPathComponent()))
        elif kind == "IndexPathStepContext":
            number = step.IntPosLiteral() or step.IntNegLiteral()
            steps.append(None if number is None else _integer(number.getText()))
        else:
            steps.append(_key(step))
    return Path(context.objectType().getText(), tuple(steps))


def _key(context: Any) -> str:
    name = context.IdentifierWithoutHyphen()
    return str(name.getText()) if name else _string(context.StringLiteral().getText())


def _string(token: str) -> str:
    return re.sub(r"\\(['\\])", r"\1", token[1:-1])


def _timestamp(token: str) -> datetime:
    text = token[2:-1]
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise PatternError(f"{token}: no such time") from None
    return moment.replace(microsecond=int(fraction[:6].ljust(6, "0")) if fraction else 0)


def _integer(token: str) -> int:
    # Python refuses to read thousands of digits, in words of its own.
    value = int(token) if len(token) <= 64 else 2**64
    if not -(2**63) <= value < 2**63:
        raise PatternError(f"{token[:64]}: integers of more than 64 bits are not taken")
    return value


def _bytes(decode: Callable[[str], bytes]) -> Callable[[str], bytes]:
    def read(token: str) -> bytes:
        try:
            return decode(token[2:-1])
        except (binascii.Error, ValueError) as error:
            raise PatternError(f"{token[:80]}: {error}") from None

    return read


_READERS: dict[str, Callable[[str], Scalar]] = {
    "IntPosLiteral": _integer,
    "IntNegLiteral": _integer,
    "FloatPosLiteral": float,
    "FloatNegLiteral": float,
    "StringLiteral": _string,
    "BoolLiteral": lambda token: token == "true",  # noqa: S105
    "HexLiteral": _bytes(binascii.a2b_hex),
    "BinaryLiteral": _bytes(lambda text: base64.b64decode(text, validate=True)),
    "TimestampLiteral": _timestamp,
}


def _literal(context: Any) -> Scalar:
    from stix2patterns.v21.grammars.STIXPatternParser import STIXPatternParser

    while context.getChildCount():
        context = context.getChild(0)
    name = STIXPatternParser.symbolicNames[context.getSymbol().type]
    return _READERS[name](context.getText())
