"""One `Settings` for a run: flags, environment, `.env`, campaign file, defaults, in this order."""

from __future__ import annotations

import difflib
import os
import tomllib
from datetime import datetime, time, timedelta
from decimal import Decimal  # noqa: TC003 (pydantic reads the annotations)
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from batchdial.errors import ConfigError
from batchdial.models import Cap, Rate, time_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "BATCHDIAL_"
KEY_VARIABLE: Final = "CALD_API_KEY"
VENDOR_URL = "https://my.cald.ai/client/api/v1"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Settings that name files; in a campaign file they are relative to it.
_FILES = ("list", "mapping", "output", "api_key_file", "ledger", "suppress")


def _rate(value: object) -> object:
    return Rate.parse(value) if isinstance(value, str) else value


def _pairs(value: object) -> object:
    """`FIELD=COLUMN` pairs from a list, or from text where semicolons part them."""
    if isinstance(value, str):
        value = [part for part in value.split(";") if part.strip()]
    if not isinstance(value, (list, tuple)):
        return value
    for part in value:
        if "=" not in str(part):
            raise ValueError(f"{part!r} is not FIELD=COLUMN, such as phoneNumber=Mobile")
    return {k.strip(): v.strip() for k, v in (str(part).split("=", 1) for part in value)}


def _words(value: object) -> object:
    """A set from text where commas part the words."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, (list, tuple, set, frozenset)):
        return frozenset(str(word).strip() for word in value if str(word).strip())
    return value


def _paths(value: object) -> object:
    """Files from text where colons, as in PATH, or semicolons part them; each at most once."""
    if isinstance(value, str):
        value = [part for one in value.split(";") for part in one.split(os.pathsep)]
    if isinstance(value, (list, tuple)):
        return tuple(dict.fromkeys(Path(str(part).strip()) for part in value if str(part).strip()))
    return value


def _span(value: object) -> object:
    """A length of time; a number alone has no unit and is none."""
    return value if isinstance(value, timedelta) else time_span(str(value))


def _caps(value: object) -> object:
    """Caps from a list, or from text where commas part them."""
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, (list, tuple)):
        return tuple(Cap.parse(one) if isinstance(one, str) else one for one in value)
    return value


def _text(value: object) -> object:
    """Text from what TOML has: moments, and lists that commas part."""
    if isinstance(value, (datetime, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return value


def _several(value: object) -> object:
    """One text is one file."""
    return (value,) if isinstance(value, str) else value


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"https", "http"} or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is not an address such as {VENDOR_URL}")
    if "@" in parts.netloc:
        raise ValueError("an address with a user name or password is not taken")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError(
            f"{value!r} would send the key unencrypted; use https (http is for 127.0.0.1 only)"
        )
    return value.rstrip("/")


def _key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text or not all("!" <= sign <= "~" for sign in text):
        raise ValueError(
            "the key is empty or has a space, a line break, or a character that no key has"
        )
    if text[0] in "'\"":
        raise ValueError("the key is in quotes; give it without them")
    return value


class Settings(BaseSettings):
    """Everything that a person can choose; frozen, so that a plan stays what it was."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        enable_decoding=False,
        extra="ignore",
        frozen=True,
        arbitrary_types_allowed=True,
        populate_by_name=True,
    )

    agent: str | None = None
    campaign: str | None = None
    base_url: Annotated[str, AfterValidator(_base_url)] = VENDOR_URL
    api_key: Annotated[SecretStr, AfterValidator(_key)] | None = Field(None, alias=KEY_VARIABLE)
    api_key_file: Path | None = None
    ledger: str | None = None
    map: Annotated[dict[str, str], BeforeValidator(_pairs)] = {}
    only_mapped: bool = False
    mapping: Path | None = None
    dedupe: Literal["first", "last"] = "first"
    region: str | None = None
    allow_types: Annotated[frozenset[str], BeforeValidator(_words)] = frozenset()
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    rate: Annotated[Rate, BeforeValidator(_rate)] = Rate(1, 1)
    jitter: float | None = Field(None, ge=0, le=60)
    concurrency: int = Field(5, ge=1, le=1000)
    limit: int | None = Field(None, ge=1)
    max_attempts: int = Field(3, ge=1, le=20)
    stop_after: int = Field(10, ge=0)
    output: Path | None = None
    trust_ledger: bool = False
    hours: str = "08:00-21:00"
    days: str | None = None
    holidays: str | None = None
    start_at: Annotated[str | None, BeforeValidator(_text)] = None
    end_at: Annotated[str | None, BeforeValidator(_text)] = None
    grace: Annotated[timedelta, BeforeValidator(_span)] = time_span("1h")
    no_wait: bool = False
    max_live: int | None = Field(None, ge=1)
    listen: str | None = None
    redial: Annotated[frozenset[str], BeforeValidator(_words)] = frozenset()
    redial_after: Annotated[str, BeforeValidator(_text)] = "1h,4h,1d"

    suppress: Annotated[tuple[Path, ...], BeforeValidator(_paths)] = ()
    not_called_within: Annotated[timedelta, BeforeValidator(_span)] = time_span("24h")
    max_calls_per_person: Annotated[tuple[Cap, ...], BeforeValidator(_caps)] = ()
    require_consent: str | None = None

    list: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    price_per_minute: Decimal | None = Field(None, ge=0, max_digits=12, decimal_places=6)
    max_calls: int | None = Field(None, ge=1)
    max_minutes: int | None = Field(None, ge=1)
    max_spend: Decimal | None = Field(None, gt=0, max_digits=12, decimal_places=6)
    canary: int | None = Field(None, ge=1)
    strict: bool = False
    test_to: str | None = None

    @property
    def is_rehearsal(self) -> bool:
        """Whether the service is on this machine, where no real phone rings."""
        return urlsplit(self.base_url).hostname in _LOOPBACK

    def ledger_url(self) -> str:
        """
        The ledger as a path or a `postgresql://` URL.

        A rehearsal against a local service has a ledger of its own, so that it
        cannot make a real campaign believe that its people were called.
        """
        if self.ledger:
            return self.ledger
        from platformdirs import user_data_path

        name = "rehearsal.db" if self.is_rehearsal else "ledger.db"
        return str(user_data_path("batchdial", appauthor=False) / name)

    def key(self) -> str:
        """
        The API key.

        Raises:
            ConfigError: There is none, or the file that should hold it does not.
        """
        if self.api_key_file is not None:
            return _read_key(self.api_key_file)
        if self.api_key is None:
            raise ConfigError(
                f"There is no API key. Put it into the environment as {KEY_VARIABLE}, "
                "into .env, or into a file and say --api-key-file FILE."
            )
        return self.api_key.get_secret_value()

    def key_origin(self) -> str:
        """Where the key came from, and enough of it to tell it from another."""
        key = self.key()
        shown = f"{key[:8]}…{key[-3:]}" if len(key) >= 20 else "…"
        return f"{self.api_key_file or KEY_VARIABLE} ({shown})"


def _read_key(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
        return _key(SecretStr(text)).get_secret_value()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds no usable key"
        raise ConfigError(
            f"The key file {path} cannot be used: {why}. It should hold the key and nothing else."
        ) from None


def load_settings(flags: Mapping[str, Any], config: Path | None = None) -> Settings:
    """
    Bring all sources together.

    Args:
        flags: What the command line or the caller gave; a None means "not given".
        config: A campaign file in TOML.

    Raises:
        ConfigError: All that is wrong with them, at once.
    """
    told = {} if config is None else _read_campaign_file(config)
    problems = [*_unknown_variables(), *_unknown_keys(config, told)]
    unknown = [name for name in flags if name not in Settings.model_fields]
    problems += [_misspelt("option", name, Settings.model_fields) for name in unknown]
    if problems:
        raise ConfigError("\n".join(problems))

    class FromEverywhere(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (pydantic's signature)
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_file = InitSettingsSource(settings_cls, init_kwargs=told)
            return init_settings, env_settings, dotenv_settings, from_file

    try:
        settings = FromEverywhere(**{k: v for k, v in flags.items() if v is not None})
    except ValidationError as error:
        raise ConfigError("\n".join(_told(error))) from None
    if settings.max_spend is not None and settings.price_per_minute is None:
        raise ConfigError(
            "--max-spend: what a call costs is not known; say --price-per-minute, too."
        )
    return settings


def _told(error: ValidationError) -> Iterable[str]:
    """One line a problem; the value is never shown where it may be the key."""
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else "settings"
        name = field if field == KEY_VARIABLE else "--" + field.replace("_", "-")
        reason = problem["msg"].removeprefix("Value error, ")
        given = "" if field == KEY_VARIABLE or "rate" in field else f" ({problem['input']!r})"
        yield f"{name}: {reason}{given if problem['type'] != 'value_error' else ''}."


def _unknown_variables() -> list[str]:
    given = {*os.environ, *dotenv_values(".env")}
    known = {PREFIX + name.upper() for name in Settings.model_fields} - {PREFIX + "API_KEY"}
    wrong = sorted(name for name in given if name.upper().startswith(PREFIX))
    return [_misspelt("variable", name, known) for name in wrong if name.upper() not in known]


def _read_campaign_file(config: Path) -> dict[str, Any]:
    """Its keys; files that it names are found beside it, from wherever it is used."""
    try:
        told = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"The campaign file {config} cannot be read: {why}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The campaign file {config} is not valid TOML: {error}.") from None
    beside = {name: _beside(config, told[name]) for name in _FILES if name in told}
    return {**told, **beside}


def _beside(config: Path, value: object) -> object:
    if isinstance(value, list):
        return [_beside(config, one) for one in value]
    if not isinstance(value, str) or "://" in value or value in ("", "-"):
        return value
    return str(config.parent / Path(value).expanduser())


def _unknown_keys(config: Path | None, keys: Iterable[str]) -> list[str]:
    known = set(Settings.model_fields) - {"api_key"}
    return [
        f"{config}: a key does not belong into a file that is shared; use {KEY_VARIABLE}."
        if key in {"api_key", KEY_VARIABLE}
        else f"{config}: " + _misspelt("key", key, known)
        for key in keys
        if key not in known
    ]


def _misspelt(kind: str, name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(sorted(known))}."
    return f"Unknown {kind} {name!r}. {hint}"
