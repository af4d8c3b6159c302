"""A long list with all that people have in their cells, from the file to the results file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchdial.models import API_FIELDS
from batchdial.sandbox import SANDBOX_KEY
from tests.contract import assert_valid_call_request

from .leads import assert_whole, dialled, numbers, read_results, tally, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

#: Cells that one tool or another does not give back as they were.
ODD = (
    "00123",
    "NA",
    "null",
    "nan",
    "1e5",
    "TRUE",
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "'=quoted",
    "'plain",
    'say "hi"',
    "two\nlines",
    "carriage\r\nreturn",
    "semi;colon, comma",
    "tab\there",
    "Åkesson 東京 🙂",
    "e\u0301 is not \u00e9",
    "1,234.50",
    "2026-12-01",
    "447911123456789012345",
    "12.10",
    "  padded  ",
    "\u00a0no break\u00a0",
    " =1+1",
    "ends in a line\n",
    "",
)
HEADER = ("customerId", "Mobile", "First", "Last", "e-mail", "plan", "note", "Phonenumber", "=x")


def odd_rows(count: int) -> list[tuple[str, ...]]:
    """Rows in which every odd cell stands in every column that is not the phone's."""
    rows: list[tuple[str, ...]] = []
    for index, phone in enumerate(numbers(count)):
        cell = ODD[index % len(ODD)]
        email = f"ann{index}@example.com" if index % 3 else ""
        plan = ODD[(index * 7) % len(ODD)]
        rows.append((f"{index:05}", phone, "Ann", "Lee", email, plan, cell, "not this one", cell))
    return rows


def test_a_thousand_rows(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """
    Every row comes back in order with its own cells and a callId, and every person was
    called once, with a request that fits the contract and nothing of which is empty.
    """
    rows = odd_rows(1000)
    rows[500] = (*rows[500][:1], "+18005550199", *rows[500][2:])  # toll-free
    rows[501] = (*rows[501][:1], rows[3][1], *rows[501][2:])  # the same person as in row 5
    rows[502] = (*rows[502][:1], "4.47911E+11", *rows[502][2:])  # destroyed by a spreadsheet
    write_rows(tmp_path / "leads.csv", [HEADER, *rows])
    answer = batchdial(
        "run", "leads.csv", "--yes", "--concurrency", 20, "--map", "phoneNumber=Mobile", "--json"
    )
    assert answer.code == 0, answer.err
    assert answer.json["counts"] == {
        "success": 997,
        "duplicate": 1,
        "invalid": 1,
        "suppressed": 1,
    }

    results = read_results(tmp_path / "leads.results.csv")
    assert len(results) == 1000
    assert "dialing" not in tally(results)
    assert [row["row"] for row in results] == sorted((row["row"] for row in results), key=int)
    dialable = [row[1] for index, row in enumerate(rows) if index not in {500, 501, 502}]
    assert [row["e164"] for row in results if row["status"] == "success"] == dialable

    assert dialled(to_sandbox.posts) == dict.fromkeys(dialable, 1)
    call_ids = {post.number: post.call_id for post in to_sandbox.posts}
    for row in results:
        assert row["callId"] == (call_ids[row["e164"]] if row["status"] == "success" else "")
    assert len({row["callId"] for row in results if row["callId"]}) == 997

    for post in to_sandbox.posts:
        assert_valid_call_request(post.path, post.body)
        assert post.authorization == "present"
        assert isinstance(post.body, dict)
        assert all(post.body.values())
        assert post.body["prospectName"] == "Ann Lee"
    assert SANDBOX_KEY not in answer.out + answer.err


def test_cells_survive(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A results file that is read by batchdial again has every original cell, sign by sign."""
    from batchdial.lists.loader import open_list

    rows = odd_rows(len(ODD) * 3)
    source = write_rows(tmp_path / "leads.csv", [HEADER, *rows])
    batchdial("run", "leads.csv", "--yes", "--map", "phoneNumber=Mobile", "--quiet")
    assert to_sandbox.posts
    before = open_list(source)
    after = open_list(tmp_path / "leads.results.csv")
    assert after.reading.is_results
    assert after.reading.header == before.reading.header
    assert [row.cells for row in after.sample] == [row.cells for row in before.sample]
    assert [row.cells for row in before.sample] == rows


def test_nothing_takes_the_place_of_the_number(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """Columns that are named like the API's own fields, in any capitals, overwrite nothing."""
    phone = numbers(1)[0]
    header = ("phone", "phonenumber", "PROSPECTNAME", "Email", "callId", "status", "__proto__", "")
    cells = (phone, "no number", "Ann Lee", "ann@example.com", "mine", "open", "x", "y")
    write_rows(tmp_path / "leads.csv", [header, cells])
    assert batchdial("run", "leads.csv", "--yes", "--map", "phoneNumber=phone").code == 0
    (post,) = to_sandbox.posts
    assert isinstance(post.body, dict)
    assert {name: post.body[name] for name in API_FIELDS} == {
        "phoneNumber": phone,
        "prospectName": "Ann Lee",
        "email": "ann@example.com",
    }
    assert {"phonenumber", "PROSPECTNAME", "Email"}.isdisjoint(post.body)
    (row,) = read_results(tmp_path / "leads.results.csv")
    assert (row["callId (input)"], row["status (input)"]) == ("mine", "open")
    assert (row["callId"], row["status"]) == (post.call_id, "success")


def test_other_kinds_of_file(
    to_sandbox: Sandbox, batchdial: Callable[..., Answer], tmp_path: Path
) -> None:
    """A list for a European Excel, in its code page and with semicolons, is dialled like any."""
    phones = numbers(3)
    text = "Telefon;Name;Ort\r\n" + "".join(f"{one};Jürgen Groß;Köln\r\n" for one in phones)
    (tmp_path / "liste.csv").write_bytes(text.encode("cp1252"))
    assert batchdial("run", "liste.csv", "--yes", "--map", "phoneNumber=Telefon").code == 0
    rows = read_results(tmp_path / "liste.results.csv")
    assert [row["Name"] for row in rows] == ["Jürgen Groß"] * 3
    bodies = [post.body for post in to_sandbox.posts if isinstance(post.body, dict)]
    assert {body["prospectName"] for body in bodies} == {"Jürgen Groß"}
    assert [row["Telefon"] for row in rows] == phones


def test_a_list_from_standard_input(
    to_sandbox: Sandbox,
    batchdial: Callable[..., Answer],
    tmp_path: Path,
    piped: Callable[[str], None],
) -> None:
    """`-` is a list too; it needs a name, and its results go beside nothing but the name."""
    phones = numbers(3)
    text = "phoneNumber\n" + "\n".join(phones) + "\n"
    piped(text)
    refused = batchdial("run", "-", "--yes")
    assert (refused.code, "--campaign" in refused.err) == (78, True)
    assert not to_sandbox.posts
    piped(text)
    assert batchdial("run", "-", "--yes", "--campaign", "piped").code == 0
    assert_whole(read_results(tmp_path / "piped.results.csv"), phones)
    assert dialled(to_sandbox.posts) == dict.fromkeys(phones, 1)
