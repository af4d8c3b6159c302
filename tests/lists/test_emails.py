"""One e-mail cell: the address to send, or why there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.lists.emails import (
    PROBLEMS,
    check_email,
    doubtful_addresses,
    email_note,
    examined,
    read_email,
)
from batchdial.models import in_lines


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("a@example.com", "a@example.com"),
        (" Ann.Lee+x@Example.com \u00a0", "Ann.Lee+x@Example.com"),
        ("\u200ba@example.com\ufeff", "a@example.com"),
        ("mailto:a@example.com?subject=x", "a@example.com"),
        ("MAILTO: a@example.com", "a@example.com"),
        ("Ann Lee <a@example.com>", "a@example.com"),
        ('"Lee, Ann" <a@example.com>', "a@example.com"),
        ("<a@example.com>", "a@example.com"),
        ("a@example.com,", "a@example.com"),
        ("a@example.com;", "a@example.com"),
        ("a@example.com.", "a@example.com"),
        ("'a@example.com", "a@example.com"),
        ("ａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "a@example.com"),  # noqa: RUF001
        ("o'brien@example.com", "o'brien@example.com"),
        ("a_b-c%d@sub.example.co.uk", "a_b-c%d@sub.example.co.uk"),
        ("björn@exämple.se", "björn@exämple.se"),
        ("用户@例子.中国", "用户@例子.中国"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@example.xn--p1ai", "a@example.xn--p1ai"),
        (f"{'x' * 64}@example.com", f"{'x' * 64}@example.com"),
        (f"a@{'b' * 63}.com", f"a@{'b' * 63}.com"),
    ],
)
def test_address(cell: str, address: str) -> None:
    """What is certainly one address is sent, without what stands around it."""
    assert read_email(cell) == (address, "")
    assert check_email(cell) == address
    assert email_note([cell]) == ""


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("a@example.com; b@example.com", "several"),
        ("a@example.com, b@example.com", "several"),
        ("a@example.com b@example.com", "several"),
        ("a@example.com/b@example.com", "several"),
        ("a@example.com\nb@example.com", "several"),
        ("a@@example.com", "characters"),
        ("a@b@example.com", "characters"),
        ("a@example,com", "characters"),
        ("a;b@example.com", "characters"),
        ("a\\b@example.com", "characters"),
        ("a\x00@example.com", "characters"),
        ("a(at)example.com", "no_address"),
        ("no address", "no_address"),
        ("@example.com", "no_address"),
        ("a@", "no_address"),
        ("www.example.com", "no_address"),
        ("a b@example.com", "spaces"),
        ("a@example .com", "spaces"),
        ("a@example.com (work)", "spaces"),
        ('"a b"@example.com', "spaces"),
        (".a@example.com", "dots"),
        ("a.@example.com", "dots"),
        ("a..b@example.com", "dots"),
        ("a@example..com", "dots"),
        ("a@.example.com", "dots"),
        ("a@example", "domain"),
        ("a@-example.com", "domain"),
        ("a@exa_mple.com", "domain"),
        ("a@[192.0.2.1]", "domain"),
        ("a@192.0.2.1", "domain"),
        ("a@example.c", "domain"),
        ("a@example.123", "domain"),
        (f"{'x' * 65}@example.com", "too_long"),
        (f"a@{'b' * 64}.com", "too_long"),
        (f"a@{'ü' * 60}.com", "too_long"),
        (f"a@{'b.' * 130}com", "too_long"),
        ("a@example.com" + " " * 2_000_000, "too_long"),
    ],
)
def test_no_address(cell: str, reason: str) -> None:
    """Everything else is not sent, and the row says why."""
    assert read_email(cell) == ("", reason)
    assert check_email(cell) == ""
    assert email_note([cell]).startswith("The e-mail address ")
    assert email_note([cell]).endswith(f" is not sent: {PROBLEMS[reason]}.")
    assert len(email_note([cell])) < 200


@pytest.mark.parametrize("cell", ["", "  ", "\u00a0\u200b", "-", "n/a", "None", "NULL", "nan"])
def test_blank(cell: str) -> None:
    """No address is no fault."""
    assert read_email(cell) == ("", "")
    assert email_note([cell]) == ""


@given(st.text(max_size=60) | st.from_regex(r"[a-zé. ]{0,5}@?[a-z.,;@<> -]{0,12}"))
def test_any_cell(cell: str) -> None:
    """Whatever it holds, an address that is sent has one @, a dotted domain and no blanks."""
    address, reason = read_email(cell)
    assert not (address and reason)
    assert not reason or reason in PROBLEMS
    if address:
        local, _, domain = address.partition("@")
        assert local
        assert "." in domain
        assert "@" not in domain
        assert not any(char.isspace() or ord(char) < 33 or char in ",;<>" for char in address)
        assert check_email(address) == address


@given(
    text=st.one_of(
        st.from_regex(r"[a-z0-9._+'-]{1,8}@[a-z0-9.-]{1,12}\.[a-z]{1,3}", fullmatch=True),
        st.emails(),
        st.text("ab1.-_+@' é", max_size=20),
    )
)
def test_the_short_way_agrees_with_the_long_one(text: str) -> None:
    """What is an address at a glance is one at a closer look."""
    assert read_email(text) == examined(text)


PLAIN = ("", "a@example.com", "a.b+c@sub.example.co.uk", f"{'x' * 52}@example.com")
ODD = (
    *(" ", "-", '"', "a@example.com\n", "a@example.com\nb@example.com", "a@exämple.se"),
    *("a@example", "a..b@example.com", f"{'x' * 53}@example.com", f"{'x' * 65}@example.com"),
)


@given(cells=st.lists(st.sampled_from([*PLAIN, *ODD])))
def test_a_column_at_a_glance(cells: list[str]) -> None:
    """What is not plainly one address, or blank, is found, wherever it stands."""
    odd = [place for place, cell in enumerate(cells) if cell in ODD]
    assert doubtful_addresses(in_lines(cells)) == odd
