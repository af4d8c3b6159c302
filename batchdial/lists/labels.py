"""
Words that may stand beside a number without changing which number it is.

The list is closed: a word that is not here may be a vanity number, an
extension, a second person or a note, and its cell is refused.
"""
# ruff: noqa: RUF001

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = """
    phone|phone no|phone nr|phone number|telephone|telephone no|telephone number|tele|tel
    tel no|tel nr|ph|mobile|mobile no|mobile number|mobile phone|mob|cell|cell no|cell phone
    cellphone|cellular|home|work|office|business|private|personal|direct|main|number|whatsapp
    whats app|wa|voice|contact|telefon|telefon nr|telefonnummer|fon|handy|handynummer|mobil
    mobilnummer|mobiltelefon|privat|gesch[äa]ftlich|b[üu]ro|zentrale|direkt|ruf|rufnummer
    t[ée]l|t[ée]l[ée]phone|portable|port|mobile perso|domicile|bureau|fixe|gsm|natel
    tel[ée]fono|telf|tfno|tlf|tlfn|m[óo]vil|celular|cel|casa|trabajo|oficina|fijo|telefone
    fone|telem[óo]vel|tlm|telm|trabalho|escrit[óo]rio|fixo|telefono|cellulare|ufficio
    abitazione|fisso|lavoro|telefoon|telefoonnummer|mobiel|mobieltje|thuis|werk|kantoor
    kom[óo]rka|kom|tel kom|telefon kom[óo]rkowy|dom|praca|biuro|stacjonarny|hem|arbete|arbejde
    hjem|arbeid|jobb|puh|puhelin|matkapuhelin|koti|työ|cep|cep tel|cep telefonu|telefon no|ev
    i[şs]|ofis|電話|電話番号|携帯|携帯電話|自宅|会社|勤務先|电话|手机|手机号|手机号码|座机
    办公|電話號碼|手機|連絡先|тел|телефон|моб|моб тел|мобильный|сот|рабочий|домашний|дом|раб
    τηλ|τηλέφωνο|κινητό|טלפון|נייד|هاتف|جوال|موبايل|전화|휴대폰|휴대전화
"""
#: Letters that stand for a word only beside a colon or a dot, or in brackets.
_LETTERS: Final = "[cfhmptw]"
_FAX: Final = "fax|telefax|fax no|fax nr|faxnummer|t[ée]l[ée]copie|факс|传真|傳真|ファックス"


def _alternatives(words: str) -> str:
    """One pattern for all words, the longest first; a blank stands for blanks, dots and dashes."""
    listed = {word.strip() for line in words.splitlines() for word in line.split("|")} - {""}
    return "|".join(w.replace(" ", r"[ .\-]*") for w in sorted(listed, key=lambda w: (-len(w), w)))


_WORD = _alternatives(_WORDS)
_SIGN = "[\u260e\u260f\u2706\U0001f4de\U0001f4f1\U0001f4f2]\ufe0f?"
_BEFORE = re.compile(
    rf"(?:(?:{_SIGN} *)?(?:(?:{_WORD})(?: ?[/&] ?(?:{_WORD}))*(?: *\((?:{_WORD})\))?\.? ?[:\-]?|"
    rf"(?!f){_LETTERS}(?: ?:|\.)|{_SIGN} ?:?)) *",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"(?<=[0-9])(?:,? *\((?:{_WORD}|(?!f){_LETTERS})\.?\)|(?: +-?|, ?| ?- ?) *(?:{_WORD})\.?)\Z",
    re.IGNORECASE,
)
_FAX_BEFORE = re.compile(
    rf"(?:(?:{_FAX})\b|(?:{_WORD})? ?[/&]? ?(?:{_FAX})|f ?[:.])", re.IGNORECASE
)
_FAX_AFTER = re.compile(rf".*[0-9)] *[(\-,]? *(?:(?:{_FAX})\)?|\(f\.?\))", re.IGNORECASE)
#: How the number goes on after a label; "Tel 2 030 ..." could as well be "Tel 2: 030 ...".
_NUMBER_FOLLOWS = re.compile(r"\+|0|\(\+?0|\([0-9]{2}|8 ?\([0-9]|[0-9]{3}")
_NANP_FOLLOWS = re.compile(r"1[ .-]?\(?[2-9][0-9]{2}[ .)-]")


def without_label(cell: str) -> str | None:
    """The cell without one known label before and after its number; None where there is none."""
    before = _BEFORE.match(cell)
    rest = cell[before.end() :] if before else cell
    if before:
        sure = before[0].rstrip().endswith(":")
        if not _NUMBER_FOLLOWS.match(rest) and not (sure and _NANP_FOLLOWS.match(rest)):
            return None
    found = _AFTER.search(rest)
    if found:
        return rest[: found.start()]
    return rest if before else None


def is_fax(cell: str) -> bool:
    """Whether a cell says that its number is a fax."""
    return bool(_FAX_BEFORE.match(cell) or _FAX_AFTER.fullmatch(cell))
