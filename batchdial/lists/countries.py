"""Which country a cell means: a code, a name in one of many languages, or a dialling code."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from batchdial.lists.words import key

#: What people write beside the official names, which are in countries.tsv: its languages are
#: English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Danish, Norwegian,
#: Swedish, Finnish, Turkish, Japanese and Chinese.
_ALSO = {
    "AE": "UAE|U.A.E.|Emirates|Emirate|VAE|Emiratos|EAU|BAE|Dubai|阿联酋|阿聯酋",
    "AT": "Republik Österreich",
    "AU": "Commonwealth of Australia|豪州|澳洲",
    "BA": "Bosnia|Bosnien|Bosnia and Herzegovina|Bosnien und Herzegowina",
    "BN": "Brunei Darussalam",
    "BO": "Plurinational State of Bolivia",
    "BR": "República Federativa do Brasil",
    "BY": "Weißrussland|Belorussia|Hviterussland|Hviderusland|Vitryssland",
    "CD": "DR Congo|DRC|Democratic Republic of the Congo|Demokratische Republik Kongo|RDC|"
    "République démocratique du Congo|Congo (Kinshasa)",
    "CG": "Republic of the Congo|Congo-Brazzaville|Congo (Brazzaville)",
    "CH": "Swiss|Confoederatio Helvetica|Confédération suisse|Schweizerische Eidgenossenschaft",
    "CI": "Ivory Coast|Cote d'Ivoire|Elfenbeinküste",
    "CN": "PRC|P.R. China|PR China|VR China|People's Republic of China|Mainland China|"
    "中华人民共和国|中國大陸|中国大陆",
    "CV": "Cabo Verde",
    "CY": "Republic of Cyprus",
    "CZ": "Czech Republic|Tschechische Republik|République tchèque|República Checa|"
    "Repubblica Ceca|Tsjechische Republiek|Republika Czeska|Tjekkiet|Tschechei|Česko|"
    "Česká republika|捷克共和国",
    "DE": "Bundesrepublik Deutschland|BRD|Federal Republic of Germany",
    "DK": "Danmark",
    "ES": "Reino de España|Spanje",
    "FI": "Suomi",
    "FK": "Falklands|Malvinas",
    "FM": "Federated States of Micronesia",
    "FR": "France métropolitaine|République française",
    "GB": "UK|U.K.|Great Britain|Britain|G.B.|England|Scotland|Wales|Northern Ireland|"
    "United Kingdom of Great Britain and Northern Ireland|Großbritannien|"
    "Grande-Bretagne|Grande Bretagne|Gran Bretaña|Grã-Bretanha|Gran Bretagna|Groot-Brittannië|"
    "Anglia|Angleterre|Inglaterra|Inghilterra|Engeland|İngiltere|Englanti|"
    "Schottland|Écosse|Escocia|Scozia|Schotland|Szkocja|İskoçya|VK",
    "GR": "EL|Hellas|Hellenic Republic|Ελλάδα",
    "HK": "Hong Kong|Hongkong|Hong Kong SAR|香港",
    "HU": "Magyarország",
    "IE": "Republic of Ireland|Éire|Irish Republic",
    "IN": "Bharat",
    "IR": "Islamic Republic of Iran",
    "IT": "Repubblica Italiana",
    "JP": "Nippon|Nihon|日本国",
    "KP": "DPRK",
    "KR": "Republic of Korea|Korea, Republic of|Korea (South)|Republik Korea|韓国|南韓|韩国|韓國",
    "LA": "Lao PDR",
    "MD": "Republic of Moldova|Moldawien",
    "MK": "Macedonia|FYROM|Mazedonien|Macédoine|Republic of North Macedonia",
    "MM": "Burma|Myanmar",
    "MO": "Macau|Macao|Macau SAR|澳门|澳門|マカオ",
    "NL": "Holland|The Netherlands|Hollande|Holanda|Olanda|Holandia|Hollanti|Hollanda|"
    "Königreich der Niederlande|Países Bajos|荷蘭",
    "NO": "Norge|Noreg",
    "NZ": "Aotearoa",
    "PH": "The Philippines",
    "PL": "Rzeczpospolita Polska",
    "PS": "Palestine|Palästina",
    "RU": "Russian Federation|Russische Föderation|Fédération de Russie|Россия|"
    "Federación de Rusia|俄国",
    "SA": "KSA|Saudi|Kingdom of Saudi Arabia",
    "SE": "Sverige",
    "SG": "Republic of Singapore",
    "SK": "Slovak Republic|Slovensko|Slowakische Republik",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey|Turkiye Cumhuriyeti",
    "TW": "中華民國|臺灣",
    "TZ": "United Republic of Tanzania",
    "UA": "Україна",
    "US": "U.S.|U.S.A.|United States of America|US of A|The States|"
    "Vereinigte Staaten von Amerika|États-Unis d'Amérique|Etats Unis|EE.UU.|EE. UU.|EEUU|EUA|"
    "E.U.A.|Estados Unidos de América|Estados Unidos da América|Stati Uniti d'America|"
    "Verenigde Staten van Amerika|VS|Stany Zjednoczone Ameryki|Amerikas forente stater|"
    "De forenede stater|Förenta staterna|Amerikan yhdysvallat|ABD|アメリカ|米国|美利坚合众国",
    "VA": "Vatican|Vatikan|Holy See",
    "VE": "Bolivarian Republic of Venezuela",
    "VN": "Viet Nam|越南",
    "ZA": "RSA|Republic of South Africa",
}
#: What stands for two countries, or for "not available"; who means Namibia is asked to say so.
_DOUBTFUL = ("NA", "N/A", "n.a.", "Congo", "Kongo", "Korea", "Corea", "Corée", "Kore", "Man")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ö": "Oe", "Ä": "Ae", "Ü": "Ue"})
_ARTICLE = re.compile(r"the\s+", re.IGNORECASE)
_DIALLED = re.compile(r"(?:\+|00)\s*([1-9][0-9]{0,2})")
#: Two letters, or "U.S.", or two signs of another script.
_LETTERS = re.compile(r"[^\W\d_]{2}|[^\W\d_]\.\s?[^\W\d_]\.?")
_NUMBER = re.compile(r"[0-9]{2,3}")
#: What parts two ways to say one country, as in "Germany (DE)".
_BETWEEN = re.compile(r"\s*[()\[\]/,;|:]\s*|\s+[-\u2013\u2014]\s+|\s+(?=\+)")
#: No country's name is longer; a cell may be megabytes.
_LONGEST = 80


def country_code(text: str) -> str | None:
    """
    The ISO 3166 alpha-2 code that a text means for certain; None where there is doubt.

    Known are alpha-2 and alpha-3 codes, "UK", names and usual abbreviations,
    ISO's three-digit numbers, and dialling codes (+44, 0044, 44) that mean one
    country: +1 and +7 do not. 250 means none (ISO's France is dialled as Rwanda),
    nor does NA, which more often says that nothing is known.
    """
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _read(text: str) -> str | None:
    cell = text.strip().lstrip("'").strip()
    whole = _one(cell)
    if whole is not None:
        return whole
    parts = [part for part in _BETWEEN.split(cell) if part]
    codes = {_one(part) for part in parts} if len(parts) > 1 else set()
    return codes.pop() if len(codes) == 1 else None


def _one(cell: str) -> str | None:
    """The country of a cell that says it in one way."""
    dialled = _DIALLED.fullmatch(cell)
    if dialled is not None:
        return _lookup().dialling.get(dialled[1])
    if _NUMBER.fullmatch(cell):
        codes = {_lookup().numbers.get(cell), _lookup().dialling.get(cell)} - {None}
        return codes.pop() if len(codes) == 1 else None
    if len(key(cell)) == 2 and not _LETTERS.fullmatch(cell):
        return None  # "I/T" is no Italy
    names = _lookup().names
    return names.get(key(cell)) or names.get(key(_ARTICLE.sub("", cell, count=1)))


class _Lookup(NamedTuple):
    names: dict[str, str]  #: codes and names as `words.key` writes them
    numbers: dict[str, str]  #: ISO's three digits
    dialling: dict[str, str]


@cache
def _lookup() -> _Lookup:
    """The lines of countries.tsv and `_ALSO`; what means two countries means neither."""
    names: dict[str, set[str]] = {}
    numbers, dialling = {}, {}
    text = Path(__file__).with_name("countries.tsv").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        code, alpha3, number, dialled, listed = line.split("\t")
        numbers[number], dialling[dialled] = code, code
        for name in (code, alpha3, *_spellings(listed.split("|")), *_ALSO.get(code, "").split("|")):
            names.setdefault(key(name), set()).add(code)
    for name in ("", *_DOUBTFUL):
        names.pop(key(name), None)
    known = {name: next(iter(codes)) for name, codes in names.items() if len(codes) == 1}
    return _Lookup(known, numbers, dialling)


def _spellings(names: list[str]) -> list[str]:
    """Names with what people write instead of their signs."""
    anded = [name.replace("&", " and ") for name in names if "&" in name]
    sainted = [
        "Saint" + name.removeprefix("St.") for name in [*names, *anded] if name.startswith("St.")
    ]
    german = [name.translate(_UMLAUTS) for name in names]
    return [*names, *anded, *sainted, *german]
