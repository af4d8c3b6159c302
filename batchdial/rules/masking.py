"""Text of others without the people in it: numbers and addresses masked, keys cut."""

from __future__ import annotations

import re

from batchdial.rules.cells import mask_email, mask_number

#: Seven to fifteen digits (E.164), with what people put between them.
_NUMBER = re.compile(r"(?<![\w./:-])\+?\(?[0-9](?:[ ().-]{0,2}[0-9]){6,14}(?!\w)")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
#: The vendor's keys begin so; enough of one is left to tell it from another.
_KEY = re.compile(r"(caldLive)[\w-]{4,}", re.IGNORECASE)


def masked(text: str) -> str:
    """The text as it may be shown to whoever looks over a shoulder, or reads a log."""
    shown = _EMAIL.sub(lambda match: mask_email(match[0]), without_keys(text))
    return _NUMBER.sub(
        lambda match: match[0] if _TIME.match(match[0]) else mask_number(match[0]), shown
    )


def without_keys(text: str) -> str:
    """The text without whatever looks like a key of the vendor's."""
    return _KEY.sub(r"\1…", text)
