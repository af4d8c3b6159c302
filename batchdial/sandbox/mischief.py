"""What becomes of each POST that the contract allows: a seeded choice, the same in every run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdial.sandbox.chance import chance

if TYPE_CHECKING:
    from batchdial.sandbox.settings import SandboxSettings

#: Field of the settings, and the word of a script that does the same.
SHARES = {
    "throttle": "429",
    "unavailable": "503",
    "error": "500",
    "drop": "drop",
    "no_call_id": "no_call_id",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The fate of one POST."""

    status: int | None  #: None sends no answer at all
    rings: bool = False  #: whether the call is really placed
    says: str | None = None  #: value of `status` in the answer's body
    names_call: bool = False  #: whether the answer carries the callId
    resets: bool = False  #: no answer: the connection is reset, not closed
    hangs: bool = False  #: no answer: the connection stays open until the caller gives up
    garbles: bool = False  #: the answer's body is not JSON


_WORDS = {
    "ok": Behaviour(200, rings=True, says="success", names_call=True),
    "failed": Behaviour(200, says="failed"),
    "no_call_id": Behaviour(200, rings=True, says="success"),
    "not_json": Behaviour(200, rings=True, garbles=True),
    "hang": Behaviour(None, rings=True, hangs=True),
}
_DROP = re.compile(r"drop(?P<which>-rang|-silent)?")
_STATUS = re.compile(r"(?P<status>[45][0-9][0-9])(?P<rang>-rang)?")


def is_word(word: str) -> bool:
    """Whether a script may say it."""
    return word in _WORDS or bool(_DROP.fullmatch(word) or _STATUS.fullmatch(word))


def pick(settings: SandboxSettings, ordinal: int) -> str:
    """
    The word for one POST where no script has a say.

    Args:
        settings: Seed and shares.
        ordinal: How many POSTs came before it.
    """
    point = chance(settings.seed, ordinal, "fate")
    for name, word in SHARES.items():
        point -= getattr(settings, name)
        if point < 0:
            return word
    return "ok"


def behaviour(word: str, seed: int, ordinal: int) -> Behaviour:
    """
    What a word means for one POST.

    `429` and any other status of an error answer so, and call nobody; with `-rang` the call was
    placed all the same. `drop` rings half of the time, `drop-rang` always, `drop-silent` never.

    Raises:
        ValueError: The word is none that a script may say.
    """
    if word in _WORDS:
        return _WORDS[word]
    if match := _DROP.fullmatch(word):
        rings = match["which"] == "-rang" if match["which"] else chance(seed, ordinal, "rang") < 0.5
        return Behaviour(None, rings=rings, resets=chance(seed, ordinal, "reset") < 0.5)
    if match := _STATUS.fullmatch(word):
        return Behaviour(int(match["status"]), rings=bool(match["rang"]))
    raise ValueError(word)
