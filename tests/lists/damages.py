"""Valid numbers of every country, and everything that is done to them on the way into a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat as Form

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = (0, 1, 2)  # fixed, mobile, either


class Subscriber(NamedTuple):
    """One valid number in the ways in which it is written."""

    region: str
    e164: str
    international: str
    national: str

    @property
    def plain(self) -> str:
        """The digits of the national way."""
        return digits(self.national)


class Damaged(NamedTuple):
    """A cell, the country it is read for, and what was done to it."""

    damage: str
    text: str
    region: str | None


def digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def subscriber(rng: random.Random, region: str | None = None) -> Subscriber:
    """A random valid number: an example of its country with other digits at the end."""
    while True:
        wanted = region or rng.choice(REGIONS)
        example = phonenumbers.example_number_for_type(wanted, rng.choice(KINDS))
        if example is None:
            continue
        own = phonenumbers.national_significant_number(example)
        kept = rng.randint(0, max(0, len(own) - 2))
        made = own[:kept] + "".join(rng.choice("0123456789") for _ in own[kept:])
        number = phonenumbers.parse(f"+{example.country_code}{made}")
        if not phonenumbers.is_valid_number_for_region(number, wanted):
            continue
        if phonenumbers.region_code_for_number(number) != wanted:
            continue
        return Subscriber(wanted, *(phonenumbers.format_number(number, form) for form in FORMS))


FORMS = (Form.E164, Form.INTERNATIONAL, Form.NATIONAL)
#: Nothing is lost here: the number itself is expected, or a refusal that clean text has too.
SCRIPTS = {
    "full-width": "０１２３４５６７８９",  # noqa: RUF001
    "Arabic": "٠١٢٣٤٥٦٧٨٩",
    "Persian": "۰۱۲۳۴۵۶۷۸۹",
    "Devanagari": "०१२३४५६७८९",
}
HARMLESS = ("'{}", '="{}"', '"{}"', "\u200e{}\u200b", "\ufeff{}\u00a0", "{},", "{};", "Tel: {}")
BESIDE = (
    "{} (mum)", "{} a", "x{}", "{} N.", "Mr {}", "{}b", "o{}", "{} mobil 2", "Tel {n} {}",
    "Tel: {n} {}", "Tel {}", "{} (mobile)", "Fax {}", "{n}. {}", "{n}) {}", "({n}) {}", "{n} {}",
    "{n}.{}", "{n}-{}", "{n}){}", "{n} - {}", "#{n} {}", "{n}: {}", "{n}/{}", "{} ({n})",
    "{} [{n}]", "{}²", "{} /{n}", "{n}\t{}", "{} ext. {m}", "{}x{m}", "{} x{m}", "{} #{m}",
    "{},,{m}#", "{}p{m}", "{};ext={m}", "{} доб. {m}", "{} DW {m}", "{},{m}", "{} poste {m}",
    "{}w{m}", "*67{}", "#31#{}", "*31#{}", "*67 {}", "{}.0", "{}.00", "0{}x", "€ {}", "-{}",
)  # fmt: skip
BETWEEN = (
    " / ", "/", ";", ",", " ", "\n", "\t", "  ", " - ", "-", " or ", " & ", " | ", "+",
    " und ", "、",
)  # fmt: skip


def scientific(number: str, kept: int) -> str:
    """A number as a spreadsheet shows it with so many of its digits."""
    return f"{number[0]}.{number[1:kept]}E+{len(number) - 1}".replace(".E", "E")


def damages(one: Subscriber, second: Subscriber, rng: random.Random) -> Iterator[Damaged]:
    """Every damage to a number; the second is of the same country, and stands beside it."""
    yield from (Damaged(f"script {n}", one.national.translate(_to(s)), one.region)
                for n, s in SCRIPTS.items())  # fmt: skip
    yield from (Damaged(f"harmless {form}", form.format(text), one.region)
                for form in HARMLESS for text in (one.national, one.e164))  # fmt: skip
    count = {"n": rng.randint(1, 20), "m": rng.randint(1, 9999)}
    for form in BESIDE:
        for text in (one.national, one.e164, one.plain):
            yield Damaged(f"beside {form}", form.format(text, **count), one.region)
    for gap in BETWEEN:
        for first, other in (
            (one.national, second.national),
            (one.plain, second.plain),
            (one.e164, second.e164),
            (one.e164, second.plain),
        ):
            yield Damaged(f"two {gap!r}", first + gap + other, one.region)
    yield from _lost(one, rng)
    yield from _prefixed(one, rng)


def _to(script: str) -> dict[int, int]:
    return str.maketrans("0123456789", script)


def _lost(one: Subscriber, rng: random.Random) -> Iterator[Damaged]:
    """A plus, a zero or digits are gone."""
    whole, short, other = one.e164[1:], one.plain.lstrip("0"), rng.choice(REGIONS)
    for text in (whole, one.international[1:], f"{whole}.0", scientific(whole, len(whole))):
        yield Damaged("plus lost", text, one.region)
        yield Damaged("plus lost abroad", text, other)
    for text in (short, f"{short}.0", scientific(short, len(short))):
        yield Damaged("zero lost", text, one.region)
    for number in (whole, short):
        kept = rng.randint(1, max(1, len(number) - 1))
        yield Damaged("digits rounded", scientific(number, kept), one.region)
    for group in (",", "."):
        yield Damaged("thousands", f"{int(short):,}".replace(",", group), one.region)
    for text in (one.national, one.e164, one.international):
        yield Damaged("cut off", text[: -rng.randint(1, 3)], one.region)


def _prefixed(one: Subscriber, rng: random.Random) -> Iterator[Damaged]:
    """The ways to begin a call abroad, here and elsewhere, and slips in them."""
    whole, code, other = one.e164[1:], one.international.split()[0], rng.choice(REGIONS)
    for prefix in ("00", "011", "+00", "+011", "++", "0+", "00+", "(00)", "+0", "(+)"):
        yield Damaged(f"prefix {prefix}", prefix + whole, one.region)
        yield Damaged(f"prefix {prefix} abroad", prefix + whole, other)
    rest = one.international.removeprefix(code)
    yield Damaged("(0)", f"{code} (0){rest.strip()}", None)
    yield Damaged("code and zero", f"{code} {one.plain}", None)
    yield Damaged("code and zero, no plus", f"{code[1:]}{one.plain}", one.region)
