"""
Numbers that are certain at a glance, by automata made of phonenumbers' own metadata.

Only what `phones.read_number` would surely call undamaged and dialable is decided here;
whatever leaves a doubt is left to it. The rules follow phonenumbers' `parse` and
`number_type` for the forms in which lists hold most numbers: with a plus, with a trunk
zero, or as countries without a trunk prefix write them. A list is decided column by
column (`glance`), one number here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    PhoneMetadata,
    ndd_prefix_for_region,
)

from batchdial.lists.automaton import (
    A_DIGIT,
    ANYTHING,
    NONE,
    Graph,
    Node,
    after,
    both,
    either,
    parsed,
    then,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Groups that are neither a list mark nor a second number: one blank or dash between them, a zero
#: in front only of a short last one.
_GROUPS = r"(?:[ -][1-9][0-9]{0,5})*[ -](?:[1-9][0-9]{0,7}|0[0-9]{0,3})"
_BRACKETS = r"\([1-9][0-9]{1,4}\)"
#: A zero in front of a group behind so few digits that those are no number by themselves: five
#: with a plus, four with a zero, three with neither.
_WITH_ZERO = (
    r"[ -]0(?:[0-9]{2,4}[ -](?:[1-9][0-9]{2,5}|0[0-9]{2,3})|[0-9]{4,6}"
    r"|[0-9](?:[ -][0-9]{2}){2,3})"
)
_DOTTED = r"\.(?:[1-9][0-9]{2,4}|0[0-9]{2,3})"
_ABROAD = (
    rf"\+[1-9](?:[0-9]{{6,14}}|[0-9]{{0,4}}(?:[ -]?{_BRACKETS})?{_GROUPS}|"
    rf"[0-9]{{0,4}}[ -][1-9][0-9]{{6,11}}|"
    rf"[0-9]?[ -](?:[1-9][0-9]{{0,2}}|\([1-9][0-9]{{1,2}}\)){_WITH_ZERO}|"
    rf"[0-9]{{0,2}}(?:\.[1-9][0-9]{{1,4}}){{1,3}}{_DOTTED}|"
    rf"[0-9]?\.[1-9][0-9]{{1,2}}\.0[0-9]{{2,4}}{_DOTTED})"
)
_EXITED = r"00[1-9][0-9]{7,13}"
_TRUNK = (
    rf"0[1-9](?:[0-9]{{7,12}}|[0-9]{{0,4}}{_GROUPS}|[0-9]{{0,4}}[ -][1-9][0-9]{{6,9}}"
    rf"|[0-9]{{0,2}}{_WITH_ZERO})|\(0[1-9][0-9]{{0,4}}\)(?:{_GROUPS}|[ -]?[1-9][0-9]{{3,9}})"
    rf"|\(0[1-9][0-9]{{1,2}}\){_WITH_ZERO}"
)
_PLAIN = (
    rf"[1-9](?:[0-9]{{8,12}}|[0-9]{{2,4}}{_GROUPS}|[0-9]{{2}}{_WITH_ZERO})"
    rf"|\([1-9][0-9]{{2,4}}\)(?:{_GROUPS}|[1-9][0-9]{{1,5}}{_GROUPS}|[ -]?[1-9][0-9]{{4,9}})"
    rf"|\([1-9][0-9]{{2}}\){_WITH_ZERO}"
)
#: How certain numbers are written, whatever their digits.
FORMS = f"{_ABROAD}|{_EXITED}|{_TRUNK}|{_PLAIN}"
_WRITTEN = re.compile(FORMS)
#: Fewer digits could reach an emergency or short-code service; E.164 has no more.
FEWEST, LONGEST = 9, 15
#: Satellite and other networks without a country are not dialled.
_GATED_CODES = frozenset({870, 878, 881, 882, 883})
#: Kinds of number in the order in which phonenumbers asks for them, and as people name them here;
#: nothing is said of those that anybody dials. Last come fixed and mobile lines.
_FIRST = {
    "premium_rate": "premium",
    "toll_free": "toll_free",
    "shared_cost": "shared_cost",
    "voip": "",
    "personal_number": "personal",
    "pager": "pager",
    "uan": "uan",
    "voicemail": "voicemail",
}
_ORDER = (*_FIRST.values(), "")


def certain_number(text: str, region: str | None) -> str | None:
    """
    The number in E.164 that a cell holds beyond doubt.

    Args:
        text: The cell as it was read.
        region: ISO code of its country, in capitals; None where none is known.

    Returns:
        What `read_number` would call PENDING without a word of detail; None decides nothing.
    """
    text = text.strip()
    if not _WRITTEN.fullmatch(text):
        return None
    if text[0] == "+":
        return _certain_abroad(_digits(text[1:]))
    digits = _digits(text)
    if digits.startswith("00"):
        return _certain_abroad(digits[2:]) if region and exits_by_00(region) else None
    home = at_home(region) if region else None
    if home is None or (digits[0] == "0") != (home.trunk == "0"):
        return None
    plan = home.alone if digits == text else home.apart
    return f"+{home.code}{digits.removeprefix(home.trunk)}" if plan.meaning(digits) else None


def _certain_abroad(digits: str) -> str | None:
    code = CODES.get(digits[:3])
    plan = abroad(code) if code else None
    is_certain = plan and len(digits) <= LONGEST and plan.meaning(digits[len(str(code)) :])
    return "+" + digits if is_certain else None


def _digits(text: str) -> str:
    return text if text.isdigit() else text.translate(_SIGNS)


_SIGNS = str.maketrans("", "", " -().")


def _codes() -> dict[str, int]:
    found: dict[str, int] = {}
    for code in COUNTRY_CODE_TO_REGION_CODE:
        if code not in _GATED_CODES:
            rest = 3 - len(str(code))
            found |= {f"{code}{n:0{rest}}" if rest else str(code): code for n in range(10**rest)}
    return found


#: Every three digits that a number may begin with, and the country code they are or hold.
CODES = _codes()


class Home(NamedTuple):
    """How a country writes its own numbers."""

    code: int  #: its country code
    trunk: str  #: what stands before a number and is not dialled from abroad: "0", "1" or nothing
    alone: Graph[bool]  #: accepts the digits of a certain number that is written without a sign
    apart: Graph[bool]  #: the same for one that is written in groups


@cache
def abroad(code: int) -> Graph[bool] | None:
    """Matches certain numbers behind a plus and a country code; None where that is not known."""
    main = main_plan(code)
    try:
        return graph_of(code, never=begun(main.national_prefix_for_parsing, SOME))
    except ValueError:  # a newer release of the metadata says more than is known here
        return None


@cache
def exits_by_00(region: str) -> bool:
    """Whether a country's numbers abroad begin with 00, and nothing else that does leads there."""
    plan = plan_of(region)
    return plan is not None and plan.international_prefix == "00"


@cache
def at_home(region: str) -> Home | None:
    """How a country writes its own numbers; None where that is not known here."""
    plan = plan_of(region)
    if plan is None:
        return None
    trunk = ndd_prefix_for_region(region, True) or ""
    make = {"0": _with_trunk_zero, "1": _in_north_america, "": _without_trunk}.get(trunk)
    try:
        return make(plan) if make else None
    except ValueError:
        return None


def _with_trunk_zero(plan: Any) -> Home | None:
    trunk = plan.national_prefix_for_parsing or ""
    if re.match(trunk, "0") is None or not is_plain_at_zero(trunk):
        return None
    zero, general = parsed("0"), plan.general_desc
    lengths = frozenset(general.possible_length) - frozenset(general.possible_length_local_only)
    more = begun(trunk, then(A_DIGIT, SOME))  # a carrier's code, or what is rewritten
    longest = LONGEST + 1 - len(str(plan.country_code))
    graph = graph_of(
        plan.country_code,
        written=lambda node: then(zero, node),
        never=either(
            (
                more,
                begun(plan.international_prefix, SOME),
                parsed(general.national_number_pattern),
            )
        ),
        must=_of_lengths(1 + one for one in lengths if FEWEST <= 1 + one <= longest),
    )
    return Home(plan.country_code, "0", graph, graph)


def _in_north_america(plan: Any) -> Home | None:
    if plan.country_code != 1 or (plan.national_prefix_transform_rule and plan.id != "US"):
        return None
    one = parsed("1")
    apart = graph_of(1, never=then(one, ANYTHING), must=_TEN)
    alone = graph_of(
        1,
        written=lambda node: either((both(node, _TEN), then(one, node))),
        never=either((then(parsed("11"), ANYTHING), both(then(one, ANYTHING), _TEN))),
        must=either((_TEN, then(A_DIGIT, _TEN))),
    )
    return Home(1, "1", alone, apart)


def _without_trunk(plan: Any) -> Home | None:
    if plan.national_prefix_for_parsing:
        return None
    abroad, code = begun(plan.international_prefix, SOME), str(plan.country_code)
    longest = LONGEST - len(code)
    graph = graph_of(
        plan.country_code,
        never=either((abroad, after(abroad, 0), then(parsed(code), ANYTHING))),
        must=_of_lengths(
            one for one in plan.general_desc.possible_length if FEWEST <= one <= longest
        ),
        others=[lambda node: after(node, 0)],  # a sheet may have taken a zero that is significant
    )
    return Home(plan.country_code, "", graph, graph)


SOME = then(A_DIGIT, ANYTHING)
_TEN = times(A_DIGIT, 10, 10)
#: Expressions of one country's plan; see `_nodes`.
_NODES = 1 + len(_ORDER)


def graph_of(
    code: int,
    *,
    never: Node,
    written: Callable[[Node], Node] = lambda node: node,
    must: Node = SOME,
    others: Sequence[Callable[[Node], Node]] = (),
) -> Graph[bool]:
    """
    Matches digits that are a fixed, mobile or VoIP number of a country code and nothing else.

    Several countries may share a code: a number belongs to the first whose leading
    digits it has or, for those that have none, in whose plan it is.

    Args:
        code: The country code.
        never: What digits must not be.
        written: How a national number stands in them.
        must: What digits must be.
        others: Other ways to take them, in none of which they may be a number.

    Raises:
        ValueError: The metadata says more than is known here.
    """
    nodes = _all_nodes(code)
    ways = (written, *others)
    width, last = len(nodes), len(nodes) * len(ways)

    def accepts(found: list[int]) -> bool:
        if found[-1:] != [last]:
            return False
        first, *rest = (
            _kind([place - start for place in found if start <= place < start + width])
            for start in range(0, last, width)
        )
        return first == "" and all(kind is None for kind in rest)

    return Graph((*(way(node) for way in ways for node in nodes), must, never), accepts)


def _of_lengths(lengths: Iterable[int]) -> Node:
    """So many digits."""
    return either(times(A_DIGIT, one, one) for one in lengths)


def is_plain_at_zero(trunk: str) -> bool:
    """Whether a trunk prefix matches nothing of a zero, or all of it and no more."""
    found = re.match(trunk, "0")
    return not re.fullmatch(trunk, "") and (
        found is None or (found[0] == "0" and not any(found.groups()))
    )


@cache
def kinds(code: int) -> Graph[str | None] | None:
    """
    Tells which kind of number a country code's national numbers are; None where that is not known.

    A text means the kind's word in `--allow-types`, nothing for a number that anybody
    dials, and None where it is no number.
    """
    try:
        return Graph(_all_nodes(code), _kind)
    except ValueError:  # a newer release of the metadata says more than is known here
        return None


def _kind(found: list[int]) -> str | None:
    """The kind of number that the first country has it among to which it belongs."""
    owner = next((place for place in found if place % _NODES == 0), None)
    if owner is None:
        return None
    kinds = (place - owner for place in found if owner < place < owner + _NODES)
    return next((_ORDER[kind - 1] for kind in kinds), None)


@cache
def _all_nodes(code: int) -> list[Node]:
    """The expressions of all countries that share a code, see `_nodes`."""
    plans = [_metadata(code, region) for region in COUNTRY_CODE_TO_REGION_CODE[code]]
    known = [plan for plan in plans if plan is not None]
    return [node for plan in known for node in _nodes(plan, alone=len(plans) == 1)]


def _nodes(plan: Any, *, alone: bool) -> tuple[Node, ...]:
    """The numbers that belong to a plan, and those of each kind, in the order of `_ORDER`."""
    general = _matched(plan.general_desc)
    named = [both(general, _matched(getattr(plan, name))) for name in _FIRST]
    lines = (plan.fixed_line, *([] if plan.same_mobile_and_fixed_line_pattern else [plan.mobile]))
    line = both(general, either(map(_matched, lines)))
    leading = None if alone else plan.leading_digits
    if leading:
        owned = then(parsed(leading), ANYTHING)
    else:
        owned = ANYTHING if alone else either((*named, line))
    return owned, *named, line


def main_plan(code: int) -> Any:
    """Phonenumbers' metadata of the country that a code stands for first of all."""
    return _metadata(code, COUNTRY_CODE_TO_REGION_CODE[code][0])


def plan_of(region: str) -> Any:
    """Phonenumbers' metadata of a country; None where there is none of this ISO code."""
    return PhoneMetadata.metadata_for_region(region, None) if region in SUPPORTED_REGIONS else None


def _metadata(code: int, region: str) -> Any:
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def _matched(plan: Any) -> Node:
    """One kind of number: its digits, and how many they are."""
    if plan is None or not plan.national_number_pattern:
        return NONE
    digits = parsed(plan.national_number_pattern)
    lengths = [length for length in plan.possible_length if length > 0]
    if not plan.possible_length:
        return digits
    return both(digits, either(times(A_DIGIT, length, length) for length in lengths))


def begun(pattern: str | None, least: Node) -> Node:
    """Digits at whose start a pattern of the metadata matches what `least` matches, too."""
    ways = []
    for way in _WAYS.findall(pattern or ""):
        whole = way.endswith("$")
        start = both(parsed(way.removesuffix("$")), least)
        ways.append(start if whole else then(start, ANYTHING))
    return either(ways)


#: The alternatives of a pattern, with up to three groups in each other.
_WAYS = re.compile(r"(?:[^()|]|\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\))+")
