"""Find the columns of name, e-mail and country: by their names and by what the cells look like."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from batchdial.lists import shapes, synonyms
from batchdial.lists.countries import country_code
from batchdial.lists.words import key, words
from batchdial.models import FieldMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchdial.models import SourceRow

#: Share of a column's filled cells that must look like the field.
MOST = 0.5
NEARLY_ALL = 0.8
#: Characters of a cell that are looked at; an address may have 254.
_LONGEST = 300
#: How alike two header names must be; "contact_no" and "contact name" are at 84.
_ALIKE = 88

_EMAIL = f"{synonyms.EMAIL} {synonyms.EMAIL_FILLER} {synonyms.FILLER}"
_COUNTRY = " ".join((
    synonyms.COUNTRY, synonyms.COUNTRY_FILLER, synonyms.COUNTRY_OF_PHONE,
    synonyms.COUNTRY_OF_ADDRESS, synonyms.WHOSE,
))  # fmt: skip


class Finder:
    """Looks for the columns of one file."""

    def __init__(self, header: Sequence[str], sample: Sequence[SourceRow]) -> None:
        self.header = header
        self.keys = [key(name) for name in header]
        self.columns = [
            [row.cells[index][:_LONGEST] for row in sample] for index in range(len(header))
        ]

    def share(self, column: int, test: Callable[[str], bool]) -> float:
        """The part of a column's filled cells that pass a test."""
        return shapes.share(self.columns[column], test)

    def name(self, taken: set[int]) -> FieldMap | None:
        """The name's column, or first and last name together."""
        own = self._own("prospectName", taken)
        if own is not None:
            return FieldMap("prospectName", (own,), "exact")
        free = [
            c
            for c in range(len(self.header))
            if c not in taken and self._could_be(c, shapes.name_like)
        ]
        filled = [c for c in free if any(cell.strip() for cell in self.columns[c])]
        return self._name_among(filled) or self._name_among(free) or self._misspelt_name(filled)

    def _name_among(self, columns: list[int]) -> FieldMap | None:
        roles = {c: _role(self.header[c]) for c in columns}
        by_role = {role: [c for c in columns if roles[c] == role] for role in _ROLES}
        whole = by_role["full"][:1]
        parts = self._parts(by_role["first"], by_role["last"], by_role["name"])
        chosen = whole or parts or by_role["name"] or by_role["own"] or by_role["person"]
        if not chosen:
            return None
        columns_of_name = tuple(chosen) if chosen is parts else tuple(chosen[:1])
        return FieldMap("prospectName", columns_of_name, "exact")

    def _parts(self, firsts: list[int], lasts: list[int], names: list[int]) -> list[int]:
        """First and last name, of which "name" may be one; its cells tell if it is the whole."""
        first = min(firsts, key=lambda c: len(words(self.header[c])), default=None)
        last = min(lasts, key=lambda c: len(words(self.header[c])), default=None)
        if first is None and last is None:
            return []
        if names and self._holds(names[0], first, last):
            return names[:1]
        if first is None and names:
            first = names[0]
        elif last is None and names:
            last = names[0]
        if first is None or last is None:
            return [c for c in (first, last) if c is not None]
        eastern = self.share(last, _is_eastern) >= MOST and self.share(first, _is_eastern) >= MOST
        return [last, first] if eastern else [first, last]

    def _holds(self, whole: int, first: int | None, last: int | None) -> bool:
        """Whether a column's cells hold those of first and last name."""
        told = [c for c in (first, last) if c is not None]
        rows = list(zip(self.columns[whole], *(self.columns[c] for c in told), strict=True))
        filled = [row for row in rows if all(cell.strip() for cell in row)]
        held = [row for row in filled if all(part.strip() in row[0] for part in row[1:])]
        longer = [row for row in held if any(part.strip() != row[0].strip() for part in row[1:])]
        return bool(filled) and len(longer) > len(filled) / 2

    def _misspelt_name(self, columns: list[int]) -> FieldMap | None:
        known = ("prospectname", "fullname", "contactname", "customername", "clientname")
        for column in columns:
            likeness = is_like(self.keys[column], known)
            if likeness and not synonyms.NOT_NAMES & set(words(self.header[column])):
                return FieldMap("prospectName", (column,), "similar", likeness)
        return None

    def email(self, taken: set[int]) -> FieldMap | None:
        """The e-mail's column, by name or because nearly every cell is an address."""
        own = self._own("email", taken)
        if own is not None:
            return FieldMap("email", (own,), "exact")
        free = [c for c in range(len(self.header)) if c not in taken]
        named = [
            c
            for c in free
            if matches(words(self.header[c]), synonyms.EMAIL)
            and not matches(words(self.header[c]), synonyms.NOT_EMAILS)
            and self._could_be(c, shapes.email_like)
        ]
        if named:
            best = max(named, key=self._email_rank)
            known = known_share(self.header[best], _EMAIL)
            return FieldMap("email", (best,), "exact" if known == 1 else "similar", known)
        full = [c for c in free if self.share(c, shapes.email_like) >= NEARLY_ALL]
        if len(full) != 1:
            return None
        return FieldMap("email", (full[0],), "content", self.share(full[0], shapes.email_like))

    def _email_rank(self, column: int) -> tuple[bool, bool, float, int]:
        filled = any(cell.strip() for cell in self.columns[column])
        of_contact = not matches(words(self.header[column]), synonyms.HOSTS)
        return (filled, of_contact, known_share(self.header[column], _EMAIL), -column)

    def region(self, taken: set[int]) -> FieldMap | None:
        """The country's column, if it holds countries and not states of the US and Canada."""
        ranks: dict[int, list[int]] = {}
        for column in range(len(self.header)):
            rank = _country_rank(self.header[column])
            if column not in taken and rank is not None and self._holds_countries(column):
                ranks.setdefault(rank, []).append(column)
        if not ranks:
            return None
        best = ranks[min(ranks)]
        return FieldMap("region", (best[0],), "exact") if self._agree(best) else None

    def timezone(self, taken: set[int]) -> FieldMap | None:
        """
        The time zone's column, by its name alone.

        Whatever it holds: a row whose zone is written in an unknown way must not be called
        by what its number says.
        """
        named = [c for c, name in enumerate(self.keys) if name in synonyms.TIME_ZONES]
        free = [c for c in named if c not in taken]
        filled = [c for c in free if any(map(str.strip, self.columns[c]))]
        return FieldMap("timezone", ((filled or free)[0],), "exact") if free else None

    def _holds_countries(self, column: int) -> bool:
        cells = {cell for cell in self.columns[column] if cell.strip()}
        if {key(cell) for cell in cells} <= synonyms.STATES:
            all_countries = all(country_code(cell) for cell in cells)
            return all_countries and self.keys[column] not in synonyms.MAYBE_STATES
        return self.share(column, lambda cell: country_code(cell) is not None) >= MOST

    def _agree(self, columns: list[int]) -> bool:
        """Whether no row has two countries; which one its number is from, nobody could say."""
        rows = zip(*(self.columns[c] for c in columns), strict=True)
        return all(
            len({code for cell in row if (code := country_code(cell)) is not None}) <= 1
            for row in rows
        )

    def _own(self, field: str, taken: set[int]) -> int | None:
        """The one column that has the API's own name for a field, whatever it holds."""
        columns = [c for c, name in enumerate(self.header) if name.strip() == field]
        return columns[0] if len(columns) == 1 and columns[0] not in taken else None

    def _could_be(self, column: int, test: Callable[[str], bool]) -> bool:
        """Whether most cells pass a test, or there are none."""
        blank = not any(cell.strip() for cell in self.columns[column])
        return blank or self.share(column, test) >= MOST


_ROLES = ("full", "first", "last", "name", "own", "person")


def _role(name: str) -> str | None:
    """What part of a name a column's name promises."""
    own = [word for word in words(name) if not word.isdecimal()]
    for whole, bare in ((key(name), False), (_without_whose(own), True)):
        if whole in synonyms.FULL_NAMES:
            return "own" if bare else "full"
        if whole in synonyms.FIRST_NAMES or whole in synonyms.FIRST_SIGNS:
            return "first"
        if whole in synonyms.LAST_NAMES or whole in synonyms.LAST_SIGNS:
            return "last"
        if whole in synonyms.NAMES:
            return "own" if bare else "name"
        if whole in synonyms.OWN_NAMES or synonyms.NAME_SIGNS.fullmatch(whole):
            return "own" if bare else "full"
        if whole in synonyms.PERSONS:
            return "person"
    return "person" if key(name.rsplit(" - ", 1)[-1]) in synonyms.PERSONS else None


def _without_whose(own: Iterable[str]) -> str:
    """The words of a name that do not say whose it is."""
    whose = synonyms.stems(synonyms.WHOSE)
    return "".join(word for word in own if not whose.fullmatch(word))


def _is_eastern(cell: str) -> bool:
    """Whether a name is written in Chinese, Japanese or Korean signs: the family comes first."""
    return any(
        "\u3040" <= c <= "\u30ff" or "\u3400" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3"
        for c in cell
    )


def _country_rank(name: str) -> int | None:
    """How near to the phone number a country is: its own, the person's, or an address's."""
    own = words(name)
    if key(name) in synonyms.MAYBE_STATES:
        return 3
    if key(name) in synonyms.DIALLING_CODES:
        return 0
    if not matches(own, synonyms.COUNTRY) or known_share(name, _COUNTRY) < 1:
        return None
    if matches(own, synonyms.COUNTRY_OF_PHONE):
        return 0
    return 2 if matches(own, synonyms.COUNTRY_OF_ADDRESS) else 1


def matches(own: Iterable[str], group: str) -> bool:
    """Whether one of a name's words belongs to a group of stems."""
    return any(_belongs(word, group) for word in own)


@lru_cache(maxsize=20_000)
def _belongs(word: str, group: str) -> bool:
    """Whether a word is one of a group, with or without the number at its end."""
    known = synonyms.stems(group)
    bare = word.rstrip("0123456789")
    return known.fullmatch(word) is not None or known.fullmatch(bare) is not None


def known_share(name: str, group: str) -> float:
    """The part of a name's words that are known, from 0 to 1."""
    own = words(name)
    return sum(_is_known(word, group) for word in own) / len(own) if own else 0.0


def _is_known(word: str, group: str) -> bool:
    if word.isdecimal():
        return True
    if not word.isascii():
        return not synonyms.signs(group).sub("", word).strip("0123456789")
    return matches((word,), group)


def is_like(own: str, known: Sequence[str]) -> float:
    """How alike a name is to the nearest of several, 0 to 1; 0 for what is not alike at all."""
    if len(own) < 5 or not own.isascii():
        return 0.0
    nearest = process.extractOne(own, [one for one in known if len(one) >= 5], scorer=fuzz.ratio)
    likeness = float(nearest[1])
    return likeness / 100 if likeness >= _ALIKE else 0.0
