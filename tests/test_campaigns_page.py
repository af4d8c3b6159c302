"""The recipes of docs/campaigns.md are what they say: each can be used as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import click
import jsonschema
import pytest

from batchdial.cli.campaign_file import campaign_schema
from batchdial.cli.main import cli
from batchdial.errors import ExitCode
from batchdial.settings import Settings, load_settings

PAGE = (Path(__file__).parent.parent / "docs" / "campaigns.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


#: Every command on the page: examples, cron and systemd.
COMMANDS = list(
    dict.fromkeys(
        found.split("#")[0].split(">>")[0].strip()
        for found in re.findall(r"^(?:    |.*/usr/local/bin/)(batchdial .*)$", PAGE, re.MULTILINE)
    )
)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_can_be_typed(line: str) -> None:
    """Command, flags and values are ones that there are."""
    name, *arguments = shlex.split(line)[1:]
    command = cli.commands[name]
    with command.make_context(name, arguments) as context:
        assert isinstance(context, click.Context)


def test_there_are_commands() -> None:
    """The page has those of a person, of cron and of systemd."""
    assert len(COMMANDS) >= 8
    assert sum("--no-wait" in line for line in COMMANDS) == 2


def test_the_campaign_file_is_complete(tmp_path: Path) -> None:
    """It can be used as it stands, an editor takes it, and no setting is lacking in it."""
    (text,) = blocks("toml")
    whole = re.sub(r"^#(?=[a-z_]+ = )", "", text, flags=re.MULTILINE)
    assert set(tomllib.loads(whole)) == set(Settings.model_fields) - {"api_key"}
    for one in (text, whole):
        jsonschema.validate(tomllib.loads(one), campaign_schema())
        (tmp_path / "campaign.toml").write_text(one, encoding="utf-8")
        settings = load_settings({}, tmp_path / "campaign.toml")
        assert settings.list == (str(tmp_path / "leads.csv"),)
        assert settings.map == {"phoneNumber": "Mobile,Office", "plan": "Plan name"}
        assert settings.strict


def test_what_is_commented_holds_without_it() -> None:
    """A default that is shown is the default."""
    (text,) = blocks("toml")
    commented = tomllib.loads("\n".join(re.findall(r"^#([a-z_]+ = .*)$", text, re.MULTILINE)))
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    for name, value in commented.items():
        default = defaults[name]
        taken = getattr(load_settings({name: value}), name)
        assert default is None or not default or taken == default, name


@pytest.mark.parametrize("line", "".join(blocks("cron")).splitlines())
def test_the_cron_recipe(line: str) -> None:
    """Five fields that cron takes, and a command without a percent sign, which cron would cut."""
    if line.startswith("#"):
        return
    *fields, command = line.split(None, 5)
    ranges = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    for text, (first, last) in zip(fields, ranges, strict=True):
        assert re.fullmatch(r"(\*|[0-9]+(-[0-9]+)?)(/[0-9]+)?", text)
        assert all(first <= int(number) <= last for number in re.findall("[0-9]+", text))
    assert command.startswith("/")
    assert "%" not in command


def test_the_systemd_recipe(tmp_path: Path) -> None:
    """A service and its timer, which systemd accepts where it is there to be asked."""
    units = dict(zip(("renewals.service", "renewals.timer"), blocks("ini"), strict=True))
    told = {}
    for name, text in units.items():
        assert f"/etc/systemd/system/{name}" in PAGE
        parser = told[name] = ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        (tmp_path / name).write_text(text.replace("/usr/local/bin/batchdial", sys.executable))
    service, timer = told["renewals.service"], told["renewals.timer"]
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["SuccessExitStatus"] == str(int(ExitCode.STOPPED))
    assert timer["Timer"]["OnCalendar"]
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:
        done = subprocess.run(
            [analyze, "verify", *(str(tmp_path / name) for name in units)],
            capture_output=True,
            text=True,
            check=False,
        )
        ours = [line for line in done.stderr.splitlines() if "renewals" in line]
        assert (done.returncode, ours) == (0, [])


def test_exit_codes_are_those_that_there_are() -> None:
    """The table has no code that no command ends with."""
    codes = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", PAGE, re.MULTILINE)}
    assert codes <= {int(code) for code in ExitCode}
    assert {0, 1, 69, 75, 77, 78} <= codes
