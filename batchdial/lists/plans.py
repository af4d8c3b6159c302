"""
Numbers that are certain at a glance, by patterns compiled from phonenumbers' own metadata.

Only what `phones.read_number` would surely call undamaged and dialable is decided here,
about ten times as fast; whatever leaves a doubt is left to it. The patterns follow
phonenumbers' `parse` and `number_type` for the forms in which lists hold most numbers:
with a plus, with a trunk zero, or as countries without a trunk prefix write them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

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
    both,
    either,
    parsed,
    then,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Decide = Callable[[str], str | None]

#: Groups that are neither a list mark nor a second number: one blank or dash between them, a zero
#: in front only of a short last one.
_GROUPS = r"(?:[ -][1-9][0-9]{0,5})*[ -](?:[1-9][0-9]{0,7}|0[0-9]{0,3})"
_BRACKETS = r"\([1-9][0-9]{1,4}\)"
_ABROAD = re.compile(
    rf"\+[1-9](?:[0-9]{{6,14}}|[0-9]{{0,4}}(?:[ -]?{_BRACKETS})?{_GROUPS}|"
    r"[0-9]{0,4}[ -][1-9][0-9]{6,11})"
)
_TRUNK = re.compile(
    rf"0[1-9](?:[0-9]{{7,12}}|[0-9]{{0,4}}{_GROUPS}|[0-9]{{0,4}}[ -][1-9][0-9]{{6,9}})"
    rf"|\(0[1-9][0-9]{{0,4}}\)(?:{_GROUPS}|[ -]?[1-9][0-9]{{3,9}})"
)
_PLAIN = re.compile(
    rf"[1-9](?:[0-9]{{8,12}}|[0-9]{{2,4}}{_GROUPS})"
    rf"|\([1-9][0-9]{{2,4}}\)(?:{_GROUPS}|[1-9][0-9]{{1,5}}{_GROUPS}|[ -]?[1-9][0-9]{{4,9}})"
)
#: Fewer digits could reach an emergency or short-code service.
_FEWEST, _LONGEST = 9, 15
#: Satellite and other networks without a country are not dialled.
_GATED_CODES = frozenset({870, 878, 881, 882, 883})
_GATED = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
_DIALLED = ("voip", "fixed_line", "mobile")


def certain_number(text: str, region: str | None) -> str | None:
    """
    The number in E.164 that a cell holds beyond doubt.

    Args:
        text: The cell as it was read.
        region: ISO code of its country, in capitals; None where none is known.

    Returns:
        What `read_number` would call PENDING without a word of detail; None decides nothing.
    """
    if text[:1] == "+":
        if not _ABROAD.fullmatch(text):
            return None
        digits = _digits(text[1:])
        plan = _BY_PREFIX.get(digits[:3])
        return _abroad(plan)(digits) if plan and len(digits) <= _LONGEST else None
    if not region:
        return None
    decide = _at_home(region)
    return decide(text) if decide else None


def _digits(text: str) -> str:
    if text.isdigit():
        return text
    return text.replace(" ", "").replace("-", "").replace("(", "").replace(")", "")


def _prefixes() -> dict[str, int]:
    """Every three digits that a number may begin with, and the country code they are or hold."""
    found: dict[str, int] = {}
    for code in COUNTRY_CODE_TO_REGION_CODE:
        if code not in _GATED_CODES:
            rest = 3 - len(str(code))
            found |= {f"{code}{n:0{rest}}" if rest else str(code): code for n in range(10**rest)}
    return found


_BY_PREFIX = _prefixes()


@cache
def _abroad(code: int) -> Decide:
    """Decides digits that begin with a country code."""
    main = _metadata(code, COUNTRY_CODE_TO_REGION_CODE[code][0])
    is_dialled = _dialled(code)
    trunk = _matcher(main.national_prefix_for_parsing)
    start = len(str(code))

    def decide(digits: str) -> str | None:
        national = digits[start:]
        found = trunk(national)
        if found is not None and found.end():
            return None
        return "+" + digits if is_dialled(national) else None

    return decide


@cache
def _at_home(region: str) -> Decide | None:
    """Decides text without a plus as its country writes it; None where that is not known here."""
    if region not in SUPPORTED_REGIONS:
        return None
    trunk = ndd_prefix_for_region(region, True) or ""
    if trunk == "0":
        return _with_trunk_zero(region)
    if trunk == "1":
        return _in_north_america(region)
    return None if trunk else _without_trunk(region)


def _with_trunk_zero(region: str) -> Decide | None:
    plan = _home(region)
    trunk = _matcher(plan.national_prefix_for_parsing)
    leads_abroad = _matcher(plan.international_prefix)
    general = plan.general_desc
    whole = re.compile(general.national_number_pattern)
    lengths = frozenset(general.possible_length) - frozenset(general.possible_length_local_only)
    is_dialled, start = _dialled(plan.country_code), f"+{plan.country_code}"
    longest = _LONGEST + 3 - len(start)  # with its zero, which is not dialled

    def decide(text: str) -> str | None:
        if not _TRUNK.fullmatch(text):
            return None
        digits = _digits(text)
        national = digits[1:]
        found = trunk(digits)
        if (
            not _FEWEST <= len(digits) < longest
            or found is None
            or found.end() != 1
            or any(found.groups())  # a carrier's code, or digits that are rewritten
            or len(national) not in lengths
            or leads_abroad(digits)
            or not is_dialled(national)
            or whole.fullmatch(digits)
        ):
            return None
        return start + national

    return decide


def _in_north_america(region: str) -> Decide | None:
    plan = _home(region)
    if plan.country_code != 1 or (plan.national_prefix_transform_rule and region != "US"):
        return None
    is_dialled = _dialled(1)

    def decide(text: str) -> str | None:
        if not _PLAIN.fullmatch(text):
            return None
        digits = _digits(text)
        if len(digits) == 11 and digits[0] == "1" and digits == text:
            digits = digits[1:]
        if len(digits) != 10 or digits[0] == "1" or not is_dialled(digits):
            return None
        return "+1" + digits

    return decide


def _without_trunk(region: str) -> Decide | None:
    plan = _home(region)
    if plan.national_prefix_for_parsing:
        return None
    leads_abroad = _matcher(plan.international_prefix)
    code = str(plan.country_code)
    is_dialled, lengths = _dialled(plan.country_code), frozenset(plan.general_desc.possible_length)

    def decide(text: str) -> str | None:
        if not _PLAIN.fullmatch(text):
            return None
        digits = _digits(text)
        if (
            not _FEWEST <= len(digits) <= _LONGEST - len(code)
            or len(digits) not in lengths
            or digits.startswith(code)
            or leads_abroad(digits)
            or leads_abroad("0" + digits)
            or is_dialled("0" + digits)
            or not is_dialled(digits)
        ):
            return None
        return f"+{code}{digits}"

    return decide


@cache
def _dialled(code: int) -> Callable[[str], bool]:
    """
    Matches national numbers of a country code that are fixed, mobile or VoIP and nothing else.

    Several countries may share a code: a number belongs to the first whose leading
    digits it has or, for those that have none, in whose plan it is.
    """
    plans = [_metadata(code, region) for region in COUNTRY_CODE_TO_REGION_CODE[code]]
    try:
        nodes = [node for plan in plans for node in _nodes(plan, alone=len(plans) == 1)]
    except ValueError:  # a newer release of the metadata says more than is known here
        return lambda _: False

    return Graph(tuple(nodes), _accepts).matches


#: Expressions of one country's plan; see `_nodes`.
_NODES = 3


def _accepts(found: tuple[bool, ...]) -> bool:
    """Whether the first country that a number belongs to has it among those that are dialled."""
    for place in range(0, len(found), _NODES):
        owned, gated, dialled = found[place : place + _NODES]
        if owned:
            return dialled and not gated
    return False


def _nodes(plan: Any, *, alone: bool) -> tuple[Node, Node, Node]:
    """The numbers that belong to a plan, and those of them that are not dialled, and that are."""
    general = _kind(plan.general_desc)
    gated = either(_kind(getattr(plan, name)) for name in _GATED)
    dialled = both(general, either(_kind(getattr(plan, name)) for name in _DIALLED))
    leading = None if alone else plan.leading_digits
    owned = then(parsed(leading), ANYTHING) if leading else either((both(general, gated), dialled))
    return owned, gated, dialled


def _home(region: str) -> Any:
    return PhoneMetadata.metadata_for_region(region, None)


def _metadata(code: int, region: str) -> Any:
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def _kind(plan: Any) -> Node:
    """One kind of number: its digits, and how many they are."""
    if plan is None or not plan.national_number_pattern:
        return NONE
    digits = parsed(plan.national_number_pattern)
    lengths = [length for length in plan.possible_length if length > 0]
    if not plan.possible_length:
        return digits
    return both(digits, either(times(A_DIGIT, length, length) for length in lengths))


def _matcher(pattern: str | None) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern).match if pattern else lambda _: None
