"""
Decide whether an e-mail cell holds one address, without the network.

The rules are those of RFC 5321 that no mail system can do without (one @, lengths,
a host name with a dot); quoted local parts and literal hosts, legal but found
only in tests, are refused. A bad address never stops a call: it is not sent.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from batchdial.lists.sentences import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Email(NamedTuple):
    """What one e-mail cell holds."""

    address: str  #: the address to send; empty where there is none
    reason: str = ""  #: why a cell that is not blank holds none


#: What is wrong with an address, as the end of "The e-mail address is not sent: ...".
PROBLEMS: Final = {
    "several": "the cell holds more than one",
    "no_address": "it has no @ with a name before and a domain after it",
    "spaces": "there is a blank within it",
    "characters": "it holds a character that no address has",
    "dots": "it begins or ends with a dot, or has two in a row",
    "domain": "its domain is no host name",
    "too_long": "it is longer than an address can be",
}

#: What forms and exports write for nothing.
_NOTHING = frozenset({"-", "--", "n/a", "na", "none", "null", "nil", "nan", "(null)", "#n/a", "x"})
#: Octets; RFC 5321 section 4.5.3.1.
_LOCAL, _WHOLE, _LABEL = 64, 254, 63
_LONGEST_CELL = 1000
_BLANKS_AROUND = " \t\r\n\u00a0\u200b\ufeff\u200e\u200f\u2060\x00"
_NAMED = re.compile(r"[^<>@]*<([^<>]*)>")
_MAILTO = re.compile(r"mailto:\s*([^?]*)(?:\?.*)?", re.IGNORECASE)
#: What most addresses are, if they are short enough for every limit of length.
_PLAIN = re.compile(
    r"[A-Za-z0-9_+\-]++(?:\.[A-Za-z0-9_+\-]++)*+"
    r"@(?:[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+\.)+[A-Za-z]{2,}"
)
#: Lines of which each is blank or such an address: one search for many, since most are.
_PLAIN_LINES = re.compile(rf"(?:(?![^\n]{{{_LOCAL + 1}}})(?:{_PLAIN.pattern})?\n)*+".encode())
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]+")
_ASCII_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?")
_TOP = re.compile(r"[A-Za-z]{2,}|xn--[a-z0-9\-]+", re.IGNORECASE)


def check_email(text: str) -> str:
    """The address that a cell holds, as it is sent; empty where it holds none, or no good one."""
    return read_email(text).address


def doubtful_addresses(lines: bytes) -> list[int]:
    """The places of cells, see `models.in_lines`, that are neither blank nor plain addresses."""
    found: list[int] = []
    at = place = 0
    while at < len(lines):
        known = _PLAIN_LINES.match(lines, at)
        end = known.end() if known else at
        place += lines.count(b"\n", at, end)
        if end < len(lines):
            found.append(place)
            place += 1
            end = lines.index(b"\n", end) + 1
        at = end
    return found


def first_email(texts: Iterable[str]) -> str:
    """The first good address of several cells; empty where none holds one."""
    return next(filter(None, map(check_email, texts)), "")


def read_email(text: str) -> Email:
    """
    The address in a cell, or the word for what is wrong with it.

    Undone without a word: blanks and invisible marks around it, `mailto:`,
    `Name <address>`, a comma or semicolon at the end, full-width characters.

    Args:
        text: The cell as it was read.

    Returns:
        The address; or none and a key of `PROBLEMS`; or neither for a blank cell.
    """
    if len(text) <= _LOCAL and _PLAIN.fullmatch(text):
        return Email(text)
    return examined(text)


def examined(text: str) -> Email:
    """The same for any text, the long way."""
    if len(text) > _LONGEST_CELL:
        return Email("", "too_long")
    found = _unwrapped(text)
    if not found:
        return Email("")
    if found.count("@") > 1 or re.search(r"@.*[,;|\n].*", found):
        return Email(
            "", "several" if re.search(r"@.*[\s,;|/].*@", found, re.DOTALL) else "characters"
        )
    local, at, domain = found.partition("@")
    if not (local and at and domain):
        return Email("", "no_address")
    if any(char.isspace() for char in found):
        return Email("", "spaces")
    reason = _local_problem(local) or _domain_problem(domain)
    if not reason and len(found.encode()) > _WHOLE:
        reason = "too_long"
    return Email("", reason) if reason else Email(found)


def email_note(texts: Sequence[str]) -> str:
    """The sentence for a row whose e-mail address is not sent; empty where one is, or all blank."""
    if first_email(texts):
        return ""
    wrong = ((text, read_email(text).reason) for text in texts)
    return next(
        (
            f"The e-mail address {quote(text)} is not sent: {PROBLEMS[reason]}."
            for text, reason in wrong
            if reason
        ),
        "",
    )


def _unwrapped(text: str) -> str:
    found = text.strip(_BLANKS_AROUND)
    if not found.isascii():
        found = found.translate(_WIDE)
    named = _NAMED.fullmatch(found)
    found = (named[1] if named else found).strip(_BLANKS_AROUND)
    link = _MAILTO.fullmatch(found)
    found = (link[1] if link else found).strip(_BLANKS_AROUND).lstrip("'")
    found = found[:-1].rstrip() if found[-1:] in (",", ";", ".") else found
    return "" if found.casefold() in _NOTHING else found


#: Full-width forms of ASCII, as Japanese and Chinese keyboards write them.
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def _local_problem(local: str) -> str:
    if len(local.encode()) > _LOCAL:
        return "too_long"
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return "dots"
    rest = "".join("a" if _is_foreign_letter(char) else char for char in local)
    return "" if _LOCAL_PART.fullmatch(rest) else "characters"


def _domain_problem(domain: str) -> str:
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        return "dots"
    labels = domain.split(".")
    if len(labels) < 2:
        return "domain"
    if any(_encoded_length(label) > _LABEL for label in labels):
        return "too_long"
    ascii_only = ["".join("a" if _is_foreign_letter(c) else c for c in label) for label in labels]
    if not all(_ASCII_LABEL.fullmatch(label) for label in ascii_only):
        return "domain"
    return "" if _TOP.fullmatch(ascii_only[-1]) else "domain"


def _is_foreign_letter(char: str) -> bool:
    """Whether a character is one of those that internationalised addresses add (RFC 6531)."""
    return ord(char) > 127 and unicodedata.category(char)[0] in "LMN"


def _encoded_length(label: str) -> int:
    """Octets of one label on the wire: IDNA adds `xn--` to Punycode."""
    return len(label) if label.isascii() else 4 + len(label.encode("punycode"))
