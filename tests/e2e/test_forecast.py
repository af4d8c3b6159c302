"""What is said before the first call: what is missing, what it takes; and a call to oneself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import batchdial as package
from batchdial.errors import ConfigError
from batchdial.sandbox.agents import DEFAULT_AGENTS, Agent

from .leads import dialled, numbers, read_results, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from batchdial.sandbox import Sandbox
    from tests.conftest import Answer

    Run: TypeAlias = Callable[..., Answer]

OWN = "+12185550199"
TALKATIVE = Agent(
    "ag_9",
    "Talkative",
    greeting="Hello {prospectName} of {city}, your {plan} ends on {renewal}.",
    instructions="Offer {discount} to {prospectName}.",
    voicemail="Call {agentName}.",
    max_call_duration=4,
)


@pytest.fixture
def seeded(to_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """
    A list of which an agent's texts lack three columns, and two have blank cells.

    The blank cells of the row that cannot be called do not count.
    """
    to_sandbox.configure(agents=(*DEFAULT_AGENTS, TALKATIVE))
    monkeypatch.setenv("BATCHDIAL_AGENT", "ag_9")
    header = ("phone", "prospectName", "city", "plan", "Renewal date", "note")
    first, second, third, fourth = numbers(4)
    write_rows(
        "leads.csv",
        [
            header,
            (first, "Ann Lee", "", "gold", "2026-12-01", "x"),
            (second, "Ann Moe", " ", "", "", "x"),
            (third, "Ann Poe", "\u200b", "blue", "", ""),
            (fourth, "Ann Roe", "Rome", "blue", "", ""),
            ("nobody", "", "", "", "", ""),
        ],
    )
    return to_sandbox


def named(answer: Answer) -> dict[str, list[tuple[str, int | None]]]:
    """The variables of each topic, with rows, as --json has them."""
    found: dict[str, list[tuple[str, int | None]]] = {}
    for one in answer.json["preflight"]:
        found.setdefault(one["topic"], []).append((one["variable"], one["rows"]))
    return found


def test_preflight_names_all_of_it(seeded: Sandbox, batchdial: Run) -> None:
    """Every variable without a column, every blank cell, every column that no text uses."""
    answer = batchdial("run", "leads.csv", "--yes")
    assert answer.code == 0
    for line in (
        "{renewal} in the greeting has no column in leads.csv: --map renewal='Renewal date'",
        "{discount} in the instructions has no column in leads.csv: --map discount=COLUMN",
        "{agentName} in the voicemail has no column in leads.csv: --map agentName=",
        "{city} in the greeting is blank in 3 rows of leads.csv",
        "{plan} in the greeting is blank in 1 row of leads.csv",
        "note is sent, and no text of the agent uses it",
        "Calls are not recorded",
        "a voicemail counts as pickedUp",
        "No webhook",
    ):
        assert line in answer.err
    assert "{prospectName}" not in answer.err
    assert len(seeded.posts) == 4


def test_strict_refuses(seeded: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Nobody is called, nothing is kept, and all of it is named; also from Python."""
    refusal = batchdial("run", "leads.csv", "--yes", "--strict", "--quiet")
    assert refusal.code == 78
    for name in ("renewal", "discount", "agentName", "city", "plan"):
        assert f"{{{name}}}" in refusal.err
    assert "note" not in refusal.err
    with pytest.raises(ConfigError, match="discount"):
        package.run("leads.csv", strict=True)
    assert not seeded.posts
    assert batchdial("campaigns", "--json").json == []
    assert not (tmp_path / "leads.results.csv").exists()


def test_strict_lets_a_whole_list_pass(to_sandbox: Sandbox, batchdial: Run) -> None:
    """A list that has everything is dialled."""
    write_rows("leads.csv", [("phone", "name", "plan"), (*numbers(1), "Ann Lee", "gold")])
    assert batchdial("run", "leads.csv", "--yes", "--strict").code == 0
    assert package.run("leads.csv", strict=True, again=True).exit_code == 0
    assert len(to_sandbox.posts) == 2


def test_preflight_for_programs(seeded: Sandbox, batchdial: Run) -> None:
    """A dry run asks the agent where --strict asks for it, and nobody otherwise."""
    plain = batchdial("run", "leads.csv", "--dry-run", "--json")
    assert plain.json["preflight"] is None
    assert not seeded.journal
    assert "{city} is blank in 3 rows that can be called" in plain.err
    answer = batchdial("run", "leads.csv", "--dry-run", "--strict", "--json")
    assert (answer.code, answer.out) == (78, "")
    assert not seeded.posts


def test_preflight_of_a_list_in_the_ledger(seeded: Sandbox, batchdial: Run) -> None:
    """What goes on is looked at again: its columns, and the first rows for blank cells."""
    assert batchdial("run", "leads.csv", "--yes", "--limit", 1).code == 75
    answer = batchdial("resume", "--yes", "--strict")
    assert answer.code == 78
    assert "{renewal} in the greeting has no column in leads.csv" in answer.err
    assert "{city} in the greeting is blank in 2 of the first 3 rows of leads.csv" in answer.err
    assert len(seeded.posts) == 1


def test_a_results_file_that_is_fed_back(seeded: Sandbox, batchdial: Run) -> None:
    """Also what a person corrected is compared."""
    seeded.configure(script=("failed",) * 4)
    batchdial("run", "leads.csv", "--yes")
    answer = batchdial("retry", "leads.results.csv", "--yes", "--strict")
    assert answer.code == 78
    assert "{discount} in the instructions has no column in leads" in answer.err


def test_a_service_that_does_not_tell(seeded: Sandbox, batchdial: Run) -> None:
    """It is said, with the blank cells, and the run goes on even when --strict is set."""
    seeded.configure(agents=(replace(TALKATIVE, greeting=5, instructions=None, voicemail=[]),))  # type: ignore[arg-type]
    answer = batchdial("run", "leads.csv", "--yes", "--strict")
    assert answer.code == 0
    assert "The service says nothing about what this agent says" in answer.err
    assert "{city} is blank in 3 rows" in answer.err
    assert len(seeded.posts) == 4


# The estimate.


def test_an_estimate_in_words(seeded: Sandbox, batchdial: Run) -> None:
    """Minutes always; money where a minute has a price; by the agent's longest call."""
    plain = batchdial("run", "leads.csv", "--yes", "--limit", 1, "--rate", "60/m")
    assert "\n1 call at 60/m, done about " in plain.err
    assert "  likely 2 minutes (1 to 4): 2 a call, an assumption" in plain.err
    priced = batchdial("resume", "--yes", "--price-per-minute", "0.125")
    assert "  likely 0.75 to pay (0.38 to 1.50), likely 6 minutes (3 to 12)" in priced.err
    assert len(seeded.posts) == 4


def test_an_estimate_for_programs(seeded: Sandbox, batchdial: Run) -> None:
    """In figures, money exactly."""
    ahead = batchdial(
        "run", "leads.csv", "--dry-run", "--json", "--price-per-minute", ".10", "--max-calls", 3
    ).json["estimate"]
    assert (ahead["calls"], ahead["left"], ahead["basedOn"]) == (3, 1, 0)
    assert ahead["minutes"] == {"low": 3, "likely": 6, "worst": 180}
    assert ahead["money"] == {"low": "0.30", "likely": "0.60", "worst": "18.00"}
    assert ahead["begin"] <= ahead["finish"]
    assert not seeded.posts


def test_a_budget_that_is_short(seeded: Sandbox, batchdial: Run) -> None:
    """Who would not be called is said before anybody is."""
    some = batchdial("run", "leads.csv", "--dry-run", "--max-calls", 3)
    assert "1 row would stay pending: the budget has no room for more." in some.err
    none = batchdial("run", "leads.csv", "--dry-run", "--max-minutes", 3)
    assert "--max-minutes 3 leaves no room for one more call" in none.err
    assert not seeded.posts


def test_a_budget_over_several_runs(seeded: Sandbox, batchdial: Run) -> None:
    """What earlier runs used is not there any more; their calls are open, so at their longest."""
    assert batchdial("run", "leads.csv", "--yes", "--limit", 2).code == 75
    told = batchdial("resume", "--dry-run", "--max-calls", 3)
    assert "\n1 call at " in told.err
    assert "1 row would stay pending" in told.err
    short = batchdial("resume", "--dry-run", "--max-minutes", 121)
    assert "0 of 121 minutes are used, 2 in progress may take 120" in short.err
    assert len(seeded.posts) == 2


# A call to oneself.


def test_a_call_to_oneself(seeded: Sandbox, batchdial: Run, tmp_path: Path) -> None:
    """Once, as the first row; no row knows of it, and the campaign is as it was."""
    answer = batchdial("run", "leads.csv", "--yes", "--test-to", OWN, "--json")
    assert answer.code == 0
    (post,) = seeded.posts
    assert post.body == {
        "phoneNumber": OWN,
        "prospectName": "Ann Lee",
        "plan": "gold",
        "note": "x",
    }
    assert answer.json["status"] == "success"
    assert answer.json["callId"]
    assert OWN not in answer.out + answer.err
    assert batchdial("campaigns", "--json").json == []
    assert not (tmp_path / "leads.results.csv").exists()
    assert batchdial("run", "leads.csv", "--yes").code == 0
    assert dialled(seeded.posts) == dict.fromkeys([OWN, *numbers(4)], 1)
    assert [row["attempts"] for row in read_results("leads.results.csv")[:4]] == ["1"] * 4


def test_a_call_to_oneself_is_agreed_to(seeded: Sandbox, batchdial: Run) -> None:
    """Without a terminal and without --yes nobody is called; a dry run calls nobody either."""
    assert batchdial("run", "leads.csv", "--test-to", OWN).code == 2
    assert batchdial("run", "leads.csv", "--test-to", OWN, "--dry-run", "--yes").code == 0
    assert batchdial("run", "leads.csv", "--test-to", OWN, "--strict", "--yes").code == 78
    with pytest.raises(ConfigError, match="--test-to"):
        package.run("leads.csv", test_to=OWN)
    assert not seeded.posts


@pytest.mark.parametrize("misbehaviour", ["failed", "drop-rang", "429", "500"])
def test_a_call_to_oneself_is_never_repeated(
    misbehaviour: str, seeded: Sandbox, batchdial: Run
) -> None:
    """Whatever comes of it is said, and there is one request."""
    seeded.configure(script=(misbehaviour,))
    answer = batchdial("run", "leads.csv", "--yes", "--test-to", OWN)
    assert answer.code == 1
    assert "Test call to +12185••••99: " in answer.err
    assert len(seeded.posts) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (numbers(2)[1], "a contact's"),
        (numbers(2)[1].replace("+1", "+1 (").replace("555", ") 555-"), "a contact's"),
        ("0218 5550199", "country code"),
        ("112", "--test-to"),
        ("+18005550199", "--test-to"),
        ("me", "--test-to"),
        ("", "--test-to"),
    ],
)
def test_whom_a_test_call_cannot_reach(
    text: str, word: str, seeded: Sandbox, batchdial: Run
) -> None:
    """No contact, and nothing that is not dialled otherwise."""
    answer = batchdial("run", "leads.csv", "--yes", "--quiet", "--test-to", text)
    assert answer.code == 78
    assert word in answer.err
    assert not seeded.posts


def test_contacts_of_other_lists_and_editions(seeded: Sandbox, batchdial: Run) -> None:
    """Whom the campaign has ever had is a contact, and whom a correction is about to add."""
    assert batchdial("run", "leads.csv", "--yes", "--limit", 1).code == 75
    write_rows("leads.csv", [("phone", "name"), (OWN, "Ann Loe")])
    for contact in numbers(4):
        answer = batchdial("run", "leads.csv", "--yes", "--test-to", contact)
        assert answer.code == 78
    results = read_results("leads.results.csv")
    results[3]["phone"] = OWN
    write_rows("fed.csv", [list(results[0]), *(list(row.values()) for row in results)])
    answer = batchdial("retry", "fed.csv", "--yes", "--campaign", "leads", "--test-to", OWN)
    assert (answer.code, "a contact's" in answer.err) == (78, True)
    assert len(seeded.posts) == 1


def test_a_test_call_keeps_the_pace(
    seeded: Sandbox, batchdial: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a departure like every other call, and leaves the next one later."""
    waited: list[float] = []
    monkeypatch.setattr("batchdial.testcall.time.sleep", waited.append)
    for _ in range(2):
        assert batchdial("run", "leads.csv", "--yes", "--rate", "2/h", "--test-to", OWN).code == 0
    assert waited[0] == 0
    assert 1700 < waited[1] < 1900
    assert len(seeded.posts) == 2


# The list that a campaign file names.


def test_a_list_in_the_campaign_file(
    seeded: Sandbox, batchdial: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found beside the file, from wherever the command is called."""
    (tmp_path / "renewals.toml").write_text('list = "leads.csv"\ncampaign = "renewals"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    checked = batchdial("check", "--config", "../renewals.toml", "--json")
    assert checked.json["rows"] == 5
    assert batchdial("run", "--config", "../renewals.toml", "--yes").code == 0
    assert len(seeded.posts) == 4
    assert (tmp_path / "leads.results.csv").exists()


def test_several_lists_in_the_campaign_file(seeded: Sandbox, batchdial: Run) -> None:
    """All are checked and dialled; a FILE on the command line is meant alone."""
    write_rows("more.csv", [("phone", "name"), (numbers(9)[8], "Ann Loe")])
    Path("c.toml").write_text('list = ["leads.csv", "more.csv"]\ncampaign = "renewals"\n')
    checked: Any = batchdial("check", "--config", "c.toml", "--json").json
    assert [one["file"] for one in checked] == ["leads.csv", "more.csv"]
    assert batchdial("check", "--config", "c.toml", "-o", "x.csv").code == 2
    assert batchdial("run", "more.csv", "--config", "c.toml", "--yes").code == 0
    assert len(seeded.posts) == 1
    assert batchdial("run", "--config", "c.toml", "--yes").code == 0
    assert len(seeded.posts) == 5


@pytest.mark.parametrize("command", ["run", "check"])
def test_no_list_at_all(command: str, batchdial: Run) -> None:
    """Whoever names none is told of both ways."""
    answer = batchdial(command)
    assert answer.code == 2
    assert 'list = "FILE"' in answer.err
    assert answer.out == ""
