"""Posts over a real socket: what is taken, what is refused, and how little is believed."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest

from batchdial.errors import ConfigError
from batchdial.listening import webhooks
from batchdial.listening.server import Address
from batchdial.listening.webhooks import BODY_LIMIT, IDS_LIMIT, listening, secret_path

HERE = Address("127.0.0.1", 0)
PATH = secret_path("caldLiveSecret")


async def post(url: str, body: bytes, method: str = "POST") -> int:
    """The status of the answer."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.request(method, url, content=body)).status_code


@pytest.mark.parametrize(
    ("body", "status", "ids"),
    [
        (b'{"callId": "call_1", "transcripts": []}', 204, ["call_1"]),
        (b'{"event": "done", "data": {"callId": "call_1"}}', 204, ["call_1"]),
        (b'{"ping": true}', 204, []),
        (b"null", 204, []),
        (b"", 400, []),
        (b"callId=call_1", 400, []),
        (b"\xff\xfe", 400, []),
        (b"[" * 100_000, 400, []),
        (b'{"callId": "call_1"}' + b" " * BODY_LIMIT, 413, []),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_what_is_taken(body: bytes, status: int, ids: list[str]) -> None:
    """JSON of any shape; only the callIds are told, and the same post again is taken again."""
    heard: list[str] = []
    async with listening(HERE, PATH, heard.append) as url:
        assert await post(url, body) == status
        assert await post(url, body) == status
    assert heard == ids * 2


async def test_only_one_address_is_known() -> None:
    """Whoever does not know the path is heard by nobody, and nothing can be fetched."""
    heard: list[str] = []
    body = b'{"callId": "call_1"}'
    async with listening(HERE, PATH, heard.append) as url:
        assert await post(url[:-1], body) == 404
        assert await post(url + "/", body) == 404
        assert await post(url.removesuffix(PATH) + "/", body) == 404
        assert await post(url, body, "GET") == 405
        assert await post(url, body, "PUT") == 405
    assert heard == []


def test_the_address_cannot_be_guessed_and_stays() -> None:
    """It depends on the key, and does not show it."""
    assert secret_path("caldLiveSecret") == PATH
    assert secret_path("caldLiveOther") != PATH
    assert len(PATH.rpartition("/")[2]) == 32
    assert "Secret" not in PATH


async def test_a_post_that_does_not_come_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for; others are answered meanwhile."""
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 0.2)
    heard: list[str] = []
    async with listening(HERE, PATH, heard.append) as url:
        port = httpx.URL(url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert await post(url, b'{"callId": "call_1"}') == 204
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
    assert heard == ["call_1"]


async def test_one_post_names_only_so_many_calls() -> None:
    """However long its list is."""
    heard: list[str] = []
    body = b"[" + b",".join(b'{"callId": %d}' % n for n in range(IDS_LIMIT + 5)) + b"]"
    async with listening(HERE, PATH, heard.append) as url:
        assert await post(url, body) == 204
    assert len(heard) == IDS_LIMIT


async def test_a_port_that_is_taken() -> None:
    """Said with the flag that chooses another."""
    async with listening(HERE, PATH, print) as url:
        taken = Address("127.0.0.1", httpx.URL(url).port or 0)
        with pytest.raises(ConfigError, match="--listen"):
            async with listening(taken, PATH, print):
                pass


async def test_signals_are_left_alone() -> None:
    """It runs within a command that has its own idea of Ctrl-C."""
    before = signal.getsignal(signal.SIGINT)
    async with listening(HERE, PATH, print):
        await asyncio.sleep(0)
        assert signal.getsignal(signal.SIGINT) is before


async def test_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """No body, no path and no complaint reaches the terminal or a log."""
    async with listening(HERE, PATH, lambda _: None) as url:
        await post(url, b'{"callId": "call_secret"}')
        reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
        writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        await reader.read()
        writer.close()
    said = capsys.readouterr()
    assert said.out + said.err == ""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8021", ("127.0.0.1", 8021)),
        ("0", ("127.0.0.1", 0)),
        (":8021", ("127.0.0.1", 8021)),
        ("0.0.0.0:8021", ("0.0.0.0", 8021)),  # noqa: S104
        ("[::1]:8021", ("::1", 8021)),
        ("localhost:8021", ("localhost", 8021)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    """Without a host it is this machine's own."""
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1", "127.0.0.1:", "1:65536", "8021x", "-1"])
def test_no_addresses(text: str) -> None:
    """Refused with what could be written."""
    with pytest.raises(ValueError, match="8021"):
        Address.parse(text)
