"""The key and the people: whatever goes wrong, neither is found where it does not belong."""

from __future__ import annotations

import csv
import io
import signal
import socket
import ssl
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batchdial.rules.cells import neutralise, restore
from batchdial.sandbox import Sandbox, SandboxSettings
from tests.e2e.leads import numbers, read_results, write_rows
from tests.e2e.process import Command, Said, wait_until

from .servers import Authority, Server, hangs, http, says, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Answer

    from .servers import Act, Call

    Seen = Callable[[str], None]

#: Nothing else in the world is called so.
KEY = "caldLiveCanary7c1f9e64b2d84a0d93f5"
PEOPLE = numbers(1000)
#: What a run may write about people: its ledger and its results, and nothing else.
THEIRS = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "leads.results.csv")
#: What a test itself has put there.
GIVEN = ("leads.csv", "key", "wrong.toml", ".env")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home, a folder for temporary files and a list of a thousand people; nothing outside it."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        (tmp_path / "home" / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    monkeypatch.setenv("BATCHDIAL_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("BATCHDIAL_AGENT", "ag_1")
    monkeypatch.setenv("BATCHDIAL_RATE", "5000/s")
    monkeypatch.setenv("CALD_API_KEY", KEY)
    header = ("phoneNumber", "prospectName", "email", "secondPhone")
    listed = [(phone, "Ann", f"a{phone[1:]}@example.com", phone) for phone in PEOPLE[:990]]
    odd = [(f"{phone} ext 5", "Bob", "", f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}")
           for phone in PEOPLE[990:]]  # fmt: skip
    write_rows(tmp_path / "leads.csv", [header, *odd, *listed, listed[0]])
    return tmp_path


def leaks(world: Path, said: str) -> list[str]:
    """Where the key, or somebody's number or address, stands and should not."""
    files = [file for file in world.rglob("*") if file.is_file() and file.name not in GIVEN]
    texts = {str(file.relative_to(world)): file.read_bytes() for file in files}
    with_key = [name for name, held in (texts | {"screen": said.encode()}).items()
                if KEY[8:].lower().encode() in held.lower()]  # fmt: skip
    texts = {name: held for name, held in texts.items() if name not in THEIRS}
    texts["screen"] = said.encode()
    people = [(phone, phone[1:], f"{phone[5:8]}-{phone[8:]}") for phone in PEOPLE]
    with_people = [
        f"{name} has {form}"
        for name, held in texts.items()
        for forms in people
        for form in forms
        if form.encode() in held
    ]
    return [f"the key is in {name}" for name in with_key] + with_people[:5]


def modes(world: Path) -> dict[str, str]:
    """Files and folders that others may look into, of those that a run has made."""
    made = [path for path in world.rglob("*") if path.name not in (*GIVEN, "home", "temporary")]
    return {
        str(path.relative_to(world)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in made
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }


def run(*arguments: object, prelude: str = "") -> Said:
    """The command as a process of its own, until it ends."""
    with Command(*arguments, prelude=prelude) as command:
        return command.end()


def quoting(line: str, template: str = "%s") -> Act:
    """Answer with the request itself, its Authorization header included."""

    def act(call: Call) -> None:
        request = f"{call.post.number} {KEY} " + call.post.head.decode().replace("\r\n", " ")
        body = template % request.replace('"', "'")
        call.say(http(body.encode(), line % {"key": KEY}, f"X-Echo: {KEY}", f"Retry-After: {KEY}"))

    return act


BROKEN: dict[str, Act] = {
    "key-refused": quoting("401 Unauthorized"),
    "payment": quoting("402 Payment Required"),
    "server-error": quoting("500 Oh"),
    "key-in-the-reason": quoting("500 %(key)s"),
    "row-refused": quoting("422 No"),
    "throttled": quoting("429 Slow"),
    "json": quoting("200 OK", '{"status": "%s"}'),
    "a-callid": quoting("200 OK", '{"status": "success", "callId": "%s"}'),
    "redirected": status("302 Found", f"Location: https://{KEY}.example.com/{KEY}"),
    "not-http": says(f"{KEY} {PEOPLE[0]}\r\n\r\n".encode(), closes=True),
    "long": quoting("500 Oh", "x" * 170 + "%s"),
}


@pytest.mark.fault(106, injected="servers that quote the request back; stdout to temp files read")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_server_that_quotes_the_request(
    kind: str,
    world: Path,
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """Wherever an answer has the key or a number in it, they go no further."""
    agent = http({"agentId": "ag_1", "name": f"Key {KEY}"})
    with Server(rest=BROKEN[kind], agent=agent) as server:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        flags = ("--limit", 30, "--max-attempts", 1, "--stop-after", 3)
        said = run("run", "leads.csv", "--yes", *flags)
        assert server.posts
        assert KEY.encode() in server.posts[0].head
    told = [batchdial(*words) for words in (["status"], ["reconcile"], ["results", "-o", "-"])]
    screen = said.out + said.err + "".join(one.err for one in told) + told[0].out
    assert leaks(world, screen) == []
    assert KEY[8:] not in told[-1].out
    seen("0 hits of the key; numbers only in ledger and results")


@pytest.mark.fault(106, injected="401, 403 and 404 to the first question, with the key in the text")
@pytest.mark.parametrize("line", ["401 No", "403 No", "404 None", "500 Oh"])
def test_the_first_answer(
    line: str,
    world: Path,
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """A key that is refused before the first call is not shown."""
    agent = http({"agents": [{"agentId": KEY, "name": KEY}], "error": KEY}, line)
    with Server(agent=agent) as server:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        words = (["agents"], ["doctor"], ["run", "leads.csv", "--yes"])
        said = [batchdial(*each) for each in words]
    assert leaks(world, "".join(one.out + one.err for one in said)) == []
    seen("0 hits of the key")


BUG = """
import warnings
from batchdial.dialing.client import Line
async def call(self, body, leave):
    raise RuntimeError(f"{self._client.headers['authorization']} {body['phoneNumber']}")
Line.call = call
"""
SLOW = """
import asyncio, time
from batchdial.dialing.client import Line
original = Line.call
async def call(self, body, leave):
    time.sleep(0.15)
    return await original(self, body, leave)
Line.call = call
"""
SMALL_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (%d, %d))
"""


@pytest.mark.fault(106, injected="bugs with the key in their text, -X dev, full disks, no network")
@pytest.mark.parametrize(
    ("prelude", "environment", "flags"),
    [
        pytest.param(BUG, {}, [], id="bug"),
        pytest.param(
            BUG, {"PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1", "PYTHONASYNCIODEBUG": "1"}, [],
            id="bug-in-developer-mode",
        ),
        pytest.param(SLOW, {"PYTHONASYNCIODEBUG": "1"}, ["--limit", 4], id="slow-callbacks"),
        pytest.param(SMALL_FILES % (60_000, 60_000), {}, [], id="no-room-for-the-list"),
        pytest.param(SMALL_FILES % (600_000, 600_000), {}, [], id="no-room-later"),
        pytest.param("", {"BATCHDIAL_BASE_URL": "http://127.0.0.1:9"}, [], id="nobody-listens"),
        pytest.param("", {"BATCHDIAL_BASE_URL": "https://localhost:9"}, [], id="no-host"),
        pytest.param("", {"BATCHDIAL_RATE": KEY}, [], id="key-as-rate"),
        pytest.param("", {"BATCHDIAL_CONCURRENCY": KEY}, [], id="key-as-number"),
        pytest.param("", {"BATCHDIAL_API_KEY": KEY}, [], id="key-in-another-variable"),
        pytest.param("", {}, ["--api-key-file", KEY], id="key-as-file"),
        pytest.param("", {}, ["--api-key", KEY], id="key-as-flag"),
        pytest.param("", {}, [f"--api-key={KEY}"], id="key-as-flag-too"),
        pytest.param("", {}, ["--limit", KEY], id="key-as-another-flag"),
        pytest.param("", {}, ["--base-url", f"https://{KEY}@cald.test"], id="key-in-address"),
        pytest.param("", {}, ["--base-url", f"https://cald.test/?key={KEY}"], id="key-in-query"),
        pytest.param("", {}, ["--config", "wrong.toml"], id="key-in-config"),
        pytest.param("", {}, [KEY], id="key-as-list"),
    ],
)  # fmt: skip
def test_other_ways_to_fail(
    prelude: str,
    environment: dict[str, str],
    flags: list[Any],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """Bugs, full disks and mistaken settings say what is wrong without the key or a number."""
    (world / "wrong.toml").write_text(f'api_key = "{KEY}"\n')
    with Sandbox(SandboxSettings(key=KEY)) as sandbox:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", sandbox.url)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        said = run("run", "leads.csv", "--yes", *flags, prelude=prelude)
    assert leaks(world, said.out + said.err) == []
    assert "Traceback" not in said.err
    seen(f"exit {said.code}, 0 hits")


@pytest.mark.fault(106, 112, injected="SIGKILL in mid-run; umask 0; core files allowed; /proc read")
def test_killed(world: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """
    What a killed run leaves behind is its owner's alone and has no key in it.

    Neither has its command line, and its memory is not written to a core file.
    """
    cores = "import os, resource as r\nos.umask(0)\n_, most = r.getrlimit(r.RLIMIT_CORE)\n"
    cores += "r.setrlimit(r.RLIMIT_CORE, (most, most))\n"
    with Server(rest=hangs(rings=True)) as server:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        monkeypatch.delenv("BATCHDIAL_LEDGER")
        with Command("run", "leads.csv", "--yes", prelude=cores) as command:
            wait_until(lambda: len(server.posts) == 5, "five calls")
            process = Path(f"/proc/{command.pid}")
            assert KEY.encode() not in (process / "cmdline").read_bytes()
            limits = (process / "limits").read_text().splitlines()
            assert next(line for line in limits if "core" in line).split()[4] == "0"
            assert modes(world) == {}
            command.send(signal.SIGABRT)
            said = command.end()
    assert said.code == -signal.SIGABRT
    standing = run("status")
    results = run("results", prelude=cores)
    assert "5 unknown" in standing.out
    assert modes(world) == {}
    assert not list(world.rglob("core*"))
    made = {path.name for path in world.rglob("*") if path.is_file()}
    assert {"rehearsal.db", "leads.results.csv"} <= made
    for path in world.rglob("rehearsal.db*"):
        path.rename(world / path.name.replace("rehearsal", "ledger"))
    assert leaks(world, said.err + standing.out + results.err) == []
    seen("0 hits; files 0600, folders 0700; core limit 0")


WRONG_KEYS = {
    "newline": f"{KEY}\nX-Other: 1",
    "return": f"{KEY}\r",
    "space": f"{KEY[:12]} {KEY[12:]}",
    "tab": f"\t{KEY}",
    "quotes": f'"{KEY}"',
    "single-quotes": f"'{KEY}'",
    "accent": f"{KEY}é",
    "lookalike": KEY.replace("a", "а"),  # noqa: RUF001 (a Cyrillic letter)
    "control": f"{KEY}\x07",
    "empty": "",
    "blank": "   ",
}


@pytest.mark.fault(107, injected="eleven damaged keys, each by variable, .env and key file")
@pytest.mark.parametrize("place", ["variable", "dotenv", "file"])
@pytest.mark.parametrize("kind", WRONG_KEYS)
def test_a_key_that_is_none(
    kind: str,
    place: str,
    world: Path,
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """It is refused before the list is read and before anything is sent, and is not shown."""
    key, flags = WRONG_KEYS[kind], []
    mended = place != "variable" and kind in {"return", "tab"}  # ends that no file can do without
    if place == "variable":
        monkeypatch.setenv("CALD_API_KEY", key)
    elif place == "dotenv":
        monkeypatch.delenv("CALD_API_KEY")
        quote = "'" if "'" not in key else '"'
        (world / ".env").write_text(f"CALD_API_KEY={quote}{key}{quote}\n")
    else:
        (world / "key").write_text(key)
        flags = ["--api-key-file", "key"]
    with Server() as server:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        answer = batchdial("run", "leads.csv", "--yes", "--limit", 3, *flags)
        if mended and place == "file":
            assert KEY.encode() in server.posts[0].head
            return
    assert answer.code == 78, answer.err
    assert (server.connections, server.posts) == (0, [])
    assert KEY[8:20] not in answer.out + answer.err
    assert not (world / "ledger.db").exists()
    seen("exit 78, 0 connections, not echoed")


@pytest.mark.fault(108, injected="http:// to other hosts, in every place that may name one")
@pytest.mark.parametrize("place", ["flag", "variable", "dotenv", "config"])
@pytest.mark.parametrize(
    "url", ["http://my.cald.ai/client/api/v1", "http://10.0.0.1", "http://127.0.0.1.example.com"]
)
def test_an_address_without_tls(
    url: str,
    place: str,
    world: Path,
    batchdial: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """The key is never sent unencrypted, whoever asks for it; nothing is connected to."""
    monkeypatch.setattr("socket.socket.connect", None)
    flags = {"flag": ["--base-url", url], "config": ["--config", "wrong.toml"]}.get(place, [])
    (world / "wrong.toml").write_text(f'base_url = "{url}"\n')
    if place == "variable":
        monkeypatch.setenv("BATCHDIAL_BASE_URL", url)
    if place == "dotenv":
        (world / ".env").write_text(f"BATCHDIAL_BASE_URL={url}\n")
    answer = batchdial("run", "leads.csv", "--yes", *flags)
    assert (answer.code, "unencrypted" in answer.err) == (78, True)
    seen("exit 78, nothing sent")


@pytest.mark.fault(108, injected="proxies that listen, .netrc for the host; who was connected to")
def test_the_environment_leads_nowhere_else(
    world: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """Proxies of the environment are never connected to, and .netrc replaces no key."""
    (world / "home" / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(world / "home" / ".netrc"))
    with Server() as proxy, Server() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        said = run("run", "leads.csv", "--yes", "--limit", 3)
    assert said.code == 75, said.err
    assert (proxy.connections, len(server.posts)) == (0, 3)
    assert all(f"Authorization: {KEY}\r\n".encode() in post.head for post in server.posts)
    seen("0 connections to the proxy, the key unchanged")


@pytest.mark.fault(108, injected="SSL_CERT_FILE, SSL_CERT_DIR naming the server's own authority")
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_authority_of_the_environment(
    name: str,
    world: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
) -> None:
    """A certificate that only the environment vouches for gets no request."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    folder = authority.path.parent
    subprocess.run(["openssl", "rehash", str(folder)], check=True, capture_output=True)
    monkeypatch.setenv(name, str(authority.path if name == "SSL_CERT_FILE" else folder))
    with Server(tls=authority.certificate()) as server:
        trusting = ssl.create_default_context()
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as peer:
            trusting.wrap_socket(peer, server_hostname="127.0.0.1").close()  # others believe it
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        said = run("run", "leads.csv", "--yes")
        assert server.connections > 1
    assert (said.code, server.posts) == (69, [])
    assert leaks(world, said.out + said.err) == []
    seen("certificate refused, 0 requests")


@pytest.mark.fault(106, injected="SSLKEYLOGFILE in the environment")
def test_no_log_of_session_keys(
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    seen: Seen,
) -> None:
    """What would let others read the key off the wire is not written down."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    log = world / "session-keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    trust = f"""
import functools, ssl
ssl.create_default_context = functools.partial(
    ssl.create_default_context, cafile={str(authority.path)!r})
"""
    with Server(tls=authority.certificate()) as server:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", server.url)
        said = run("run", "leads.csv", "--yes", "--limit", 2, prelude=trust)
    assert (said.code, len(server.posts)) == (75, 2), said.err
    assert "SECRET" not in (log.read_text() if log.exists() else "")
    seen("no session key written")


#: Cells that a spreadsheet would run, or that look as if it would.
FORMULAS = [
    '=HYPERLINK("https://evil.example.com","x")',
    "=1+1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "'=1+1",
    "''=1",
    "\t=1",
    "\r=1",
    "=cmd|' /C calc'!A0",
    "+12025550100",
    "-5",
    "'",
    "plain",
    "a=1",
    "\uff1d1+1",
    ' "=1"',
    "=",
    "+",
    "\n=1",
]


@pytest.mark.fault(109, injected="twenty cells that begin like formulas, through calls and files")
def test_formulas(
    world: Path, batchdial: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    """The service gets each text as it stands; results open safely and give it back exactly."""
    header = ("phoneNumber", "prospectName", "note")
    listed = [(PEOPLE[i], cell, f"{cell} again") for i, cell in enumerate(FORMULAS)]
    write_rows(world / "leads.csv", [header, *listed])
    with Sandbox(SandboxSettings(key=KEY, script=("failed",) * len(FORMULAS))) as sandbox:
        monkeypatch.setenv("BATCHDIAL_BASE_URL", sandbox.url)
        flags = ("--yes", "--concurrency", 1, "--stop-after", 0)
        batchdial("run", "leads.csv", *flags)
        first = (world / "leads.results.csv").read_bytes()
        cells = [cell for row in read_results(world / "leads.results.csv") for cell in row.values()]
        batchdial("retry", "leads.results.csv", *flags)
        batchdial("results", "leads")
        posts = [post.body for post in sandbox.posts]
    assert len(posts) == 2 * len(FORMULAS)
    for post, row in zip(posts, [*listed, *listed], strict=True):
        sent = {"phoneNumber": row[0], "prospectName": row[1].strip(), "note": row[2].strip()}
        assert post == {name: text for name, text in sent.items() if text}
    runs = [cell for cell in cells if cell[:1] in set("=+-@\t\r") and not is_number(cell)]
    assert runs == []
    statuses = (world / "leads.results.csv").read_bytes()
    mine = [[(row["phoneNumber"], row["prospectName"], row["note"]) for row in rows_of(content)]
            for content in (first, statuses)]  # fmt: skip
    assert mine[0] == mine[1] == [tuple(map(neutralise, row)) for row in listed]
    assert [tuple(map(restore, row)) for row in mine[0]] == listed
    seen("original text sent, no cell runs, exact after a round trip")


def is_number(cell: str) -> bool:
    """Shown by a spreadsheet, and not run."""
    return cell.lstrip("+-").isdecimal()


def rows_of(content: bytes) -> list[dict[str, str]]:
    """A results file's rows."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
