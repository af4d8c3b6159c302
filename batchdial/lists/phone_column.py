"""Which column is the phone number, by name and content; a question where they leave doubt."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from batchdial.errors import QuestionError
from batchdial.lists import shapes, synonyms
from batchdial.lists.headers import MOST, NEARLY_ALL, is_like, known_share, matches
from batchdial.lists.words import key, listed, words
from batchdial.models import FieldMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchdial.lists.headers import Finder

_VOCABULARY = " ".join((
    synonyms.PHONE, synonyms.MOBILE, synonyms.MESSAGES, synonyms.FIXED, synonyms.OFFICE,
    synonyms.LESSER, synonyms.FILLER,
))  # fmt: skip
#: Candidates that a question names.
_MANY = 12


class Kind(IntEnum):
    """What a column's name says of the number in it; the lower, the sooner it is dialled."""

    MOBILE = 0
    MESSAGES = 1  #: WhatsApp and the like: a mobile phone
    PLAIN = 2  #: a phone number of no particular kind
    FIXED = 3  #: office, home, landline; also "number" and "to", which say little
    LESSER = 4  #: a switchboard, or a second choice


def kind_of(name: str) -> Kind | None:
    """The kind of number that a column's name promises; None where it promises none."""
    own, whole = words(name), key(name)
    if matches(own, synonyms.NOT_PHONES):
        return None
    if matches((*own, whole), synonyms.MOBILE):
        return Kind.MOBILE
    if matches(own, synonyms.MESSAGES):
        return Kind.MESSAGES
    if matches(own, synonyms.PHONE) or matches(own, synonyms.FIXED):
        if matches(own, synonyms.LESSER):
            return Kind.LESSER
        fixed = matches(own, f"{synonyms.FIXED} {synonyms.OFFICE}")
        return Kind.FIXED if fixed or whole.startswith("istel") else Kind.PLAIN
    if whole in synonyms.NUMBERS:
        return Kind.PLAIN
    return Kind.FIXED if whole in synonyms.BARE_NUMBERS else None


class PhoneFinder:
    """Looks for the phone number's column among those of one file that are not taken."""

    def __init__(self, finder: Finder, taken: set[int]) -> None:
        self.finder = finder
        self.header = finder.header
        self.free = [c for c in range(len(self.header)) if c not in taken]
        kinds = {c: kind_of(self.header[c]) for c in self.free}
        self.kinds = {c: kind for c, kind in kinds.items() if kind is not None}

    def find(self) -> FieldMap | None:
        """
        The column, or None where no column is the phone number.

        Raises:
            QuestionError: Several are, and their names do not say which comes first.
        """
        own = [c for c in self.free if self.header[c].strip() == "phoneNumber"]
        if len(own) == 1:
            return FieldMap("phoneNumber", (own[0],), "exact")
        named = [c for c in self.kinds if self._share(c) >= MOST]
        if named:
            return self._by_kind(named)
        alike = [c for c in self.free if self._is_misspelt(c)]
        if len(alike) > 1:
            raise self._question(alike)
        if alike:
            likeness = is_like(self.finder.keys[alike[0]], synonyms.PHONE_NAMES)
            return FieldMap("phoneNumber", (alike[0],), "similar", likeness)
        return self._by_content()

    def _by_kind(self, named: list[int]) -> FieldMap:
        """The one of the best kind, unless another is clearer or filled in far more rows."""
        best = min(self.kinds[c] for c in named)
        top = [c for c in named if self.kinds[c] == best]
        if len(top) > 1:
            raise self._question(top)
        if self._is_doubtful(top[0]):
            clear = [c for c in named if self._known(c) == 1]
            if clear:
                raise self._question([top[0], *clear])
        fuller = [c for c in named if self._filled(c) > 2 * self._filled(top[0])]
        if fuller:
            raise self._question([top[0], *fuller])
        others = sorted((c for c in named if c != top[0]), key=self._rank)
        return self._named(top[0], tuple(others))

    def _by_content(self) -> FieldMap | None:
        """A column of hardly anything but numbers, or one whose name leaves no doubt."""
        never = {
            c
            for c in self.free
            if matches(words(self.header[c]), synonyms.NOT_PHONES)
            or self.header[c].strip().lower() in synonyms.COUNTERS
        }
        like = [c for c in self.free if c not in never and self._share(c) >= MOST]
        sure = [c for c in like if self.finder.share(c, shapes.surely_phone) >= NEARLY_ALL]
        certain = [
            c
            for c in self.kinds
            if known_share(self.header[c], _VOCABULARY) == 1
            and self.finder.keys[c] not in synonyms.BARE_NUMBERS
        ]
        if sure and (len(like) > 1 or certain):
            raise self._question(sorted({*like, *certain}))
        if sure:
            return FieldMap("phoneNumber", (sure[0],), "content", self._share(sure[0]))
        best = min((self.kinds[c] for c in certain), default=None)
        top = [c for c in certain if self.kinds[c] == best]
        if len(top) > 1:
            raise self._question(top)
        return self._named(top[0]) if top else None

    def _named(self, column: int, also: tuple[int, ...] = ()) -> FieldMap:
        known = self._known(column)
        how = "exact" if known == 1 else "similar"
        return FieldMap("phoneNumber", (column,), how, known, also)

    def _known(self, column: int) -> float:
        """How much of a column's name is understood: "Mobile contract number" is not quite."""
        if self.finder.keys[column] in synonyms.NUMBERS | synonyms.BARE_NUMBERS:
            return 1.0
        return known_share(self.header[column], _VOCABULARY)

    def _is_doubtful(self, column: int) -> bool:
        """Whether neither the whole name nor the way its numbers are written says "phone"."""
        surely = self.finder.share(column, shapes.surely_phone) >= NEARLY_ALL
        return self._known(column) < 1 and not surely

    def _is_misspelt(self, column: int) -> bool:
        name = self.header[column]
        return (
            is_like(self.finder.keys[column], synonyms.PHONE_NAMES) > 0
            and not matches(words(name), synonyms.NOT_PHONES)
            and self._share(column) >= MOST
        )

    def _share(self, column: int) -> float:
        return self.finder.share(column, shapes.phone_like)

    def _filled(self, column: int) -> int:
        return sum(map(shapes.phone_like, self.finder.columns[column]))

    def _rank(self, column: int) -> tuple[int, int]:
        return (self.kinds.get(column, Kind.LESSER), -self._filled(column))

    def _question(self, columns: list[int]) -> QuestionError:
        shown = [
            f'"{self.header[c]}" ({self._described(c)})'
            for c in sorted(columns, key=lambda c: -self._share(c))[:_MANY]
        ]
        if len(columns) > _MANY:
            shown.append(f"{len(columns) - _MANY} more")
        first, second = (self.header[c] for c in sorted(columns, key=self._rank)[:2])
        count = {2: "Two"}.get(len(columns), str(len(columns)))
        if first == second:
            way = "They have the same name: rename one of them in the file."
        else:
            way = (
                f"Say which: {flag('phoneNumber', [first])}, "
                f"or both in order: {flag('phoneNumber', [first, second])}"
            )
        return QuestionError(
            f"{count} columns look like the phone number: {' and '.join(shown)}.\n{way}"
        )

    def _described(self, column: int) -> str:
        told = f"{self._share(column):.0%} numbers"
        blank = sum(not cell.strip() for cell in self.finder.columns[column])
        rows = len(self.finder.columns[column])
        return f"{told}, blank in {blank} of {rows} rows" if 2 * blank > rows else told


def fallback(columns: FieldMap, header: Sequence[str]) -> str | None:
    """The flag that adds the phone columns which are not used, for rows without the first."""
    names = [header[c] for c in (*columns.columns, *columns.also)]
    usable = columns.also and len({name.strip().casefold() for name in names}) == len(names)
    return flag(columns.field, names) if usable else None


def flag(field: str, names: Sequence[str]) -> str:
    """A `--map` flag as it can be typed in a shell."""
    value = names[0] if len(names) == 1 else listed(names)
    if re.fullmatch(r"[\w,.-]+", value):
        return f"--map {field}={value}"
    if not re.search(r'["$`\\!]', value):
        return f'--map {field}="{value}"'
    quoted = value.replace("'", "'\\''")
    return f"--map {field}='{quoted}'"
