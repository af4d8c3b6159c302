"""What a list lacks of what an agent says is named before the first call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdial.rules.preflight import Finding, Sent, Topic, preflight, refused, variables
from batchdial.sandbox.agents import DEFAULT_AGENTS

RENEWALS = DEFAULT_AGENTS[0].as_json()
#: As `RENEWALS` uses them.
WHOLE = Sent("leads.csv", ("phoneNumber", "prospectName", "plan"))

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: name not in ("region", "timezone")
)


def agent(**texts: str) -> dict[str, Any]:
    """An agent that says these things, with everything turned on."""
    return {
        "greeting": texts.get("greeting", ""),
        "instructions": texts.get("instructions", ""),
        "voicemailSettings": {"enable": True, "voicemail": texts.get("voicemail", "")},
        "smsSettings": {"enable": True, "message": texts.get("message", "")},
        "recordingSettings": {"enable": True},
        "machineSettings": {"enable": True},
        "webhookSettings": {"enable": True, "url": "https://crm.example.com/secret/path"},
    }


def about(findings: tuple[Finding, ...], topic: Topic) -> list[str]:
    """The variables that findings of a topic name."""
    return [one.variable for one in findings if one.topic is topic]


def text_of(findings: tuple[Finding, ...], topic: Topic) -> str:
    """What the one finding of a topic says."""
    (one,) = [one for one in findings if one.topic is topic]
    return one.text


def test_a_list_that_has_everything() -> None:
    """Nothing but the settings is said of it, and nothing is refused."""
    found = preflight(RENEWALS, [WHOLE])
    assert [one.topic for one in found] == [Topic.RECORDING, Topic.MACHINES, Topic.WEBHOOK]
    assert refused(found) == ()


def test_every_text_is_read() -> None:
    """Greeting, instructions, voicemail and message, each variable once with its places."""
    used = variables(
        agent(greeting="{a} { b }", instructions="{c}{a}", voicemail="{d}", message="{e}{a}")
    )
    assert list(used) == ["a", "b", "c", "d", "e"]
    assert str(used["a"]) == "the greeting, the instructions and the message"
    assert str(used["d"]) == "the voicemail"


@pytest.mark.parametrize("text", ["{}", "{1a}", "{a b}", '{"a": 1}', "{a", "a}", "{ä}", "{a-b}"])
def test_what_is_no_variable(text: str) -> None:
    """Braces of other kinds are left alone."""
    assert variables(agent(greeting=text)) == {}


@given(
    used=st.lists(NAMES, max_size=30, unique=True),
    there=st.lists(NAMES, max_size=30, unique=True),
    both=st.lists(NAMES, max_size=10, unique=True),
    holes=st.integers(0, 3),
    place=st.sampled_from(["greeting", "instructions", "voicemail", "message"]),
)
def test_all_that_is_missing_or_blank_is_named(
    used: list[str], there: list[str], both: list[str], holes: int, place: str
) -> None:
    """Whatever an agent uses and a list has."""
    said, columns = {*used, *both}, {*there, *both}
    blank = dict.fromkeys([*both, *there], holes)
    findings = preflight(
        agent(**{place: " ".join(f"{{{name}}}" for name in [*used, *both])}),
        [Sent("leads.csv", ("phoneNumber", *columns), blank=blank)],
    )
    assert set(about(findings, Topic.MISSING)) == said - columns - {"phoneNumber"}
    assert set(about(findings, Topic.BLANK)) == (said & columns if holes else set())
    idle = columns - said - {"phoneNumber", "prospectName", "email"}
    assert set(about(findings, Topic.UNUSED)) == idle
    assert bool(refused(findings)) == any(
        one.topic in (Topic.MISSING, Topic.BLANK) for one in findings
    )


def test_capitals_make_another_variable() -> None:
    """A request names a variable exactly as the text does."""
    found = preflight(agent(greeting="{planName}"), [Sent("l.csv", ("phoneNumber", "planname"))])
    assert about(found, Topic.MISSING) == ["planName"]
    assert text_of(found, Topic.MISSING).endswith("--map planName=planname")


@pytest.mark.parametrize(
    ("column", "flag"),
    [
        ("Renewal date", "--map renewalDate='Renewal date'"),
        ("renewal-date (2026)", "--map renewalDate='renewal-date (2026)'"),
        ("Internal note", "--map renewalDate=COLUMN"),
    ],
)
def test_the_column_that_is_meant(column: str, flag: str) -> None:
    """A column that was not sent may be the one, under another name."""
    sent = Sent("leads.csv", ("phoneNumber",), unused=(column,))
    found = preflight(agent(greeting="{renewalDate}"), [sent])
    assert text_of(found, Topic.MISSING) == (
        f"{{renewalDate}} in the greeting has no column in leads.csv: {flag}"
    )


@pytest.mark.parametrize("name", ["region", "timezone"])
def test_fields_that_are_not_sent(name: str) -> None:
    """What only decides how a row is read reaches no text."""
    found = preflight(agent(greeting=f"{{{name}}}"), [Sent("l.csv", ("phoneNumber", name))])
    assert about(found, Topic.MISSING) == [name]
    assert about(preflight(RENEWALS, [Sent("l.csv", ("plan", name))]), Topic.UNUSED) == []


def test_a_text_that_is_turned_off() -> None:
    """Nobody hears it: what it lacks is said, and refuses nothing."""
    off = agent(voicemail="{plan}{city}")
    off["voicemailSettings"]["enable"] = False
    found = preflight(off, [Sent("l.csv", ("phoneNumber", "city"), blank={"city": 2})])
    assert refused(found) == ()
    assert about(found, Topic.UNUSED) == ["plan", "city"]
    assert "which is turned off" in found[0].text
    off["greeting"] = "{plan}"
    assert [one.variable for one in refused(preflight(off, [Sent("l.csv", ())]))] == ["plan"]


def test_how_many_rows_are_blank() -> None:
    """In figures, and of which rows."""
    every = preflight(RENEWALS, [Sent("leads.csv", WHOLE.fields, blank={"plan": 1204})])
    assert "is blank in 1,204 rows of leads.csv" in text_of(every, Topic.BLANK)
    some = preflight(RENEWALS, [Sent("leads.csv", WHOLE.fields, blank={"plan": 1}, first=200)])
    assert "is blank in 1 of the first 200 rows of leads.csv" in text_of(some, Topic.BLANK)
    mail = preflight(agent(greeting="{email}"), [Sent("l.csv", ("email",), blank={"email": 3})])
    assert "blank or no address" in text_of(mail, Topic.BLANK)


def test_each_list_by_itself() -> None:
    """Lists of one campaign may have other columns."""
    lists = [WHOLE, Sent("more.csv", ("phoneNumber", "prospectName"), blank={"prospectName": 1})]
    (missing, blank) = refused(preflight(RENEWALS, lists))
    assert "more.csv" in missing.text
    assert "more.csv" in blank.text


def test_no_answer() -> None:
    """It is said, with all that is blank, and nothing is refused."""
    sent = Sent("leads.csv", WHOLE.fields, blank={"plan": 12, "phoneNumber": 3})
    for silent in (None, {}, {"greeting": 5, "name": "x"}):
        found = preflight(silent, [sent])
        assert found[0].topic is Topic.SILENT
        assert about(found, Topic.BLANK) == ["plan"]
        assert refused(found) == ()


def test_settings_that_matter() -> None:
    """Each is said as it is set, the webhook without what its path may hold."""
    on = preflight(agent(greeting="x"), [])
    assert "let the greeting say it" in text_of(on, Topic.RECORDING)
    assert "told from people" in text_of(on, Topic.MACHINES)
    assert "crm.example.com" in text_of(on, Topic.WEBHOOK)
    assert "secret" not in text_of(on, Topic.WEBHOOK)
    off = preflight({"greeting": "x", **{name: {"enable": False} for name in SETTINGS}}, [])
    assert "not recorded" in text_of(off, Topic.RECORDING)
    assert "a voicemail counts as pickedUp" in text_of(off, Topic.MACHINES)
    assert "batchdial outcomes" in text_of(off, Topic.WEBHOOK)
    for odd in (None, "yes", {}, {"enable": "true"}, {"enable": 1}, [True]):
        for one in preflight({"greeting": "x", **dict.fromkeys(SETTINGS, odd)}, []):
            assert "does not say" in one.text


SETTINGS = ("recordingSettings", "machineSettings", "webhookSettings")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["greeting", "instructions", "voicemailSettings", "smsSettings", *SETTINGS]
        ),
        JSON | st.dictionaries(st.sampled_from(["enable", "url", "voicemail", "message"]), JSON),
    )
)
def test_whatever_the_service_says(told: dict[str, Any]) -> None:
    """Every finding is one printable line."""
    for one in preflight(told, [WHOLE]):
        assert one.text.isprintable()


def test_texts_without_measure() -> None:
    """A text of megabytes is read in one go, and no name is longer than a line."""
    found = preflight(
        agent(instructions="{ " * 10**6 + "{" + "x" * 10**6 + "}{" + "y" * 100 + "}"), [WHOLE]
    )
    assert about(found, Topic.MISSING) == ["y" * 100]
    assert len(text_of(found, Topic.MISSING)) < 400


@pytest.mark.parametrize("url", [None, "", "https://[::1", "no address", 5])
def test_a_webhook_to_nowhere(url: object) -> None:
    """It is called what it is."""
    told = {"greeting": "", "webhookSettings": {"enable": True, "url": url}}
    assert "an address that is none" in text_of(preflight(told, []), Topic.WEBHOOK)
