"""What is said of a cell that holds no number to dial: what happened, and how to mend the sheet."""

from __future__ import annotations

from typing import Final

_AS_TEXT = "Format the column as text in the original and export again"

#: One sentence or two a reason; `{cell}` is the cell as it is cited.
DETAILS: Final = {
    "empty": "There is no number in this row. Fill it in.",
    "needs_region": "{cell} has no country code. Write it as +COUNTRY..., or say --region GB.",
    "bad_region": "{region} is no country that is known here. Write its two letters, such as GB, "
    "or the number with + and its country code.",
    "excel_scientific": "{cell} lost its last digits when the sheet was saved. "
    + _AS_TEXT
    + "; the number cannot be restored from this file.",
    "excel_error": "{cell} is what a spreadsheet shows in place of a number: the column was too "
    "narrow, or a formula failed. Widen or mend it in the original and export again.",
    "decimal": "{cell} has decimals, so something treated it as an amount. " + _AS_TEXT + ".",
    "amount": "{cell} is written like an amount. " + _AS_TEXT + ", with the whole number.",
    "date": "{cell} looks like a date. " + _AS_TEXT + "; or map the right column.",
    "not_a_number": "{cell} cannot be read as one phone number. Leave only the number in the cell.",
    "letters": "{cell} holds letters. Leave only the number in the cell.",
    "fax": "{cell} is a fax number. Write a number where somebody answers.",
    "several_numbers": "{cell} holds more than one number. Leave one, or put the others in a "
    "column of their own.",
    "list_mark": "{cell} has a list mark or a count beside the number, which would be dialled "
    "with it. Leave only the number in the cell.",
    "extension": "{cell} has an extension, which cannot be dialled. Write the direct number.",
    "dial_code": "{cell} holds a code of the telephone network (* or #). Leave only the number.",
    "bad_prefix": "{cell} has a zero beside its plus, and no country code begins so. Write it as "
    "+COUNTRY..., or without the plus.",
    "foreign_prefix": "{cell} begins like a call abroad from another country. Write + in place "
    "of 00 or 011.",
    "lost_plus": "{cell} is no number of this country; if it is {readings} without its plus, "
    "write it so.",
    "too_short": "{cell} has too few digits. Write the whole number with its area code.",
    "too_long": "{cell} has too many digits. Check it against the source.",
    "not_valid": "{cell} is in no range that is in use. Check it against the source.",
    "ambiguous": "{cell} could be {readings}. Write it with + and its country code.",
}

_QUOTED = 40


def quote(text: str) -> str:
    """The cell as it is cited: on one line, and not longer than a line bears."""
    text = text[: _QUOTED * 10]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    shown = " ".join(text.split())
    return f'"{shown[:_QUOTED]}…"' if len(shown) > _QUOTED else f'"{shown}"'
