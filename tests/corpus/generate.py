# ruff: noqa: E501, RUF001, RUF005 - tables of cases, one a line
"""The corpus: files as people really have them, each with its cells or its refusal, from a seed."""

from __future__ import annotations

import csv
import gzip
import io
import random
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchdial.errors import BatchDialError, ListError, QuestionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED = 20261123

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One file of the corpus."""

    kind: str  #: the named defect
    id: str
    content: bytes
    cells: tuple[Row, ...] | None = None  #: what is read
    header: Row | None = None
    encodings: tuple[str, ...] = ()  #: names under which the encoding may be told
    refused: type[BatchDialError] | None = None
    says: str = ""  #: a part of the refusal, or of a note
    or_asks: bool = False  #: a question that names --encoding is right, too
    name: str = "leads.csv"
    stdin: bool = False  #: is read from standard input, too


HEADER: Row = ("Name", "Phone", "Note")

#: Names by language, and the codecs in which such lists are kept.
PEOPLE: dict[str, tuple[tuple[str, ...], str]] = {
    "german": (
        ("cp1252", "iso8859_1", "iso8859_15", "mac_roman"),
        "Jörg Müller|Änne Weiß|Jürgen Größer|Käthe Bäcker|Günther Schäfer|Sören Köhler|Björn Voß",
    ),
    "french": (
        ("cp1252", "iso8859_1", "mac_roman"),
        "Hélène Lefèvre|Benoît Gérard|François Noël|Zoé Château|Jérôme Côté|André Müh|Aïcha Dupré",
    ),
    "spanish": (
        ("cp1252", "iso8859_1", "mac_roman"),
        "José Núñez|María Peña|Iñigo Muñoz|León García|Raúl Fernández|Ángel Martín|Sofía Ibáñez",
    ),
    "portuguese": (
        ("cp1252", "iso8859_1", "mac_roman"),
        "João Conceição|Antônio Guimarães|Inês Falcão|Luís Araújo|Márcia Leão|Célia Brandão",
    ),
    "italian": (
        ("cp1252", "iso8859_1", "mac_roman"),
        "Niccolò Rossi|Nicolò Carità|Libertà Dalò|Mosè Viganò|Giosuè Cantù",
    ),
    "nordic": (
        ("cp1252", "iso8859_1", "mac_roman"),
        "Björn Åkesson|Åsa Östberg|Märta Öhman|Søren Kærgaard|Jørgen Ågesen|Pål Sørlie",
    ),
    "icelandic": (("cp1252",), "Guðmundur Þórðarson|Sigríður Ýr|Björk Guðnadóttir|Þór Ægisson"),
    "irish": (("cp1252", "mac_roman"), "Kevin O’Brien|Seán D’Arcy|Siobhán O’Neill|Róisín Ó Sé"),
    "polish": (
        ("cp1250", "iso8859_2", "mac_latin2"),
        "Łukasz Żółć|Agnieszka Dąbrowska|Paweł Wróbel|Małgorzata Święta|Zdzisław Kołodziej",
    ),
    "czech": (
        ("cp1250", "iso8859_2", "mac_latin2"),
        "Jiří Dvořák|Tomáš Nováček|Růžena Němcová|Kateřina Šťastná|Ondřej Růžička|Zdeněk Kříž",
    ),
    "hungarian": (
        ("cp1250", "iso8859_2"),
        "Ödön Szabó|Győző Kovács|Erzsébet Fűrész|Béla Tóth|Gergő Kőrösi|Dezső Szűcs|Jenő Erdős",
    ),
    "romanian": (("cp1250", "iso8859_2"), "Ştefan Ţurcanu|Mihăiţă Pîrvu|Ilinca Rădulescu|Ionuţ Sîrbu"),
    "turkish": (
        ("cp1254", "iso8859_9"),
        "Gülşen Şahin|İbrahim Çağlar|Ayşe Yılmaz|Uğur Öztürk|Işıl Güneş|Tuğçe Kılıç",
    ),
    "lithuanian": (("cp1257",), "Jonas Šimkus|Eglė Žukauskaitė|Rūta Čepienė|Giedrė Ąžuolaitė"),
    "latvian": (("cp1257",), "Jānis Bērziņš|Līga Ozoliņa|Kārlis Krūmiņš|Ģirts Ķēniņš"),
    "russian": (
        ("cp1251", "koi8_r", "iso8859_5", "mac_cyrillic"),
        "Иван Петров|Ольга Сидорова|Сергей Кузнецов|Юлия Щукина|Татьяна Соколова|Алексей Волков",
    ),
    "ukrainian": (("cp1251",), "Олексій Шевченко|Наталія Їжак|Юрій Бойко|Ірина Мельник"),
    "greek": (
        ("cp1253", "iso8859_7"),
        "Γιώργος Παπαδόπουλος|Μαρία Νικολάου|Ελένη Γεωργίου|Κώστας Οικονόμου",
    ),
    "hebrew": (("cp1255", "iso8859_8"), "משה כהן|רחל לוי|דוד מזרחי|יעל אברהם"),
    "arabic": (("cp1256", "iso8859_6"), "محمد العلي|فاطمة حسن|أحمد عبدالله|سارة المنصور"),
    "thai": (("cp874",), "สมชาย ใจดี|สมหญิง รักไทย|ประเสริฐ มั่นคง"),
    "japanese": (
        ("cp932", "shift_jis", "euc_jp"),
        "田中太郎|佐藤花子|鈴木一郎|高橋健|タナカ タロウ|山本さくら|渡辺真由美|小林直樹",
    ),
    "chinese": (("gb18030", "gbk"), "王伟|李娜|张强|刘洋|陈静|杨勇|赵敏|黄丽|周杰"),
    "taiwanese": (("big5",), "陳志明|林淑芬|黃俊傑|張雅婷|李建宏|王美玲|吳家豪"),
    "korean": (("euc_kr", "cp949"), "김철수|이영희|박지훈|최민수|정은경|강미영|조현우"),
}  # fmt: skip

UNICODE = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-32-be",
)


def cases() -> list[Case]:
    """Every file of the corpus; the same ones each time."""
    makers: tuple[Callable[[random.Random], Iterator[Case]], ...] = (
        unicode_files, legacy_files, dialects, headers, titles, totals, quotes, bytes_, ragged, archives,
        others,
    )  # fmt: skip
    return [case for maker in makers for case in maker(random.Random(f"{SEED} {maker.__name__}"))]


def phone(chance: random.Random) -> str:
    """A number that nobody has: Ofcom keeps this range for films."""
    return f"+44 7700 900{chance.randrange(1000):03}"


def people(chance: random.Random, names: Sequence[str]) -> tuple[Row, ...]:
    """Rows below HEADER."""
    return tuple((name, phone(chance), chance.choice(("gold", "silver"))) for name in names)


def text(rows: Sequence[Sequence[str]], divider: str = ",", end: str = "\r\n") -> str:
    """A table as csv.writer writes it."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=divider, lineterminator=end).writerows(rows)
    return out.getvalue()


def unicode_files(chance: random.Random) -> Iterator[Case]:
    """Every Unicode encoding with every delimiter and line end."""
    every = [name for _, names in PEOPLE.values() for name in names.split("|")]
    for codec in UNICODE:
        for divider in ",;\t|":
            for mark, end in (("lf", "\n"), ("cr", "\r"), ("crlf", "\r\n")):
                rows = people(chance, chance.sample(every, 5))
                wide = not codec.startswith("utf-8") and codec[-1] == "e"
                if wide:  # without a mark, zero bytes tell; they need some ASCII
                    rows = people(chance, chance.sample(PEOPLE["german"][1].split("|"), 5))
                yield Case(
                    "unicode",
                    f"{codec}-{'tab' if divider == chr(9) else divider}-{mark}",
                    text((HEADER, *rows), divider, end).encode(codec),
                    rows,
                    HEADER,
                    encodings=(codec,) if not codec.startswith("utf-32-") else (codec, "utf-32"),
                    stdin=mark == "lf" and divider == ",",
                )


def legacy_files(chance: random.Random) -> Iterator[Case]:
    """Lists of one language in a codec of the time before Unicode, short and long."""
    for language, (codecs, names) in PEOPLE.items():
        known = names.split("|")
        for codec in codecs:
            for size in (1, 2, len(known), 60):
                rows = people(chance, [chance.choice(known) for _ in range(size)])
                if size >= len(known):
                    rows = people(chance, [*known, *(chance.choice(known) for _ in range(size))])
                yield Case(
                    "legacy",
                    f"{language}-{codec}-{size}",
                    text((HEADER, *rows), chance.choice(",;\t"), "\r\n").encode(codec),
                    rows,
                    HEADER,
                    or_asks=size < 3 or codec.startswith("mac_c") or codec == "koi8_r",
                )


def dialects(chance: random.Random) -> Iterator[Case]:
    """Line ends, quoting and Excel's own line."""
    rows = people(chance, ["Lee, Ann", "Ben; Bo", "C|D", 'The "Boss"', "two\nlines"])
    for divider in ",;\t|":
        tag = "tab" if divider == "\t" else divider
        plain = text((HEADER, *rows), divider)
        yield Case("sep-line", f"sep-{tag}", f"sep={divider}\r\n{plain}".encode(), rows, HEADER)
        yield Case("quoted", f"quoted-{tag}", plain.encode(), rows, HEADER)
        yield Case("no-last-newline", f"no-end-{tag}", plain.rstrip().encode(), rows, HEADER)
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=divider, quoting=csv.QUOTE_ALL).writerows((HEADER, *rows))
        yield Case("all-quoted", f"all-{tag}", out.getvalue().encode(), rows, HEADER)
        simple = people(chance, ["Ann", "Ben", "Cem", "Dan"])
        lines = [divider.join(row) for row in (HEADER, *simple)]
        mixed = "".join(line + chance.choice(("\n", "\r", "\r\n")) for line in lines)
        yield Case("mixed-ends", f"mixed-{tag}", mixed.encode(), simple, HEADER)
        blank = "\n\n" + "\n\n".join(lines) + "\n\n\n"
        yield Case("blank-lines", f"blank-{tag}", blank.encode(), simple, HEADER)
        spaced = "\n".join(lines[:2] + [divider * 2, " " + divider * 2] + lines[2:])
        yield Case("blank-rows", f"commas-{tag}", spaced.encode(), simple, HEADER)
        one = "\n".join(["phone", *(row[1] for row in simple)])
        yield Case(
            "one-column", f"one-{tag}", one.encode(), tuple((r[1],) for r in simple), ("phone",)
        )


def headers(chance: random.Random) -> Iterator[Case]:
    """Names that are equal, empty, spaced or quoted, and no names at all."""
    rows = people(chance, ["Ann", "Ben", "Cem"])
    for tag, names in {
        "duplicate": ("Phone", "Phone", "Phone"), "empty": ("Name", "Phone", ""),
        "all-but-one-empty": ("", "Phone", ""), "spaced": (" Name ", " Phone", "Note  "),
        "quoted": ('"Name"', "Phone\nnumber", "a,b"), "capital": ("NAME", "PHONE", "NOTE"),
        "japanese": ("氏名", "電話番号", "備考"), "unknown": ("Aaa", "Bbb", "Ccc"),
        "symbols": ("#", "Phone #", "%"), "long": ("n" * 300, "Phone", "x" * 300),
        "proto": ("__proto__", "phoneNumber", "constructor"), "formula": ("=1+1", "Phone", "@x"),
        "years": ("2024", "Phone", "2025"),
    }.items():  # fmt: skip
        yield Case("header", f"header-{tag}", text((names, *rows)).encode(), rows, names)
    for tag, first in {
        "phone": ("Ada", "+44 7700 900001", "gold"), "e-mail": ("Ada", "", "ada@example.com"),
        "scientific": ("Ada", "4.47911E+11", "gold"), "dot-zero": ("Ada", "447700900001.0", "gold"),
        "text-around": ("Ada", "tel: 07700 900001", "gold"), "recurs": ("Ada", "", "silver"),
        "placeholder": ("Ada", "n/a", "gold"), "dash": ("Ada", "-", "gold"),
        "parentheses": ("Ada", "(020) 7946 0001", "x"), "apostrophe": ("Ada", "'07700900001", "x"),
        "formula": ("Ada", '="07700900001"', "x"), "none": ("Ada", "None", "x"),
    }.items():  # fmt: skip
        data = (first, *people(chance, ["Ben", "Cem"]), ("Dan", phone(chance), "silver"))
        for divider in ",;":
            yield Case(
                "no-header",
                f"no-header-{tag}-{divider}",
                text(data, divider).encode(),
                refused=QuestionError,
                says="no header: row 1",
            )


def titles(chance: random.Random) -> Iterator[Case]:
    """Rows above the header, as reports have them."""
    rows = people(chance, ["Ann", "Ben", "Cem", "Dan"])
    above: dict[str, tuple[Row, ...]] = {
        "title": (("Leads of March",),), "title-blank": (("Leads of March",), ()),
        "two": (("Acme Ltd",), ("Leads of March",), ()), "dated": (("Exported 2026-03-01",), ()),
        "blank": ((), (), ()), "padded": (("Leads of March", "", ""),),
        "second-cell": (("", "Leads", ""),), "many": tuple((f"Line {n}",) for n in range(12)),
    }  # fmt: skip
    for tag, more in above.items():
        for divider in ",;\t|":
            yield Case(
                "titles",
                f"titles-{tag}-{divider if divider != chr(9) else 'tab'}",
                text((*more, HEADER, *rows), divider).encode(),
                rows,
                HEADER,
                says="" if tag == "blank" else "above the header",
            )
    unknown = ("Aaa", "Bbb", "Ccc")
    yield Case(
        "titles", "titles-unknown-names", text((("Report",), unknown, *rows)).encode(), rows, unknown,
        says="above the header",
    )  # fmt: skip
    yield Case(
        "titles-no-header", "titles-no-header", text((("Report",), *rows)).encode(),
        refused=ListError, says="row 2 has 3 cells",
    )  # fmt: skip


def totals(chance: random.Random) -> Iterator[Case]:
    """Sums below the list are no contacts; people are, whatever they are called."""
    names = ("Name", "Phone", "Amount")
    rows = tuple((name, phone(chance), "10.50") for name in ("Ann", "Ben", "Cem"))
    for tag, last in {
        "total": ("Total", "", "31.50"), "summe": ("Summe:", "", "31,50"), "gesamt": ("", "Gesamt", "3"),
        "somme": ("Somme", "", "31,50 €"), "suma": ("Suma", "", "31"), "toplam": ("Toplam", "3", "31"),
        "grand": ("Grand Total", "3", "31.50"), "japanese": ("合計", "", "31"), "upper": ("TOTAL", "", "$31.50"),
        "rows": ("(3 rows affected)", "", ""), "records": ("3 records", "", ""), "count": ("Count", "3", ""),
    }.items():  # fmt: skip
        yield Case(
            "total", f"total-{tag}", text((names, *rows, last)).encode(), rows, names,
            says="row 5 left out",
        )  # fmt: skip
    for tag, last in {
        "person": ("Total", phone(chance), ""), "name": ("Ann Total", "", "31.50"), "alone": ("Total", "", ""),
        "text": ("Total", "call back", "31"), "number": ("Sum", "07700900123", "1"), "mail": ("Sum", "a@b.cd", ""),
        "no-phone": ("Dan", "", "12"), "digits": ("", "", "31.50"), "plain": ("Total", "447700900123", ""),
    }.items():  # fmt: skip
        yield Case(
            "no-total", f"kept-{tag}", text((names, *rows, last)).encode(), (*rows, last), names
        )


def quotes(chance: random.Random) -> Iterator[Case]:
    """Quotation marks that never close, or close far below."""
    rows = people(chance, [f"Person {n}" for n in range(30)])
    lines = [",".join(row) for row in (HEADER, *rows)]
    for place in (0, 1, 2, 15, 29, 30):
        for column in (0, 2):
            broken = list(lines)
            parts = broken[place].split(",")
            parts[column] = '"' + parts[column]
            broken[place] = ",".join(parts)
            for end in ("\n", "\r\n"):
                content = end.join(broken) + (end if place % 2 else "")
                yield Case(
                    "unclosed", f"unclosed-{place}-{column}-{len(end)}", content.encode(),
                    refused=ListError, says=f"row {place + 1}: a quotation mark opens here and is never",
                )  # fmt: skip
    for start, stop in ((1, 2), (1, 4), (5, 20), (2, 30)):
        broken = list(lines)
        broken[start] = '"' + broken[start]
        broken[stop] = broken[stop].replace(",", '",', 1)
        yield Case(
            "swallowed", f"swallowed-{start}-{stop}", "\n".join(broken).encode(),
            refused=ListError, says=f"row {start + 1}: a quotation mark opens here and closes",
        )  # fmt: skip
    for tag, note in {
        "address": "1 High Street\nLondon\nUK", "commas": "a, b\nc, d\ne, f", "phones": "call\n020 7946 0001",
        "letter": "Dear Ann,\n\nthanks.\n\nBen", "quotes": 'he said "no"\nand left', "long": "line\n" * 500,
    }.items():  # fmt: skip
        cells = (*rows[:2], ("Zoe", phone(chance), note), *rows[2:4])
        yield Case("newlines", f"newlines-{tag}", text((HEADER, *cells)).encode(), cells, HEADER)
    for tag, cell in {"inside": 'Ann "A" Lee', "inch": '5" pipe', "end": 'Ann"'}.items():
        plain = f"{','.join(HEADER)}\n{cell},+44 7700 900001,x\nBen,+44 7700 900002,y\n"
        yield Case(
            "stray-quote", f"stray-{tag}", plain.encode(),
            ((cell, "+44 7700 900001", "x"), ("Ben", "+44 7700 900002", "y")), HEADER,
        )  # fmt: skip


def bytes_(chance: random.Random) -> Iterator[Case]:
    """Bytes that no list should have."""
    rows = people(chance, ["Ann", "Ben", "Cem"])
    plain = text((HEADER, *rows)).encode()
    yield Case("ctrl-z", "ctrl-z-line", plain + b"\x1a", rows, HEADER)
    yield Case("ctrl-z", "ctrl-z-cell", plain.rstrip() + b"\x1a", rows, HEADER)
    for place in (0, 20, len(plain) - 3):
        yield Case(
            "nul", f"nul-{place}", plain[:place] + b"\0" + plain[place:],
            refused=ListError, says="holds a NUL byte",
        )  # fmt: skip
    for tag, byte in {"lone": b"\xe9", "cut": b"\xc3", "fe": b"\xfe"}.items():
        good = "Zoë,+44 7700 900001,é\r\n".encode() * 5
        yield Case(
            "bad-byte", f"bad-byte-{tag}", plain + good + b"Zo" + byte + b",+44,x\r\n" + good,
            refused=ListError, says="line 10: this is no utf-8 text",
        )  # fmt: skip
    ellipsis = people(chance, ["Ann…", "Zoë", "Jörg – Müller"])
    yield Case(
        "0x85",
        "ellipsis",
        text((HEADER, *ellipsis)).encode("cp1252"),
        ellipsis,
        HEADER,
        ("cp1252",),
    )
    spaces = (("Zoë", "+44\u00a07700\u00a0900001", "20 €"), ("Ann", "+44\u00a07700", "x"))
    yield Case(
        "nbsp",
        "nbsp",
        text((HEADER, *spaces)).encode("cp1252"),
        spaces,
        HEADER,
        ("cp1252",),
        or_asks=True,
    )
    only = (("Ann", "+44\u00a07700\u00a0900001", "20 €"),)
    yield Case(
        "nbsp", "nbsp-only", text((HEADER, *only)).encode("cp1252"), only, HEADER, ("cp1252",)
    )
    for tag, sign in {
        "nel": "\x85",
        "ls": "\u2028",
        "vt": "\v",
        "ff": "\f",
        "esc": "\x1b[31m",
    }.items():
        odd = people(chance, [f"A{sign}B", "Ben"])
        yield Case("odd-signs", f"odd-{tag}", text((HEADER, *odd)).encode(), odd, HEADER)
    for tag, cell in {"na": "NA", "null": "NULL", "nan": "nan", "zeros": "00123", "exp": "1e5",
                      "true": "TRUE", "date": "01/02/03", "inf": "inf", "long": "9" * 40}.items():  # fmt: skip
        kept = (("Ann", "+44 7700 900001", cell), ("Ben", cell, "x"))
        yield Case("as-text", f"text-{tag}", text((HEADER, *kept)).encode(), kept, HEADER)


def ragged(chance: random.Random) -> Iterator[Case]:
    """Rows that are shorter or longer than the header."""
    rows = people(chance, ["Ann", "Ben", "Cem"])
    top = ",".join(HEADER)
    lines = [",".join(row) for row in rows]
    body = "\n".join(lines)
    short = ((*rows[0][:2], ""), ("Ben", "", ""), rows[2])
    yield Case(
        "ragged",
        "short",
        f"{top}\n{','.join(rows[0][:2])}\nBen\n{lines[2]}\n".encode(),
        short,
        HEADER,
    )
    yield Case(
        "trailing",
        "rows",
        f"{top}\n{body.replace(chr(10), ',,' + chr(10))},\n".encode(),
        rows,
        HEADER,
    )
    wide = tuple((*row, "") for row in rows)
    yield Case("trailing", "header", f"{top},\n{body}\n".encode(), wide, (*HEADER, ""))
    yield Case(
        "trailing",
        "both",
        f"{top},\n{body.replace(chr(10), ',' + chr(10))},\n".encode(),
        wide,
        (*HEADER, ""),
    )
    for place in (1, 2, 3):
        longer = [top, *lines]
        longer[place] += ",extra"
        yield Case(
            "ragged", f"long-{place}", "\n".join(longer).encode(),
            refused=ListError, says=f"row {place + 1} has 4 cells",
        )  # fmt: skip
    yield Case(
        "limits", "columns", (",".join(f"c{n}" for n in range(20_000)) + "\n" + "x," * 19_999).encode(),
        refused=ListError, says="20,000 cells",
    )  # fmt: skip
    yield Case(
        "limits", "cell", f"{top}\n{lines[0]}\nBen,{'x' * 10_000_000},y\n".encode(),
        refused=ListError, says="line 3 has more than",
    )  # fmt: skip
    yield Case(
        "limits", "quoted-cell", f'{top}\n{lines[0]}\nBen,"{"x y" * 1_000_000}",y\n'.encode(),
        refused=ListError, says="row 3: a cell has more than 1,000,000",
    )  # fmt: skip


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def archives(chance: random.Random) -> Iterator[Case]:
    """Lists in gzip and zip."""
    rows = people(chance, ["Ann", "Jörg Müller", "Zoë"])
    for codec in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        plain = text((HEADER, *rows)).encode(codec)
        for tag, packed in {
            "gzip": gzip.compress(plain, mtime=0), "zip": zipped({"leads.csv": plain}),
            "zip-folder": zipped({"a/": b"", "a/leads.csv": plain, "__MACOSX/a/._leads.csv": b"x"}),
            "zip-slip": zipped({"../../etc/leads.csv": plain}),
            "gzip-twice": gzip.compress(plain[:20], mtime=0) + gzip.compress(plain[20:], mtime=0),
        }.items():  # fmt: skip
            yield Case("archive", f"{tag}-{codec}", packed, rows, HEADER, stdin=codec == "utf-8")
    plain = text((HEADER, *rows)).encode()
    for tag, content, kind, says in (
        (
            "several",
            zipped({"a.csv": plain, "b.csv": plain}),
            QuestionError,
            "2 files: a.csv, b.csv",
        ),
        ("none", zipped({"a/": b""}), ListError, "no file in it"),
        ("cut-gzip", gzip.compress(plain * 50)[:-30], ListError, "damaged archive"),
        ("cut-zip", zipped({"a.csv": plain * 50})[:-30], ListError, "damaged"),
        ("bomb-gzip", gzip.compress(bytes(64 << 20), 1), ListError, "unpacks to more than"),
        ("bomb-zip", zipped({"a.csv": b"a,b\n" * (12 << 20)}), ListError, "unpacks to more than"),
        ("nested", zipped({"a.zip": zipped({"a.csv": plain})}), ListError, "packed twice"),
        ("nested-gz", gzip.compress(gzip.compress(plain)), ListError, "packed twice"),
        ("word", zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), ListError, "Word"),
        ("empty", gzip.compress(b""), ListError, "is empty"),
    ):
        yield Case(
            "archive-refused", f"archive-{tag}", content, refused=kind, says=says, name="leads.zip"
        )


def others(chance: random.Random) -> Iterator[Case]:
    """What is no list, told by its content."""
    for tag, content, says in (
        ("empty", b"", "is empty"), ("spaces", b" \n \n", "0 contacts"), ("bom", b"\xef\xbb\xbf", "0 contacts"),
        ("bom16", b"\xff\xfe", "0 contacts"), ("commas", b",,\n,,\n", "0 contacts"),
        ("header-only", b"name,phone\n", "0 contacts"), ("pdf", b"%PDF-1.4\n%\xe2\xe3", "a PDF"),
        ("html", b"<!DOCTYPE html><html>", "an HTML page"), ("html2", b"\n <HTML><body>", "an HTML page"),
        ("table", b"<table><tr><td>x", "an HTML page"), ("xml", b"<?xml version='1.0'?><x/>", "an XML"),
        ("rtf", b"{\\rtf1\\ansi", "an RTF"), ("rar", b"Rar!\x1a\x07\x00" + b"x" * 50, "a RAR"),
        ("7z", b"7z\xbc\xaf\x27\x1c" + b"x" * 50, "a 7-Zip"), ("xz", b"\xfd7zXZ\x00" + b"x" * 50, "an xz"),
        ("bz2", b"BZh91AY&SY" + bytes(range(1, 90)), "a bzip2"), ("zip", b"PK\x03\x04 broken", "damaged"),
        ("png", b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 4, "binary"),
        ("ole", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old or damaged"),
        ("encrypted", b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password"),
        ("random", random.Random(SEED).randbytes(5000), ""),
    ):  # fmt: skip
        yield Case(
            "refused", f"other-{tag}", content, refused=ListError, says=says, name="leads.xlsx"
        )
    rows = people(chance, ["Ann", "Ben"])
    for name in ("leads.xlsx", "leads.pdf", "--help.csv", "..%2f leads", "x y.zip"):
        yield Case(
            "misnamed", f"named-{name}", text((HEADER, *rows)).encode(), rows, HEADER, name=name
        )
