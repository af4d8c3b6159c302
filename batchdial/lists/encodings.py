"""Which text encoding a file is in, and proof that all of it decodes."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from batchdial.errors import ConfigError, ListError, QuestionError
from batchdial.lists.alphabets import CODECS, DOS, Opinion, opinion
from batchdial.rules.cells import printable

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1 << 20
_HEAD = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: How much better than the next the best reading must be, and how good at all.
_MARGIN = 0.15
_ENOUGH = 0.3
#: What is added to the margin where only one word tells.
_DOUBT = 0.6
_LOST_BYTE = re.compile("[\udc80-\udcff]")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b") | {127})


def was_misread(text: str) -> bool:
    """Whether a text is UTF-8 that somebody once read as cp1252 and saved so: `JosÃ©`."""
    if text.isascii():
        return False
    try:
        return not text.encode("cp1252").decode("utf-8").isascii()
    except UnicodeError:
        return False


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a file's bytes found."""

    size: int  #: bytes
    digest: str  #: SHA-256 in hex
    head: bytes  #: the first 64 KiB
    has_nul: bool
    lost: int  #: bytes that are no valid UTF-8
    multibyte: int  #: bytes that continue a valid UTF-8 character

    @property
    def looks_binary(self) -> bool:
        """Whether more control characters stand at the start than text ever has."""
        return len(self.head) - len(self.head.translate(None, _CONTROLS)) > len(self.head) // 100


def survey(path: Path) -> Survey:
    """Read a file: its digest, and whether it could be UTF-8."""
    try:
        return _survey(path, "strict")
    except UnicodeDecodeError:  # what is lost is counted, which takes twice as long
        return _survey(path, "surrogateescape")


def _survey(path: Path, errors: str) -> Survey:
    digest, size, head, has_nul = hashlib.sha256(), 0, b"", False
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    chars = lost = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            head = head or chunk[:_HEAD]
            size += len(chunk)
            digest.update(chunk)
            has_nul = has_nul or b"\0" in chunk
            text = decoder.decode(chunk)
            chars += len(text)
            if errors != "strict" and not text.isascii():
                lost += len(_LOST_BYTE.findall(text))
    rest = decoder.decode(b"", final=True)
    return Survey(
        size,
        digest.hexdigest(),
        head,
        has_nul,
        lost + len(rest),
        size - chars - len(rest),
    )


def choose(path: Path, name: str, found: Survey, asked: str | None) -> str:
    """
    Name the codec of a text file.

    The order is: what was asked for, a byte order mark, UTF-16 without one,
    strict UTF-8, and only then statistics over the lines that are not ASCII.

    Raises:
        ConfigError: No codec has the name that was asked for.
        QuestionError: Two codecs read the file equally well.
        ListError: It is no text, or UTF-8 with damage.
    """
    if asked is not None:
        codec = known(asked)
    else:
        codec = next((codec for bom, codec in _BOMS if found.head.startswith(bom)), "")
        codec = codec or (_wide(found.head) if found.has_nul else "")
    if found.has_nul and not codec.startswith(("utf-16", "utf-32")):
        raise ListError(
            f"{name} line {_first_nul(path)} holds a NUL byte, so it is not a sound text file. "
            "Export the list again as CSV UTF-8."
        )
    if codec:
        return codec
    if not found.lost:
        return "utf-8"
    if found.multibyte > found.lost:
        raise undecodable(path, name, "utf-8")
    return _legacy(path, name)


def known(asked: str) -> str:
    """Python's own name of a codec; ConfigError where there is none for text."""
    try:
        codec = codecs.lookup(asked).name
        io.TextIOWrapper(io.BytesIO(), encoding=codec)  # refuses rot13 and other non-texts
    except (LookupError, ValueError):
        near = get_close_matches(
            asked.lower(), ("utf-8", "utf-16", "latin-1", *CODECS, *DOS), 1, 0.5
        )
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ConfigError(
            f"There is no encoding {asked!r}.{hint} Usual ones: utf-8, utf-16, cp1252, mac_roman."
        ) from None
    return codec


def undecodable(path: Path, name: str, codec: str) -> ListError:
    """The error for a file that does not decode, with the first line that fails."""
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(4096), b""):
            try:
                line += decoder.decode(chunk).count("\n")
            except UnicodeDecodeError as error:
                line += bytes(error.object[: error.start]).decode(codec, "ignore").count("\n")
                break
            except UnicodeError:
                break
    return ListError(
        f"{name} line {line}: this is no {codec} text, and no character is replaced by a guess.\n"
        "Export the list again as CSV UTF-8, or name its encoding: --encoding cp1252"
    )


def _first_nul(path: Path) -> int:
    """The line of the first NUL byte."""
    line = 1
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            place = chunk.find(b"\0")
            if place >= 0:
                return line + chunk.count(b"\n", 0, place)
            line += chunk.count(b"\n")
    return line


def _wide(head: bytes) -> str:
    """UTF-16 or UTF-32 without a byte order mark, told by where the zero bytes stand."""
    zeros = [head[place::4].count(0) / max(1, len(head) // 4) for place in range(4)]
    shapes = {
        "utf-32-le": (0, 1, 1, 1),
        "utf-32-be": (1, 1, 1, 0),
        "utf-16-le": (0, 1, 0, 1),
        "utf-16-be": (1, 0, 1, 0),
    }
    for codec, shape in shapes.items():
        pairs = zip(zeros, shape, strict=True)
        if all(zero > 0.5 if expected else zero < 0.2 for zero, expected in pairs):
            return codec
    return ""


def _legacy(path: Path, name: str) -> str:
    """The codec of a file that is not UTF-8: the one in which its foreign words are words."""
    sample = _foreign_lines(path)
    readings = _readings(CODECS, sample) or _readings(DOS, sample)
    if not readings or readings[0].merit < _ENOUGH:
        raise QuestionError(
            f"{name}: its encoding cannot be told, and no character is replaced by a guess.\n"
            "Export it as CSV UTF-8, or name its encoding, as in --encoding cp1252"
        )
    margin = _MARGIN + _DOUBT / max(1, readings[0].words)
    near = [one for one in readings if one.merit >= readings[0].merit - margin]
    if len(near) == 1:
        return near[0].codec
    raise QuestionError(
        f"{name} could be in more than one encoding: "
        + ", ".join(f"{one.codec} ({_glimpse(one.text)})" for one in near[:4])
        + f".\nSay which: --encoding {near[0].codec}"
    )


def _readings(codecs_: tuple[str, ...], sample: bytes) -> list[Opinion]:
    """What could be meant, the likeliest first; of codecs that agree only the first is named."""
    found: dict[str, Opinion] = {}
    for codec in codecs_:
        one = opinion(codec, sample)
        if one and one.merit >= 0:
            known_as = found.get(one.text)
            if known_as is None or one.merit > known_as.merit + _MARGIN:
                found[one.text] = one
    return sorted(found.values(), key=lambda one: -one.merit)


def _foreign_lines(path: Path) -> bytes:
    """Up to 64 KiB of the lines that are not plain ASCII; the others tell nothing."""
    lines: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(_HEAD), b""):
            if not line.isascii():
                lines.append(line)
                size += len(line)
            if size >= _HEAD:
                break
    return b"".join(lines)


def _glimpse(text: str) -> str:
    """A few foreign words of a text, by which a person sees whether a codec fits."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    return printable(" ".join(words[:3]), 40)
