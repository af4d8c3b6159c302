"""
One cell down to an optional plus and ASCII digits, or the word for what is wrong with it.

Nothing here knows a numbering plan. What a spreadsheet or a form has done to the
text is undone where only one text can have been there before, else it is named.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from batchdial.lists.labels import is_fax, without_label


class Cell(NamedTuple):
    """What one cell holds."""

    reason: str  #: why there is no number in it; empty where there is one
    digits: str  #: an optional plus and ASCII digits
    text: str  #: the number as it is written, in ASCII
    mended: bool = False  #: whether anything but blanks and punctuation was taken away
    was_number: bool = False  #: a spreadsheet wrote it as a number: no plus, no leading zeros


#: Cells longer than this hold more than a number, whatever it is.
_LONGEST = 200
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
#: Characters of other scripts that act as a plus, a bracket, a dash, a comma ...
_LIKE_ASCII = str.maketrans(
    "\uff0b\ufe62\uff08\uff09\uff0e\uff0f\u2212\u30fc\uff70\uff0c\u3001\u060c\uff1b\u061b\uff1a"
    "\uff03\uff0a\u066b\u2044\u2215\u2024\u00b7\u2019\u2018\u02bc\u00b4\u2032",
    "++()./---,,,;;:#*.//..'''''",
)
#: RIGHT-TO-LEFT OVERRIDE: what a person saw was the digits in another order.
_REVERSED = "\u202e"
_QUOTES = "'`"
_TEXT_FORMULA = re.compile(r'=?"([^"]*)"|=(\+?[0-9]{7,15})')
_EXCEL_ERROR = re.compile(
    r"#{2,}|#(?:N/?A|N/V|NV|REF|BEZUG|VALUE|WERT|VALEUR|NAME|NOM|NUM|NOMBRE|ZAHL|NULL|NUL|SPILL|ERROR|CALC|"
    r"DIV/0|GETTING_DATA|FIELD|VALOR|NOME)[!?]?|Err:[0-9]{3}",
    re.IGNORECASE,
)
_SCIENTIFIC = re.compile(
    r"[+-]?([0-9]{1,3})(?:[.,]([0-9]+))? ?(?:[eE]\+?|[x\u00d7*] ?10\^?)([0-9]{1,3})"
)
#: What a spreadsheet makes of a number cell; it has neither a plus nor a leading zero.
_FLOAT = re.compile(r"(\+?[1-9][0-9]{6,14})[.,]00?")
_EXTENSION = re.compile(
    r".*[0-9)][ .\-]*(?:[,(]? ?(?:;ext=|extn?|extension|x|durchwahl|dw|apparat|app|klappe|kl|poste|"
    r"ramal|interno|int|anexo|toestel|tst|wewn|wew|anknytning|ankn|lokal|alanumero|dahili|linka|"
    r"内線|分机|доб|доп|вн)\.?|#|p|w|,,+)[ .:]*[0-9]{1,6}[#)]?|.*[0-9],(?:[0-9]{3,4}|[0-9]+#)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:(?:19|20)[0-9]{2}([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])"
    r"|(?:0?[1-9]|[12][0-9]|3[01])([-./])(?:0?[1-9]|[12][0-9]|3[01])\2(?:19|20)[0-9]{2})"
    r"(?:[T ]+[0-9]{1,2}:.*)?|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
)
_AMOUNT = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+|.*%")
_DECIMAL = re.compile(r".*\.[0-9]|[^.]*\.0+|[0-9]+[.,][0-9]{1,2}|0?\.[0-9]+")
_SEPARATOR = re.compile(r"[,;|&\n\t]|/{2,}| {2,}[0+(]| - [0+(]|[0-9].*\+")
_PLAIN = re.compile(r"[0-9+( .][0-9 ().\-+]*")
_PLUS = re.compile(r"\(?(\+?)[^+]*")
#: "++44", "+00 44", "00+44": one way abroad, written twice.
_TWICE_ABROAD = re.compile(r"(\(?)(?:\+ ?\++|\+ ?\(?00(?=[ (]*[1-9])|00 ?\+)")
_ZERO_PLUS = re.compile(r"\(?0\)? ?\+")
#: Digits that would be dialled with the number: "1. 030 ...", "(2) 030 ...", "... (2)".
_MARK = re.compile(r"[0-9]{1,2}(?:(?:\.| ?-) |\.?\)).*|\([1-9]\) *\(?0.*|.*\([0-9 ]*\)", re.DOTALL)
_LONG_GROUP = re.compile(r"[0-9]{7,}")
_NOT_DIGIT = re.compile(r"[^0-9]")
_LETTERS = re.compile(r"[^\W\d_]+")


def read_cell(text: str) -> Cell:
    """What one cell holds, whatever a spreadsheet or a person has put around it."""
    if _E164.fullmatch(text):
        return Cell("", text, text)
    was_float = _as_float(text)
    if was_float:
        return was_float
    stripped = text.strip()
    if len(stripped) > _LONGEST or _REVERSED in text:
        return Cell("not_a_number", "", "")
    plain = stripped if stripped.isascii() else _in_ascii(stripped)
    cell = _unquoted(plain.replace("\r", "\n").strip())
    if not cell:
        return Cell("empty", "", "")
    was_number = _as_number(cell)
    if was_number:
        return was_number
    named = without_label(cell) if _has_label(cell) else None
    bare = cell if named is None else named.strip()
    bare = bare[:-1].rstrip() if bare[-1:] in (",", ";", ".") else bare
    bare = _TWICE_ABROAD.sub(r"\1+", bare, count=1) if "+" in bare else bare
    reason = "bad_prefix" if _ZERO_PLUS.match(bare) else _disorder(bare, cell)
    if reason:
        return Cell(reason, "", "")
    digits = _NOT_DIGIT.sub("", bare)
    if "+" in bare:
        digits = "+" + digits
        if digits.startswith("+0"):
            return Cell("bad_prefix", "", "")
    return Cell("", digits, bare, mended=_mended(stripped, bare))


def _mended(raw: str, bare: str) -> bool:
    """Whether more than blanks, dashes and invisible marks were taken away or replaced."""
    if raw == bare:
        return False
    if raw.isascii():
        kept = "".join(raw.split()).replace("-", "")
    else:
        kept = "".join(
            c for c in raw if not c.isspace() and unicodedata.category(c) not in ("Cf", "Pd")
        )
    return kept != bare.replace(" ", "").replace("-", "")


def _in_ascii(text: str) -> str:
    """
    Digits of every script, spaces and dashes of every kind as ASCII; invisible marks gone.

    Only decimal digits count: a footnote mark as in "123²" is no digit of the number.
    """
    plain = []
    for char in text.translate(_LIKE_ASCII):
        kind = unicodedata.category(char)
        if kind == "Nd":
            plain.append(str(unicodedata.decimal(char)))
        elif kind in ("Zs", "Pd"):
            plain.append(" " if kind == "Zs" else "-")
        elif kind != "Cf":
            plain.append(char)
    return "".join(plain)


def _unquoted(cell: str) -> str:
    """The cell without a spreadsheet's marks for text: '+44..., ="+44...", =+44..."""
    cell = cell.strip(_QUOTES).strip()
    formula = _TEXT_FORMULA.fullmatch(cell)
    if not formula:
        return cell
    return (formula[1] if formula[2] is None else formula[2]).strip(" " + _QUOTES)


def _as_number(cell: str) -> Cell | None:
    """The cell if a spreadsheet wrote it as a number, or in place of one."""
    if _EXCEL_ERROR.fullmatch(cell):
        return Cell("excel_error", "", "")
    scientific = _SCIENTIFIC.fullmatch(cell)
    if scientific:
        lead, decimals, exponent = scientific[1], scientific[2] or "", int(scientific[3])
        exact = len(decimals) == exponent and cell[0] not in "+-0"
        if exact and exponent:
            return Cell("", lead + decimals, cell, mended=True, was_number=True)
        return Cell("excel_scientific", "", "")
    return _as_float(cell)


def _as_float(cell: str) -> Cell | None:
    was_float = _FLOAT.fullmatch(cell)
    if was_float:
        return Cell("", was_float[1], cell, mended=True, was_number=was_float[1][0] != "+")
    return None


def _has_label(cell: str) -> bool:
    if cell.isascii():
        return cell.lower() != cell.upper()
    return any(char.isalpha() or ord(char) > 0x2000 for char in cell)


def _disorder(cell: str, whole: str) -> str:
    """The reason why a cell does not hold one number and nothing else, or an empty text."""
    if _PLAIN.fullmatch(cell):
        return _oddity(cell) if any(char.isdigit() for char in cell) else "not_a_number"
    reason = _addition(cell, whole)
    if reason:
        return reason
    cell = cell.replace("/", " ")
    return _oddity(cell) if _PLAIN.fullmatch(cell) else "not_a_number"


def _addition(cell: str, whole: str) -> str:
    """What stands beside the digits, by the first of the rules that knows it."""
    lettered = any(char.isalpha() for char in whole)
    found = (
        ("not_a_number", not any(char.isdigit() for char in cell)),
        ("dial_code", cell[:1] in "*#"),
        ("fax", lettered and is_fax(whole)),
        ("date", _DATE.fullmatch(cell)),
        ("amount", _AMOUNT.fullmatch(cell) or any(unicodedata.category(c) == "Sc" for c in cell)),
        ("extension", _EXTENSION.fullmatch(cell)),
        ("several_numbers", lettered and _numbers_between_letters(cell) > 1),
        ("letters", any(char.isalpha() for char in cell)),
        ("dial_code", "*" in cell or "#" in cell),
        ("decimal", _DECIMAL.fullmatch(cell)),
        ("several_numbers", _holds_several(cell) and not _MARK.fullmatch(cell)),
    )
    return next((reason for reason, is_so in found if is_so), "")


def _numbers_between_letters(cell: str) -> int:
    return sum(len(_NOT_DIGIT.sub("", part)) > 6 for part in _LETTERS.split(cell))


def _oddity(cell: str) -> str:
    """What is wrong with digits, blanks, plus, dots, dashes and brackets, or an empty text."""
    if _DATE.fullmatch(cell):
        return "date"
    if _DECIMAL.fullmatch(cell):
        return "decimal"
    if _MARK.fullmatch(cell):
        return "list_mark"
    if _holds_several(cell):
        return "several_numbers"
    if not _PLUS.fullmatch(cell) or cell[-1] not in "0123456789)":
        return "not_a_number"
    return ""


def _holds_several(cell: str) -> bool:
    """Whether a cell lists numbers; one slash after an area code, as in 030/1234567, does not."""
    if _SEPARATOR.search(cell):
        return True
    if len(_LONG_GROUP.findall(cell)) > 1:
        return True
    parts = [_NOT_DIGIT.sub("", part) for part in cell.split("/")]
    if len(parts) == 1:
        return False
    is_area = cell.startswith(("0", "+", "(")) and all(len(part) <= 6 for part in parts[:-1])
    return not (is_area and len(parts[-1]) >= 5)
