"""
Regular expressions over digits as an automaton that is built as it is used.

Numbering plans are long alternatives that `re` tries one after the other for every
number. Here each is derived digit by digit (Brzozowski, "Derivatives of regular
expressions", 1964) once for each way that a number can begin, and looked up ever after.
"""

from __future__ import annotations

import re
from functools import cache, reduce
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ALL = 0b11_1111_1111
_TOKEN = re.compile(r"\\d|\[[^\]]*\]|\(\?:|\{[0-9]+(?:,[0-9]*)?\}|[0-9()|?*+.]")


class Node(NamedTuple):
    """One expression; `kind` says which of the other fields it uses."""

    kind: str  #: "none", "empty", "digit", "then", "or", "and" or "times"
    digits: int = 0  #: a bit for each digit
    parts: frozenset[Node] | tuple[Node, ...] = ()
    least: int = 0
    most: int | None = None


NONE: Final = Node("none")
EMPTY: Final = Node("empty")
A_DIGIT: Final = Node("digit", _ALL)
#: Any digits, or none.
ANYTHING: Final = Node("times", parts=(A_DIGIT,))


def either(parts: Iterable[Node]) -> Node:
    """What one of several expressions matches."""
    kept: set[Node] = set()
    for part in parts:
        kept.update(part.parts if part.kind == "or" else (part,))
    kept.discard(NONE)
    return Node("or", parts=frozenset(kept)) if len(kept) > 1 else next(iter(kept), NONE)


def both(first: Node, second: Node) -> Node:
    """What two expressions match."""
    if NONE in (first, second):
        return NONE
    return first if first == second else Node("and", parts=frozenset({first, second}))


def then(first: Node, second: Node) -> Node:
    """One expression after the other."""
    if NONE in (first, second):
        return NONE
    if first == EMPTY or second == EMPTY:
        return second if first == EMPTY else first
    if first.kind == "then":
        head, tail = first.parts
        return then(head, then(tail, second))
    return Node("then", parts=(first, second))


def times(part: Node, least: int, most: int | None) -> Node:
    """An expression several times over."""
    if most == 0:
        return EMPTY
    return part if least == most == 1 else Node("times", parts=(part,), least=least, most=most)


@cache
def is_open(node: Node) -> bool:
    """Whether an expression matches the empty text."""
    if node.kind == "or":
        return any(map(is_open, node.parts))
    if node.kind in ("and", "then"):
        return all(map(is_open, node.parts))
    if node.kind == "times":
        return node.least == 0 or all(map(is_open, node.parts))
    return node == EMPTY


@cache
def after(node: Node, digit: int) -> Node:
    """What is left to match when a digit has been read."""
    if node.kind == "digit":
        return EMPTY if node.digits >> digit & 1 else NONE
    if node.kind == "or":
        return either(after(part, digit) for part in node.parts)
    if node.kind == "and":
        return reduce(both, (after(part, digit) for part in node.parts))
    if node.kind == "then":
        head, tail = node.parts
        rest = then(after(head, digit), tail)
        return either((rest, after(tail, digit))) if is_open(head) else rest
    if node.kind == "times":
        (part,) = node.parts
        most = None if node.most is None else node.most - 1
        return then(after(part, digit), times(part, max(node.least - 1, 0), most))
    return NONE


def parsed(pattern: str) -> Node:
    """
    A pattern as phonenumbers' metadata has them: digits, classes, groups, counts.

    Raises:
        ValueError: It has anything else.
    """
    tokens = _TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise ValueError(f"{pattern!r} is more than digits, classes, groups and counts")
    node, rest = _alternatives(tokens)
    if rest:
        raise ValueError(f"{pattern!r} closes a group that is not open")
    return node


def _alternatives(tokens: list[str]) -> tuple[Node, list[str]]:
    parts = []
    while True:
        part, tokens = _sequence(tokens)
        parts.append(part)
        if tokens[:1] != ["|"]:
            return either(parts), tokens
        tokens = tokens[1:]


def _sequence(tokens: list[str]) -> tuple[Node, list[str]]:
    parts: list[Node] = []
    while tokens and tokens[0] not in "|)":
        token, tokens = tokens[0], tokens[1:]
        if token[0] in "?*+{":
            raise ValueError(f"{token} counts nothing")
        if token[0] == "(":
            part, tokens = _alternatives(tokens)
            if tokens[:1] != [")"]:
                raise ValueError("a group is not closed")
            tokens = tokens[1:]
        else:
            part = Node("digit", _digits(token))
        if tokens and tokens[0][0] in "?*+{":
            part, tokens = times(part, *_count(tokens[0])), tokens[1:]
        parts.append(part)
    return reduce(lambda tail, part: then(part, tail), reversed(parts), EMPTY), tokens


def _digits(token: str) -> int:
    known = {"\\d": _ALL, ".": _ALL}
    if token in known:
        return known[token]
    match = re.compile(token).fullmatch
    return sum(1 << digit for digit in range(10) if match(str(digit)))


def _count(token: str) -> tuple[int, int | None]:
    if token[0] != "{":
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[token]
    least, comma, most = token[1:-1].partition(",")
    return int(least), (int(most) if most else None) if comma else int(least)


class State(dict[str, "State"]):
    """Where some digits lead: looked up by the digits that follow, of any number."""

    __slots__ = ("_graph", "_nodes", "accepts")

    def __init__(self, graph: Graph, nodes: tuple[Node, ...]) -> None:
        super().__init__()
        self._graph = graph
        self._nodes = nodes
        self.accepts = graph.accepts(tuple(map(is_open, nodes)))

    def __missing__(self, digits: str) -> State:
        nodes = self._nodes
        for digit in map(int, digits):
            nodes = tuple(after(node, digit) for node in nodes)
        self[digits] = state = self._graph.state(nodes)
        return state


class Graph:
    """
    Several expressions that are matched side by side.

    Args:
        nodes: The expressions.
        accepts: Whether a text is accepted, told by which of them match the whole of it.
    """

    def __init__(
        self, nodes: tuple[Node, ...], accepts: Callable[[tuple[bool, ...]], bool]
    ) -> None:
        self.accepts = accepts
        self._states: dict[tuple[Node, ...], State] = {}
        self.start = self.state(nodes)

    def state(self, nodes: tuple[Node, ...]) -> State:
        """The one state of these expressions."""
        found = self._states.get(nodes)
        if found is None:
            found = self._states[nodes] = State(self, nodes)
        return found

    def matches(self, digits: str) -> bool:
        """Whether digits are accepted."""
        state = self.start
        for place in range(0, len(digits), 3):
            state = state[digits[place : place + 3]]
        return state.accepts
