"""What the results file is written from: every row, every column, in the file's order."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchdial.errors import LedgerError
from batchdial.ledger import export
from batchdial.ledger.export import pages
from batchdial.ledger.reader import Reader
from batchdial.models import RESULT_COLUMNS, CallStatus, Contact, Verdict
from batchdial.results.file import print_pages, print_results
from tests.ledger.bench import NUMBERS, SqlBench, contact, pending

#: PostgreSQL keeps no NUL but in cells, where it is escaped.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
CELL = st.one_of(TEXT, st.sampled_from(["a,b", "=1", '"', "\r\n", "+447911123456", "\\", "\0"]))
MOMENT = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
#: What stands in the other columns: as it is, quoted, or neutralised.
WORDS = (
    *("", "call_1", "9a", "9", "not_a_number", "Same number as row 2.", '"n/a" is none, so', "Ä"),
    *(
        "-1",
        "-a",
        "a,b",
        'a"b',
        "a\nb",
        "a\rb",
        "=1",
        "'=1",
        "'a",
        "+44",
        "+4a",
        "@",
        "\t",
        ":",
        " ",
    ),
    *(" ", "+1-2", "+44,5", "-12.5", '"', ",", "a'=1"),
)
SAID = st.one_of(TEXT, st.sampled_from(WORDS))
CONTACT = st.builds(
    Contact,
    st.integers(2, 10_000_000),
    st.tuples(CELL, CELL),
    st.builds(Verdict, st.sampled_from(CallStatus), st.none() | SAID, SAID, SAID),
    st.none(),
    SAID,
    st.integers(0, 99),
    st.none() | MOMENT,
)


@given(contacts=st.lists(CONTACT, max_size=6), campaign=SAID)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_same_file_as_from_contacts(
    sql_bench: SqlBench, contacts: list[Contact], campaign: str
) -> None:
    """To the byte, from either database."""
    list_id = sql_bench.stage(sql_bench.new_campaign("leads"), contacts)
    slow, fast = io.StringIO(newline=""), io.StringIO(newline="")
    print_results(slow, ["a", "b"], contacts, campaign)
    assert print_pages(fast, ["a", "b"], pages(sql_bench.ledger, list_id, campaign)) == len(
        contacts
    )
    assert fast.getvalue() == slow.getvalue()


@pytest.mark.parametrize("word", WORDS)
def test_one_odd_text(sql_bench: SqlBench, word: str) -> None:
    """Whatever stands in one column of a page that is plain otherwise."""
    plain = contact(2, NUMBERS[0], CallStatus.SUCCESS)
    said = plain.verdict
    odd = [
        replace(plain, call_id=word),
        replace(plain, cells=(word, "\0")),
        replace(plain, cells=(word, "b")),
        replace(plain, verdict=replace(said, reason=word)),
        replace(plain, verdict=replace(said, detail=word)),
        replace(plain, verdict=replace(said, e164=word)),
    ]
    campaign = sql_bench.new_campaign("leads")
    for number, one in enumerate(odd):
        rows = [plain, one]
        list_id = sql_bench.stage(campaign, rows, f"{number}.csv")
        slow = io.StringIO(newline="")
        print_results(slow, ["a", "b"], rows, word)
        fast = io.StringIO(newline="")
        print_pages(fast, ["a", "b"], pages(sql_bench.ledger, list_id, word))
        assert fast.getvalue() == slow.getvalue()


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 40])
def test_pages_join(sql_bench: SqlBench, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is lost or told twice where they meet, also where another list stands in between."""
    monkeypatch.setattr(export, "STEP", 7)
    campaign = sql_bench.new_campaign("leads")
    mine = sql_bench.stage(campaign, pending(count)[:5])
    other = sql_bench.stage(campaign, pending(30), "other.csv")
    sql_bench.add_rows(mine, pending(count)[5:])
    for list_id, rows in ((mine, count), (other, 30)):
        found = list(pages(sql_bench.ledger, list_id, "leads"))
        lines = [line for _, page in found for line in page.decode().splitlines()]
        assert sum(number for number, _ in found) == len(lines) == rows
        place = RESULT_COLUMNS.index("row") - len(RESULT_COLUMNS)
        told = [int(line.split(",")[place]) for line in lines]
        assert told == [*range(2, 2 + rows)]


def test_only_some_statuses(sql_bench: SqlBench) -> None:
    """As a person asks for them."""
    rows = [contact(row, NUMBERS[row], status) for row, status in enumerate(CallStatus)]
    sql_bench.begin(rows)
    wanted = [CallStatus.UNKNOWN, CallStatus.FAILED]
    (found,) = pages(sql_bench.ledger, sql_bench.list_id, "leads", wanted)
    assert found[0] == 2
    assert found[1].count(b",failed,") == found[1].count(b",unknown,") == 1


def test_who_stops_reading_stops_the_readers(
    sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and the ledger can be used and closed."""
    monkeypatch.setattr(export, "STEP", 1)
    sql_bench.begin(pending(50))
    reading = pages(sql_bench.ledger, sql_bench.list_id, "leads")
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert len(sql_bench.standing()) == 50


def test_a_row_that_cannot_be_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Is not left out: the ledger is damaged."""
    bench = SqlBench(str(tmp_path_factory.mktemp("ledger") / "ledger.db"))
    with bench.ledger:
        bench.begin(pending(3))
        with bench.ledger.writing() as connection:
            connection.execute(sa.text("PRAGMA writable_schema = ON"))
            connection.execute(
                sa.text(
                    "UPDATE sqlite_schema SET sql = replace(sql, 'cells TEXT NOT NULL', "
                    "'cells TEXT') WHERE name = 'rows'"
                )
            )
        bench.ledger._engine.dispose()
        with bench.ledger.writing() as connection:
            connection.execute(sa.text('UPDATE rows SET cells = NULL WHERE "row" = 3'))
        with pytest.raises(LedgerError, match="is damaged"):
            list(pages(bench.ledger, bench.list_id, "leads"))


@pytest.fixture
def many(sql_bench: SqlBench, monkeypatch: pytest.MonkeyPatch) -> tuple[SqlBench, int]:
    """A list of some pages, which counts as a long one."""
    monkeypatch.setattr(export, "STEP", 4)
    monkeypatch.setattr(export, "MANY", 8)
    rows = [
        *pending(18),
        replace(contact(20, "+12025550199", CallStatus.SUCCESS), cells=("=1", 'ä"')),
        contact(21, "+12025550198", CallStatus.SUCCESS),
    ]
    return sql_bench, sql_bench.stage(sql_bench.new_campaign("leads"), rows)


@pytest.mark.parametrize(
    ("statuses", "counted"), [("", 20), ("pending", 18), ("success pending", 20), ("failed", 0)]
)
def test_processes_that_read_beside_this_one(
    many: tuple[SqlBench, int], statuses: str, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say the same, in the same order, and say all of it."""
    bench, list_id = many
    answers: list[int] = []
    ask = Reader.page

    def page(self: Reader, begin: int, end: int) -> tuple[int, int, bytes]:
        found = ask(self, begin, end)
        answers.append(found[0])
        return found

    monkeypatch.setattr(Reader, "page", page)
    asked = [CallStatus(status) for status in statuses.split()]
    told = list(pages(bench.ledger, list_id, "leads", asked))
    monkeypatch.setattr(export, "MANY", 1_000)
    assert told == list(pages(bench.ledger, list_id, "leads", asked))
    assert sum(number for number, _ in told) == counted
    assert len(answers) == (5 if bench.ledger.file is not None else 0)


@pytest.mark.parametrize("at", [0, 1])
def test_a_process_that_dies_is_not_missed(
    many: tuple[SqlBench, int], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its first page, or in the middle; its parent goes on by itself."""
    bench, list_id = many
    expected = list(pages(bench.ledger, list_id, "leads"))
    asked: dict[Reader, int] = {}
    ask = Reader.page

    def page(self: Reader, begin: int, end: int) -> tuple[int, int, bytes]:
        asked[self] = asked.get(self, 0) + 1
        if asked[self] > at:
            self._process.kill()
            self._process.wait()
        return ask(self, begin, end)

    monkeypatch.setattr(Reader, "page", page)
    assert list(pages(bench.ledger, list_id, "leads")) == expected
    if bench.ledger.file is not None:
        assert len(asked) == export.READERS


def test_where_there_is_no_other_process(
    many: tuple[SqlBench, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its program cannot be started, or cannot open the ledger."""
    bench, list_id = many
    expected = list(pages(bench.ledger, list_id, "leads"))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert list(pages(bench.ledger, list_id, "leads")) == expected
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert list(pages(bench.ledger, list_id, "leads")) == expected
