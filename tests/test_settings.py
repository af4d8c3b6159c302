"""One `Settings` out of flags, environment, `.env`, campaign file and defaults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from batchdial.errors import ConfigError, ExitCode
from batchdial.models import Cap, Rate
from batchdial.settings import VENDOR_URL, Settings, load_settings

KEY = "caldLive0123456789abcdefghijklmnopqrstu"

#: Where a setting can come from, the strongest first.
SOURCES = ("flag", "environment", "dotenv", "file", "default")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, clean_environment: None) -> Path:  # noqa: ARG001 (comes first)
    """An empty working folder."""
    return tmp_path


def refused(flags: dict[str, object], config: Path | None = None) -> list[str]:
    """The lines of the error that these settings cause."""
    with pytest.raises(ConfigError) as caught:
        load_settings(flags, config)
    assert caught.value.exit_code == ExitCode.CONFIG
    return str(caught.value).splitlines()


@pytest.mark.parametrize("strongest", range(len(SOURCES)))
def test_order_of_sources(strongest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag beats the environment, that beats `.env`, that the file, and that the default."""
    given = SOURCES[strongest:]
    config = tmp_path / "campaign.toml"
    config.write_text('rate = "4/s"\n' if "file" in given else "")
    if "dotenv" in given:
        (tmp_path / ".env").write_text("BATCHDIAL_RATE=3/s\n")
    if "environment" in given:
        monkeypatch.setenv("BATCHDIAL_RATE", "2/s")
    settings = load_settings({"rate": "1/m" if "flag" in given else None}, config)
    expected = [Rate(1, 60), Rate(2, 1), Rate(3, 1), Rate(4, 1), Rate(1, 1)]
    assert settings.rate == expected[strongest]


def test_every_setting_from_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text from the environment and values from a file mean the same as flags."""
    config = tmp_path / "campaign.toml"
    config.write_text(
        'agent = "ag_1"\nconcurrency = 9\nonly_mapped = true\nallow_types = ["toll_free"]\n'
        '[map]\nphoneNumber = "Mobile,Office"\nplan = "Plan = name"\n'
    )
    from_file = load_settings({}, config)
    monkeypatch.setenv("BATCHDIAL_AGENT", "ag_1")
    monkeypatch.setenv("BATCHDIAL_CONCURRENCY", "9")
    monkeypatch.setenv("BATCHDIAL_ONLY_MAPPED", "true")
    monkeypatch.setenv("BATCHDIAL_ALLOW_TYPES", "toll_free")
    monkeypatch.setenv("BATCHDIAL_MAP", "phoneNumber=Mobile,Office; plan=Plan = name")
    from_environment = load_settings({})
    flags = {
        "agent": "ag_1",
        "concurrency": 9,
        "only_mapped": True,
        "allow_types": "toll_free",
        "map": ("phoneNumber=Mobile,Office", "plan=Plan = name"),
    }
    for name in list(flags):
        monkeypatch.delenv(f"BATCHDIAL_{name.upper()}")
    from_flags = load_settings(flags)
    told = from_flags.model_dump()
    assert from_file.model_dump() == from_environment.model_dump() == told
    assert from_flags.map == {"phoneNumber": "Mobile,Office", "plan": "Plan = name"}
    assert from_flags.allow_types == {"toll_free"}


def test_defaults() -> None:
    """What holds where nobody says anything is what the README says."""
    settings = load_settings({})
    assert (str(settings.rate), settings.concurrency) == ("1/s", 5)
    assert (settings.max_attempts, settings.stop_after, settings.limit) == (3, 10, None)
    assert (settings.base_url, settings.region, settings.map) == (VENDOR_URL, None, {})
    assert not settings.only_mapped
    assert not settings.allow_types


def test_all_problems_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gets three things wrong is told of three."""
    lines = refused({"rate": "fast", "concurrency": 0, "base_url": "http://example.com"})
    assert len(lines) == 3
    for name in ("--rate", "--concurrency", "--base-url"):
        assert sum(line.startswith(name) for line in lines) == 1
    config = tmp_path / "campaign.toml"
    config.write_text("agnet = 'ag_1'\nratee = '1/s'\n")
    monkeypatch.setenv("BATCHDIAL_CONCURENCY", "5")
    (tmp_path / ".env").write_text("BATCHDIAL_LEGER=x.db\n")
    lines = refused({"regoin": "GB"}, config)
    assert len(lines) == 5
    for wrong, right in {
        "agnet": "agent",
        "ratee": "rate",
        "BATCHDIAL_CONCURENCY": "BATCHDIAL_CONCURRENCY",
        "BATCHDIAL_LEGER": "BATCHDIAL_LEDGER",
        "regoin": "region",
    }.items():
        assert any(wrong in line and f"Did you mean {right!r}?" in line for line in lines)


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"rate = ", "TOML"), (b"\xff\xfe", "UTF-8"), (None, "No such file")],
)
def test_campaign_file_that_cannot_be_read(
    content: bytes | None, word: str, tmp_path: Path
) -> None:
    """The file is named, and why."""
    config = tmp_path / "campaign.toml"
    if content is not None:
        config.write_bytes(content)
    (line,) = refused({}, config)
    assert str(config) in line
    assert word in line


@pytest.mark.parametrize(
    "key",
    [
        f"{KEY}\n",
        f"{KEY}\r\nX-Evil: 1",
        f" {KEY}",
        f"{KEY[:5]} {KEY[5:]}",
        f'"{KEY}"',
        f"'{KEY}'",
        f"{KEY}é",
        f"{KEY}\u200b",
        f"{KEY}\x7f",
        " ",
    ],
    ids=ascii,
)
def test_keys_that_are_none(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key with a sign that no key has is refused before it is used, and is not shown."""
    monkeypatch.setenv("CALD_API_KEY", key)
    (line,) = refused({})
    assert "CALD_API_KEY" in line
    assert KEY[5:20] not in line
    monkeypatch.delenv("CALD_API_KEY")
    place = tmp_path / "key.txt"
    # Not at the end, where a line end is allowed.
    place.write_bytes((key if key[0] in "'\"" else f"x{key}x").encode())
    with pytest.raises(ConfigError) as caught:
        load_settings({"api_key_file": place}).key()
    assert str(place) in str(caught.value)
    assert KEY[5:20] not in str(caught.value)


@pytest.mark.parametrize("empty", [None, ""])
def test_no_key(empty: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the settings stand, until the key is asked for."""
    if empty is not None:
        monkeypatch.setenv("CALD_API_KEY", empty)
    settings = load_settings({})
    with pytest.raises(ConfigError, match="CALD_API_KEY"):
        settings.key()


def test_the_key_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was named beats the environment; a line end after the key is no part of it."""
    place = tmp_path / "key"
    place.write_text(f"{KEY}\n")
    monkeypatch.setenv("CALD_API_KEY", "caldLiveOther")
    settings = load_settings({"api_key_file": place})
    assert settings.key() == KEY
    assert settings.key_origin() == f"{place} (caldLive…stu)"
    for wrong in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="key file"):
            load_settings({"api_key_file": wrong}).key()


def test_the_key_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither printing nor dumping the settings shows it, and a short one not even in part."""
    monkeypatch.setenv("CALD_API_KEY", KEY)
    settings = load_settings({})
    assert settings.key() == KEY
    for text in (repr(settings), str(settings), str(settings.model_dump()), settings.key_origin()):
        assert KEY[8:-3] not in text
    monkeypatch.setenv("CALD_API_KEY", "short-key")
    assert "short" not in load_settings({}).key_origin()


@pytest.mark.parametrize("name", ["api_key", "CALD_API_KEY", "apikey", "key"])
def test_no_key_in_a_shared_file(name: str, tmp_path: Path) -> None:
    """A campaign file is shared and kept; a key in it is refused, and not repeated."""
    config = tmp_path / "campaign.toml"
    config.write_text(f'{name} = "{KEY}"\n')
    (line,) = refused({}, config)
    assert KEY not in line


@pytest.mark.parametrize("name", ["BATCHDIAL_API_KEY", "BATCHDIAL_CALD_API_KEY"])
def test_one_variable_for_the_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one name for it; a key under another is an error that does not show it."""
    monkeypatch.setenv(name, KEY)
    (line,) = refused({})
    assert name in line
    assert KEY not in line


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8010/client/api/v1",
        "http://localhost:8010",
        "http://[::1]:8010",
        "https://my.cald.ai/client/api/v1/",
        "https://eu.example.com",
    ],
)
def test_addresses_that_are_taken(url: str) -> None:
    """Https anywhere, http on this machine; a slash at the end makes no difference."""
    assert load_settings({"base_url": url}).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "http://localhost.example.com:80",
        "https://user:secret@example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "example.com",
        "https://",
        "https://example.com:99999",
        "https://example.com/?key=1",
        "https://example.com/#x",
        "HTTP://EXAMPLE.COM",
        "https://[::1",
    ],
)
def test_addresses_that_are_not(url: str) -> None:
    """Nothing that would carry the key in clear, elsewhere or beside a password."""
    (line,) = refused({"base_url": url})
    assert line.startswith("--base-url")
    assert "secret" not in line


def test_a_rehearsal_has_a_ledger_of_its_own(tmp_path: Path) -> None:
    """Calls to a local service are not remembered as calls to people."""
    real, rehearsal = load_settings({}), load_settings({"base_url": "http://127.0.0.1:8010"})
    assert not real.is_rehearsal
    assert rehearsal.is_rehearsal
    assert real.ledger_url() != rehearsal.ledger_url()
    assert Path(real.ledger_url()).is_relative_to(tmp_path / "data")
    assert load_settings({"ledger": "x.db"}).ledger_url() == "x.db"


@pytest.mark.parametrize(
    "value", ["0/s", "-1/s", "1/d", "", "1.5/s", "9999999/s", "\u0661/s", "5/s/s"]
)
def test_rates_that_are_none(value: str) -> None:
    """A rate is so many calls a second, minute or hour."""
    (line,) = refused({"rate": value})
    assert "5/s, 30/m or 600/h" in line


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/s", Rate(5, 1)),
        ("30/m", Rate(30, 60)),
        (" 600 / h ", Rate(600, 3600)),
        ("7", Rate(7, 1)),
    ],
)
def test_rates(text: str, rate: Rate) -> None:
    """They are read as they are written."""
    assert load_settings({"rate": text}).rate == rate
    assert Rate.parse(str(rate)) == rate


def test_a_plan_stays_what_it_was() -> None:
    """Settings cannot be changed once they were shown."""
    settings = load_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.rate = Rate(9, 1)


def test_every_setting_is_documented() -> None:
    """The README has a line for each."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        shown = "CALD_API_KEY" if name == "api_key" else "--" + name.replace("_", "-")
        assert shown in text, f"{shown} is not in the README"


def test_whom_not_to_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are parted as paths are; spans and caps are read; another campaign's day counts."""
    assert load_settings({}).not_called_within == timedelta(hours=24)
    assert load_settings({}).suppress == ()
    monkeypatch.setenv("BATCHDIAL_SUPPRESS", "a.txt:b.csv; c d.txt ;a.txt")
    monkeypatch.setenv("BATCHDIAL_NOT_CALLED_WITHIN", "0h")
    monkeypatch.setenv("BATCHDIAL_MAX_CALLS_PER_PERSON", "3/24h, 7/7d")
    monkeypatch.setenv("BATCHDIAL_REQUIRE_CONSENT", "GDPR consent")
    found = load_settings({})
    assert found.suppress == (Path("a.txt"), Path("b.csv"), Path("c d.txt"))
    assert found.not_called_within == timedelta(0)
    assert found.max_calls_per_person == (Cap(3, timedelta(days=1)), Cap(7, timedelta(days=7)))
    assert found.require_consent == "GDPR consent"
    config = tmp_path / "campaign.toml"
    config.write_text('suppress = ["x.txt"]\nmax_calls_per_person = ["1/2w"]\n')
    for name in ("SUPPRESS", "MAX_CALLS_PER_PERSON"):
        monkeypatch.delenv(f"BATCHDIAL_{name}")
    assert load_settings({}, config).suppress == (tmp_path / "x.txt",)
    assert load_settings({}, config).max_calls_per_person == (Cap(1, timedelta(days=14)),)
    assert load_settings({"suppress": (Path("y.txt"),)}, config).suppress == (Path("y.txt"),)


def test_spans_and_caps_that_mean_nothing(tmp_path: Path) -> None:
    """All are refused at once; a number alone has no unit."""
    lines = refused({"not_called_within": "24", "max_calls_per_person": "3/24h,7"})
    assert lines == [
        "--not-called-within: '24' is no length of time; write 90s, 10m, 24h, 7d or 2w.",
        "--max-calls-per-person: '7' is no cap; write 3/24h, or 3/24h,7/7d for several.",
    ]
    config = tmp_path / "campaign.toml"
    config.write_text("not_called_within = 24\nmax_calls_per_person = 3\n")
    assert len(refused({}, config)) == 2


def test_a_cap_on_money_needs_a_price() -> None:
    """What cannot be counted is no cap."""
    (line,) = refused({"max_spend": "10"})
    assert "--price-per-minute" in line
    settings = load_settings({"max_spend": "10.5", "price_per_minute": "0.12"})
    assert str(settings.max_spend) == "10.5"
    assert str(settings.price_per_minute) == "0.12"


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "cheap", "0.1234567"])
def test_prices_that_are_none(value: str) -> None:
    """A price is a plain amount."""
    (line,) = refused({"price_per_minute": value})
    assert line.startswith("--price-per-minute")


def test_files_are_beside_the_campaign_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From wherever it is used; flags and variables are relative to where one stands."""
    config = tmp_path / "campaigns" / "c.toml"
    config.parent.mkdir()
    config.write_text(
        'list = ["a.csv", "/data/b.csv", "-"]\nmapping = "m.toml"\noutput = "../out.csv"\n'
        'ledger = "l.db"\napi_key_file = "~/key"\n'
    )
    monkeypatch.setenv("HOME", "/home/us")
    told = load_settings({}, config)
    assert told.list == (f"{config.parent}/a.csv", "/data/b.csv", "-")
    assert told.mapping == config.parent / "m.toml"
    assert told.output == config.parent / "../out.csv"
    assert told.ledger == f"{config.parent}/l.db"
    assert told.api_key_file == Path("/home/us/key")
    config.write_text('ledger = "postgresql://us@/ledger"\nlist = "a.csv"\n')
    told = load_settings({"mapping": Path("m.toml")}, config)
    assert told.ledger == "postgresql://us@/ledger"
    assert told.list == (f"{config.parent}/a.csv",)
    assert told.mapping == Path("m.toml")
    monkeypatch.setenv("BATCHDIAL_LIST", "here.csv")
    assert load_settings({}, config).list == ("here.csv",)
