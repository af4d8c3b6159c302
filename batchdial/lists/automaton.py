"""
Regular expressions over phone numbers as an automaton that is built as it is used.

Numbering plans are long alternatives that `re` tries one after the other for every
number. Here each is derived digit by digit (Brzozowski, "Derivatives of regular
expressions", 1964) once for each way that a number can begin, and looked up ever after.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: What numbers are written with: digits, and what stands around them.
SYMBOLS: Final = "0123456789+ -()."
_DIGITS = 0b11_1111_1111
_TOKEN = re.compile(r"\\[d+().]|\[[^\]]*\]|\(\?:|\{[0-9]+(?:,[0-9]*)?\}|[0-9()|?*+. -]")
_RANGE = re.compile("([0-9])-([0-9])")


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One expression; equal ones are one object, made by `_node`."""

    kind: str  #: "none", "empty", "symbol", "then", "or", "and" or "times": which fields are used
    symbols: int = 0  #: a bit for each of SYMBOLS
    parts: frozenset[Node] | tuple[Node, ...] = ()
    least: int = 0
    most: int | None = None


#: Comparing and hashing whole expressions would take most of the time.
_node = cache(Node)

NONE: Final = _node("none")
EMPTY: Final = _node("empty")
A_DIGIT: Final = _node("symbol", _DIGITS)
#: Any digits, or none.
ANYTHING: Final = _node("times", parts=(A_DIGIT,), least=0, most=None)


def either(parts: Iterable[Node]) -> Node:
    """What one of several expressions matches."""
    kept: set[Node] = set()
    for part in parts:
        kept.update(part.parts if part.kind == "or" else (part,))
    kept.discard(NONE)
    return _node("or", parts=frozenset(kept)) if len(kept) > 1 else next(iter(kept), NONE)


def both(first: Node, second: Node) -> Node:
    """What two expressions match."""
    if NONE in (first, second):
        return NONE
    return first if first == second else _node("and", parts=frozenset({first, second}))


def then(first: Node, second: Node) -> Node:
    """One expression after the other."""
    if NONE in (first, second):
        return NONE
    if first == EMPTY or second == EMPTY:
        return second if first == EMPTY else first
    if first.kind == "then":
        head, tail = first.parts
        return then(head, then(tail, second))
    return _node("then", parts=(first, second))


def times(part: Node, least: int, most: int | None) -> Node:
    """An expression several times over."""
    if most == 0:
        return EMPTY
    return part if least == most == 1 else _node("times", parts=(part,), least=least, most=most)


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
def after(node: Node, symbol: int) -> Node:
    """What is left to match when a symbol, told by its place in SYMBOLS, has been read."""
    if node.kind == "symbol":
        return EMPTY if node.symbols >> symbol & 1 else NONE
    if node.kind == "or":
        return either(after(part, symbol) for part in node.parts)
    if node.kind == "and":
        return reduce(both, (after(part, symbol) for part in node.parts))
    if node.kind == "then":
        head, tail = node.parts
        rest = then(after(head, symbol), tail)
        return either((rest, after(tail, symbol))) if is_open(head) else rest
    if node.kind == "times":
        (part,) = node.parts
        most = None if node.most is None else node.most - 1
        return then(after(part, symbol), times(part, max(node.least - 1, 0), most))
    return NONE


@cache
def parsed(pattern: str) -> Node:
    """
    A pattern as phonenumbers' metadata has them: symbols, classes, groups, counts.

    Raises:
        ValueError: It has anything else.
    """
    tokens = deque(_TOKEN.findall(pattern))
    if "".join(tokens) != pattern:
        raise ValueError(f"{pattern!r} is more than symbols, classes, groups and counts")
    node = _alternatives(tokens)
    if tokens:
        raise ValueError(f"{pattern!r} closes a group that is not open")
    return node


def _alternatives(tokens: deque[str]) -> Node:
    parts = [_sequence(tokens)]
    while tokens and tokens[0] == "|":
        tokens.popleft()
        parts.append(_sequence(tokens))
    return either(parts)


def _sequence(tokens: deque[str]) -> Node:
    parts: list[Node] = []
    while tokens and tokens[0] not in "|)":
        token = tokens.popleft()
        if token[0] in "?*+{":
            raise ValueError(f"{token} counts nothing")
        if token[0] == "(":
            part = _alternatives(tokens)
            if not tokens or tokens.popleft() != ")":
                raise ValueError("a group is not closed")
        else:
            part = _node("symbol", _meant(token))
        if tokens and tokens[0][0] in "?*+{":
            part = times(part, *_count(tokens.popleft()))
        parts.append(part)
    return reduce(lambda tail, part: then(part, tail), reversed(parts), EMPTY)


@cache
def _meant(word: str) -> int:
    """The symbols that one part of a pattern matches; a dot stands for a digit."""
    if word in (".", r"\d"):
        return _DIGITS
    if word[0] != "[":
        return 1 << SYMBOLS.index(word[-1])
    ranges = _RANGE.sub(lambda found: _between(*found.groups()), word[1:-1].replace(r"\d", "0-9"))
    return reduce(or_, (1 << SYMBOLS.index(symbol) for symbol in ranges), 0)


def _between(first: str, last: str) -> str:
    return "".join(map(str, range(int(first), int(last) + 1)))


def _count(token: str) -> tuple[int, int | None]:
    if token[0] != "{":
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[token]
    least, comma, most = token[1:-1].partition(",")
    return int(least), (int(most) if most else None) if comma else int(least)


T = TypeVar("T")


#: Expressions that may still match, each with its place among those that a graph began with.
_Open = tuple[tuple[int, Node], ...]


class State(dict[str, "State[T]"], Generic[T]):
    """Where some symbols lead: looked up by those that follow, of any number."""

    __slots__ = ("_graph", "_nodes", "meaning")

    def __init__(self, graph: Graph[T], nodes: _Open) -> None:
        super().__init__()
        self._graph = graph
        self._nodes = nodes
        self.meaning = graph.means([place for place, node in nodes if is_open(node)])

    def __missing__(self, symbols: str) -> State[T]:
        state = self
        if len(symbols) > 1:
            for symbol in symbols:
                state = state[symbol]
        else:
            read = SYMBOLS.index(symbols)
            stepped = [(place, after(node, read)) for place, node in self._nodes]
            state = self._graph.state(tuple([one for one in stepped if one[1] is not NONE]))
        self[symbols] = state
        return state


class Graph(Generic[T]):
    """
    Several expressions that are matched side by side.

    Args:
        nodes: The expressions.
        means: What a text means, told by the places of those that match the whole of it.
    """

    def __init__(self, nodes: Iterable[Node], means: Callable[[list[int]], T]) -> None:
        self.means = means
        self._states: dict[_Open, State[T]] = {}
        self.start = self.state(tuple(one for one in enumerate(nodes) if one[1] is not NONE))

    def state(self, nodes: _Open) -> State[T]:
        """The one state of these expressions."""
        found = self._states.get(nodes)
        if found is None:
            found = self._states[nodes] = State(self, nodes)
        return found

    def meaning(self, text: str) -> T:
        """What a text of SYMBOLS means."""
        state = self.start
        for place in range(0, len(text), 3):
            state = state[text[place : place + 3]]
        return state.meaning
