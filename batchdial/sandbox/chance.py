"""Chance that repeats itself: the same parts give the same number, on every machine."""

from __future__ import annotations

from hashlib import blake2b


def digest(*parts: object) -> str:
    """Sixteen hexadecimal digits that depend on the parts alone."""
    text = "\x1f".join(map(str, parts))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def chance(*parts: object) -> float:
    """A number from 0 up to, not including, 1, evenly spread, that depends on the parts alone."""
    return (int(digest(*parts), 16) >> 11) / 2**53
