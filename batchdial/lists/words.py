"""Text as names are compared: without capitals, accents, spaces and punctuation."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Nobody's column is called longer; a file without line ends has megabytes in its header.
_LONGEST = 300
#: Letters that Unicode does not take apart, as they are typed where the keyboard lacks them.
_PLAIN = str.maketrans(
    {"\u0131": "i", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d"}
)
#: The voiced marks of Japanese: another letter, not an accent.
_VOICED = frozenset("\u3099\u309a")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])(?<!Whats(?=App))")
_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """A text in lower case and without accents; full-width and half-width forms become one."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in apart if c in _VOICED or not unicodedata.combining(c))
    return unicodedata.normalize("NFC", kept).translate(_PLAIN)


@lru_cache(maxsize=32_768)
def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(folded(_CAMEL.sub(" ", name))))


def words(name: str) -> tuple[str, ...]:
    """The words of a column's name; `phoneNumber` and `phone_number` have two."""
    return _words(name.strip()[:_LONGEST])


def key(name: str) -> str:
    """A name as it is looked up: E-Mail, e_mail and eMail are all "email"."""
    return "".join(words(name))


def listed(names: Iterable[str]) -> str:
    """Several columns as `--map` takes them: with commas between, quoted where one has its own."""
    return ",".join(
        '"' + name.replace('"', '""') + '"' if set(',+"') & set(name) else name for name in names
    )


def parted(text: str, separators: str) -> list[str]:
    """The names that `listed` has put together, or a person with one of some separators."""
    part = re.compile(
        rf'\s*"((?:[^"]|"")*)"\s*(?:[{separators}]|$)|([^{separators}]*)(?:[{separators}]|$)'
    )
    names: list[str] = []
    at = 0
    while at < len(text):
        match = part.match(text, at)
        if match is None:
            return [*names, text[at:]]
        names.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        at = match.end()
    return names
