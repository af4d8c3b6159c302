"""What is said of calling hours, as flags or in a file, and what a run makes of it."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchdial.calling import calling_hours
from batchdial.errors import ConfigError, ExitCode
from batchdial.lists.feasts import feasts_of
from batchdial.lists.presets import presets
from batchdial.lists.zones import place_of
from batchdial.rules.hours import Place
from batchdial.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchdial.rules.hours import CallingHours

    from .conftest import Answer

TODAY = date(2026, 11, 25)
LAW = (Path(__file__).parent.parent / "docs" / "law.md").read_text("utf-8")


def asked(**flags: str) -> CallingHours:
    """The hours that some flags ask for."""
    return calling_hours(load_settings({"hours": "08:00-21:00", **flags}), TODAY)


def refused(**flags: str) -> list[str]:
    """The lines of the error that some flags cause."""
    with pytest.raises(ConfigError) as caught:
        asked(**flags)
    assert caught.value.exit_code == ExitCode.CONFIG
    return str(caught.value).split("\n")


def open_hours(hours: CallingHours, country: str, day: str) -> list[int]:
    """The hours of a day at which somebody of a country may be called, in UTC."""
    times = [datetime.fromisoformat(f"{day}T{hour:02}:30Z") for hour in range(24)]
    place = Place(("Etc/GMT",), (country,))
    return [at.hour for at in times if hours.opening(place, at).is_open]


MONDAY, SUNDAY, CHRISTMAS = "2026-11-23", "2026-11-29", "2026-12-25"


def test_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight to nine in the evening, every day, for everybody."""
    monkeypatch.delenv("BATCHDIAL_HOURS")
    hours = calling_hours(load_settings({}), TODAY)
    for day in (MONDAY, SUNDAY, CHRISTMAS):
        assert open_hours(hours, "US", day) == open_hours(hours, "GB", day) == [*range(8, 21)]


def test_any_turns_it_off() -> None:
    """Also for people of whom nobody knows where they are."""
    hours = asked(hours="any")
    assert hours.is_any
    assert hours.opening(place_of("+870773111632"), datetime.now(UTC)).is_open


def test_days() -> None:
    """They limit whatever the hours are."""
    for text in ("08:00-21:00", "any", "us-federal"):
        hours = asked(hours=text, days="mon-fri")
        assert open_hours(hours, "US", MONDAY)
        assert open_hours(hours, "US", SUNDAY) == []
        assert open_hours(hours, "GB", SUNDAY) == []


def test_presets_hold_for_their_countries() -> None:
    """A country that none is for has the default."""
    hours = asked(hours="us-federal,uk+ fr")
    assert open_hours(hours, "US", SUNDAY) == [*range(8, 21)]
    assert open_hours(hours, "GB", SUNDAY) == [*range(9, 21)]
    assert open_hours(hours, "FR", MONDAY) == [10, 11, 12, *range(14, 20)]
    assert open_hours(hours, "FR", SUNDAY) == []
    assert open_hours(hours, "FR", CHRISTMAS) == []
    assert open_hours(hours, "NZ", SUNDAY) == [*range(8, 21)]


def test_several_presets_of_one_country_must_all_allow_it() -> None:
    """The hours that are left."""
    hours = asked(hours="us-ct,us-fl,us-al")
    assert open_hours(hours, "US", MONDAY) == [*range(9, 20)]
    assert open_hours(hours, "US", SUNDAY) == []


def test_holidays_hold_for_their_country() -> None:
    """Of a part of it, too; a date is left out for everybody."""
    hours = asked(holidays="US, de-by, 2026-11-23")
    assert open_hours(hours, "NZ", MONDAY) == []
    assert open_hours(hours, "NZ", CHRISTMAS) == [*range(8, 21)]
    assert open_hours(hours, "US", CHRISTMAS) == []
    assert open_hours(hours, "DE", "2027-01-06") == []
    assert open_hours(hours, "US", "2027-01-06") == [*range(8, 21)]


def test_holidays_beside_presets() -> None:
    """The hours of the preset stay."""
    hours = asked(hours="uk", holidays="GB")
    assert open_hours(hours, "GB", CHRISTMAS) == []
    assert open_hours(hours, "GB", SUNDAY) == [*range(9, 21)]


def test_everything_wrong_is_said_at_once() -> None:
    """With the flag, and what to write instead."""
    told = refused(hours="9-25; mon 9", days="funday", holidays="XX,Easter")
    assert told == [
        "--hours: '9-25' is no window such as 08:00-21:00",
        "--hours: '9' is no window such as 08:00-21:00",
        "--days: 'funday' is no weekday; write mon-fri or mon,wed,sat",
        "--holidays: 'Easter' is neither a date such as 2026-12-25 nor a country such as GB",
        "No public holidays are known of 'XX'. Give the code of a country, alone or with a part "
        "of it: US, GB, DE-BY.",
    ]


def test_a_misspelt_preset() -> None:
    """The likely one is named, else all are."""
    assert "did you mean us-federal?" in refused(hours="us-federl")[0]
    assert "known are ca, de, es" in refused(hours="noon")[0]
    assert refused(holidays="2026-02-30")[0].startswith("--holidays: '2026-02-30' is neither")


def test_hours_that_never_come() -> None:
    """Are an error, not a run that waits for ever."""
    told = refused(hours="sat 10:00-14:00", days="mon-fri")
    assert told == ["--hours and --days leave no weekday: nobody would ever be called"]


def test_without_the_extra_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, or what to say instead."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    told = refused(hours="fr", holidays="FR,2026-12-24")
    assert told == [
        "The public holidays of FR need one more package: pip install 'batchdial[holidays]'",
        "Or name the dates: --holidays 2026-12-25,2026-12-26",
    ]
    assert open_hours(asked(holidays="2026-12-24"), "FR", "2026-12-24") == []


def test_public_holidays() -> None:
    """With those of a state, in every year that was asked for."""
    assert {date(2026, 7, 14), date(2027, 7, 14)} <= feasts_of("FR", [2026, 2027])
    assert date(2026, 4, 27) in feasts_of("US-AL", [2026])
    assert date(2026, 4, 27) not in feasts_of("US", [2026])


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_is_sourced_and_dated(name: str) -> None:
    """It says what it rests on; its hours come at all; and the page on the law has it."""
    preset = presets()[name]
    assert preset.kind in {"law", "guidance"}
    assert preset.source
    assert preset.url.startswith(("https://", "http://"))
    assert preset.since is None or preset.since <= preset.read
    assert len(preset.note) < 160
    for country in preset.countries:
        assert open_hours(asked(hours=name), country, MONDAY)
    (line,) = (line for line in LAW.splitlines() if line.startswith(f"| `{name}` |"))
    for told in (str(preset.hours), preset.kind, preset.source, preset.url, str(preset.read)):
        assert told in line


@pytest.mark.parametrize("command", ["run", "resume", "retry"])
def test_the_flags(command: str, batchdial: Callable[..., Answer]) -> None:
    """Every command that dials has them."""
    said = batchdial(command, "--help").out
    for flag in ("--hours", "--days", "--holidays"):
        assert flag in said


def test_from_the_campaign_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As keys of it."""
    monkeypatch.delenv("BATCHDIAL_HOURS")
    config = tmp_path / "campaign.toml"
    config.write_text('hours = "us-federal"\ndays = "mon-fri"\nholidays = "2026-11-23"\n')
    hours = calling_hours(load_settings({}, config), TODAY)
    assert open_hours(hours, "US", MONDAY) == open_hours(hours, "US", SUNDAY) == []
    assert open_hours(hours, "US", "2026-11-24") == [*range(8, 21)]
