# ruff: noqa: RUF001 - letters that look alike are what this module is about
"""Which reading of foreign bytes looks like names: letters of one language, words one can say."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

_WINDOWS_LATIN = ("cp1252", "iso8859_15", "mac_roman", "cp850")
_CENTRAL = ("cp1250", "iso8859_2", "mac_latin2", "cp852")
_TURKISH = ("cp1254", "mac_turkish", "cp857")
_BALTIC = ("cp1257", "cp775")
_CYRILLIC = ("cp1251", "koi8_r", "iso8859_5", "mac_cyrillic", "cp866")
_GREEK = ("cp1253", "iso8859_7", "mac_greek")
_HEBREW = ("cp1255", "iso8859_8")
_ARABIC = ("cp1256", "iso8859_6")

#: Codecs that are tried; among readings that come to the same text the earlier one is named.
CODECS = (
    "cp1252", "cp1250", "cp1254", "cp1257", "cp1251", "cp1253", "cp1255", "cp1256", "cp874",
    "iso8859_15", "iso8859_2", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
    "koi8_r", "mac_roman", "mac_latin2", "mac_turkish", "mac_cyrillic", "mac_greek",
    "cp932", "gb18030", "big5", "cp949", "euc_jp",
)  # fmt: skip
#: Codecs of DOS: thought of only where nothing else makes sense.
DOS = ("cp850", "cp852", "cp866", "cp857", "cp775")


@dataclass(frozen=True, slots=True)
class _Language:
    """The letters beyond ASCII that a language writes, and the codecs it is written in."""

    codecs: tuple[str, ...]
    letters: frozenset[str]
    usual: frozenset[str] = frozenset()  #: for a script of its own: what most words are made of

    def fit(self, letters: str) -> float:
        """How well some letters, in lower case, fit: 1 for all of them, -1 for none."""
        if not self.usual:
            return sum(_weight(sign, self.letters) for sign in letters) / len(letters)
        weights = (
            1.0 if sign in self.usual else 0.35 if sign in self.letters else -1.0
            for sign in letters
        )
        return sum(weights) / len(letters)


def _weight(sign: str, letters: frozenset[str]) -> int:
    """Slovak has long r and l in a handful of words; elsewhere they are a misread a and A."""
    return -1 if sign not in letters else 0 if sign in "ŕĺ" else 1


def _latin(codecs: tuple[str, ...], letters: str) -> _Language:
    return _Language(codecs, frozenset(letters))


def _script(codecs: tuple[str, ...], first: str, last: str, usual: str) -> _Language:
    letters = frozenset(chr(code) for code in range(ord(first), ord(last) + 1))
    return _Language(codecs, letters | frozenset(usual), frozenset(usual))


@cache
def _languages() -> tuple[_Language, ...]:
    """All of them; most texts are UTF-8 and need none."""
    return (
        _latin(_WINDOWS_LATIN, "äöüß"),
        _latin(_WINDOWS_LATIN, "àâæçéèêëîïôùûüÿœ"),
        _latin(_WINDOWS_LATIN, "áéíñóúüçàèòï"),
        _latin(_WINDOWS_LATIN, "àáâãçéêíóôõú"),
        _latin(_WINDOWS_LATIN, "àèéìíîòóùú"),
        _latin(_WINDOWS_LATIN, "åäöæøéüáíóú"),
        _latin(_WINDOWS_LATIN, "éëïöüèáóíç"),
        _latin(_WINDOWS_LATIN, "áéíóúàèìòù"),
        _latin(_WINDOWS_LATIN, "áðéíóúýþæö"),
        _latin(("cp1252", "cp1257", "iso8859_15"), "äõöüšž"),
        _latin(_CENTRAL, "ąćęłńóśźż"),
        _latin(_CENTRAL, "áčďéěíňóřšťúůýž"),
        _latin(_CENTRAL, "áäčďéíĺľňóôŕšťúýž"),
        _latin(_CENTRAL, "áéíóöőúüű"),
        _latin(_CENTRAL, "ăâîşţ"),
        _latin(_CENTRAL, "čćđšž"),
        _latin(_TURKISH, "çğıöşüâîûİ"),
        _latin(_BALTIC, "ąčęėįšųūž"),
        _latin(_BALTIC, "āčēģīķļņšūž"),
        _script(_CYRILLIC, "а", "я", "оаеинтсрвлкмёй"),
        _script((*_CYRILLIC[:1], "iso8859_5"), "а", "я", "оаеинтсрвлкміїєґй"),
        _script(_GREEK, "ά", "ώ", "αοιετσνηυρπκςάέήίόύώ"),
        _script(_HEBREW, "א", "ת", "יולהםרמבאתנ"),
        _script(_ARABIC, "ء", "ي", "اليمنورتبةعدسفحه"),
        _script(("cp874",), "ก", "๛", "านรอกเงมยลวดทสตะปบคหแจชพผ่้ัี็ิุู์"),
        _script(
            ("cp932", "euc_jp"), "ぁ", "ヿ",
            "田中山木村本川井野藤佐高橋小林松伊渡辺加吉清斎池森石前島岡長谷和三上原内後近西口太郎子"
            "美一二大氏名電話番号携帯様東京都市区町部株式会社阿青平福宮坂今村上武千葉久保新里花金裕介"
            "のはいんしたかとなァアイウエオカキクケコサシスセソタチツテトナニヌネノマミムメモヤユヨラリルレロワンーあえうおきくけこさすせそちつてにまみめもやよらりるれ健翔直樹恵陽真由香智",
        ),
        _script(
            ("gb18030",), "一", "\u9fff",
            "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程"
            "苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝"
            "龚邵万钱严武戴莫孔向汤明伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛超霞平刚桂建国文华玉红志姓名电"
            "话手机号码邮箱公司北京上海市省区路小大中新东海晓燕玲辉鹏飞婷雪梅兰春生德成永",
        ),
        _script(
            ("big5",), "一", "\u9fff",
            "陳林黃張李王吳劉蔡楊許鄭謝郭洪邱曾廖賴徐周葉蘇莊呂江何蕭羅高潘簡朱鍾游彭詹胡施沈余盧梁趙"
            "顏柯翁魏孫戴范方宋鄧杜傅侯曹薛丁卓阮馬董温唐藍石蔣田康鄒白涂尤巫姓名電話手機號碼信箱公司"
            "台北臺灣市縣區路小大中明偉志家豪淑芬美玲雅婷怡君俊傑文華玉麗惠芳秀英建國宏宗雯慧國",
        ),
        _script(
            ("cp949",), "가", "힣",
            "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원"
            "천방공현함변염여추도소석선설마길연수영호준경희은미숙자순옥철동상재훈태승기름화번전메일연락처"
            "대일국나라아리가보혜빈예윤인명용광종병",
        ),
    )  # fmt: skip


_VOWELS = frozenset("aeiouyœæøıаеёиоуыэюяіїєαειοηυωаåöäü")
_WORD = re.compile(r"[^\W\d_]+(?:[\u2019'][^\W\d_]+)?")
_LETTERS = re.compile(r"[^\W\d_]")
#: A symbol where a name has none: the mark of a wrong codec, as in "£ukasz" for "Łukasz".
_MOJIBAKE = re.compile(
    r"(?<![\u0e01-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|(?<!\S)\u00bb(?=[^\W\d_])|[\x80-\x9f\u0300-\u036f\ufffd\ue000-\uf8ff\u2200-\u25ff]"
    r"|(?<=[^\W\d_])[\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6\u00b8\u00bb\u00bf\u00d7\u00f7\u00b5"
    r"\u00b2\u00b3\u00b9\u0192\u201a\u201c-\u201e\u2020-\u2022\u2030\u2039\u203a\u02c0-\u02ff\u2122](?=[^\W\d_])"
    r"|\b[\u00a2-\u00a9\u00ac-\u00b3\u00b5\u00b8\u00b9\u00bc-\u00be\u0192](?=[^\W\d_])"
    r"|(?<=[^\W\d_])[\u00a2\u00a4-\u00a6\u00a8\u00ac\u00af\u00b1-\u00b3\u00b5\u00b8-\u00b9\u00bc-\u00bf\u201a\u201e\u02c6]"
    r"|(?<![lL])(?<=[^\W\d_])\u00b7(?=[^\W\d_])|[A-Za-z][\u0e00-\u0e7f]|[\u0e00-\u0e7f][A-Za-z]"
    r"|(?<=[^\W\d_])[\u2013\u2014\u2018\u2026](?=[a-z\u00df-\u00ff])"
    r"|(?<=[^\W\d_]{3})\u2019(?!s\b|t\b|S\b|T\b|\w?\w?\w?l?l?i?\b\s)(?=[a-z])"
)
#: Signs beyond ASCII other than those of word processors and price lists.
_UNUSUAL_SIGN = re.compile(
    r"[^\x00-\x7f\u00a0\u00a3\u00a9\u00ab\u00ad-\u00b0\u00b2\u00b3\u00b7\u00bb-\u00be"
    r"\u2013\u2014\u2018\u2019\u201c-\u201e\u2022\u2026\u20ac\u2122]"
)

#: As how many words signs count, where no letter tells.
_SIGNS_TELL = 9


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one codec makes of some bytes."""

    codec: str
    text: str
    words: int  #: how many different words that tells of
    merit: float  #: 1 for words of one language; below 0 for what nobody wrote


def opinion(codec: str, content: bytes) -> Opinion | None:
    """What a codec makes of bytes, or None where that is surely no text."""
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        if error.start < len(content) - 3 or len(content) < 1 << 16:
            return None
        text = content[: error.start].decode(codec)  # the sample was cut within a character
    if _MOJIBAKE.search(text):
        return None
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    foreign = "".join(sign for word in words for sign in word if not sign.isascii()).lower()
    foreign = "".join(filter(_LETTERS.match, foreign)) or "".join(
        sign for sign in text if not sign.isascii() and sign.isalpha()
    )
    if not foreign:
        if _UNUSUAL_SIGN.search(text):
            return None
        return Opinion(codec, text, _SIGNS_TELL, 0.9 if codec == "cp1252" else 0.5)
    mixed = sum(len({_script_of(s) for s in word if _LETTERS.match(s)}) > 1 for word in words)
    if mixed > len(words) / 10:
        return None
    fit = max(
        (lang.fit(foreign) for lang in _languages() if codec in lang.codecs),
        default=-1.0,
    )
    return Opinion(codec, text, len(set(words)), fit - sum(map(_oddity, words)) / len(words))


@lru_cache(maxsize=4096)
def _script_of(sign: str) -> str:
    """The script of a letter; Chinese characters and kana live together."""
    name = unicodedata.name(sign, "?").split()[0]
    kin = {"CJK": "CJK", "HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK"}
    return kin.get(name, name)


def _oddity(word: str) -> float:
    """How hard a word is to say, from 0: long clusters, capitals within, letters out of place."""
    plain = word.lower()
    odd = 0.0
    if any(a.islower() and b.isupper() and not (a + b).isascii() for a, b in pairwise(word)):
        odd += 1.0
    if word[0].islower() and not word[0].isascii():
        odd += 0.25
    if len(word) == 1 and plain < "\u0590":
        odd += 0.5
    kinds = "".join("v" if _base(sign) in _VOWELS else "c" for sign in plain)
    if plain[0] < "\u0590":
        for place, sign in enumerate(plain):
            if sign.isascii():
                continue
            run = _run(kinds, place)
            odd += 0.5 * max(0, run - 2) if kinds[place] == "v" else 0.4 * max(0, run - 2)
            after = kinds[place + 1 : place + 2]
            if (sign == "ñ" and after != "v") or (sign == "ń" and after == "v"):
                odd += 1.0
        if "v" not in kinds and len(word) > 2:
            odd += 0.7
    return min(odd, 2.0)


def _run(kinds: str, place: int) -> int:
    """How many letters of one kind stand together around a place."""
    start = end = place
    while start and kinds[start - 1] == kinds[place]:
        start -= 1
    while end + 1 < len(kinds) and kinds[end + 1] == kinds[place]:
        end += 1
    return end - start + 1


@lru_cache(maxsize=4096)
def _base(sign: str) -> str:
    return unicodedata.normalize("NFD", sign)[0]
