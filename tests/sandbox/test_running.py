"""Starting and stopping."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from batchdial.errors import ConfigError
from batchdial.sandbox import SANDBOX_KEY, Sandbox, SandboxSettings

_RUN = """
from batchdial.sandbox import SandboxSettings, run_sandbox
run_sandbox(SandboxSettings(), lambda url: print(url, flush=True))
print("ended")
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_listens_when_entered_and_not_after(host: str) -> None:
    """The first request is answered, and after the block nobody listens."""
    with Sandbox(SandboxSettings(host=host)) as sandbox:
        headers = {"Authorization": SANDBOX_KEY}
        assert httpx.get(f"{sandbox.url}/agents", headers=headers).status_code == 200
        assert urlsplit(sandbox.url).path == "/client/api/v1"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{sandbox.url}/agents")
    assert len(sandbox.journal) == 1


def test_leaves_nothing_behind() -> None:
    """No thread, and no socket for the collector to complain of, idle connections included."""
    before = threading.active_count()
    headers = {"Authorization": SANDBOX_KEY}
    with Sandbox() as sandbox, httpx.Client(base_url=sandbox.url, headers=headers) as client:
        client.get("/agents")
        sandbox.stop()
        assert threading.active_count() == before
        gc.collect()


def test_a_port_can_be_taken_again() -> None:
    """An outage that ends: the next sandbox gets the same address."""
    with Sandbox() as sandbox, httpx.Client() as client:
        port = urlsplit(sandbox.url).port
        client.get(f"{sandbox.url}/agents")
    assert port
    with Sandbox(SandboxSettings(port=port)) as again, httpx.Client() as client:
        assert again.url == sandbox.url
        assert client.get(f"{again.url}/agents").status_code == 401
        with pytest.raises(ConfigError, match=rf"port {port} of .*--port"):
            Sandbox(SandboxSettings(port=port)).__enter__()


@pytest.mark.parametrize(
    "wrong",
    [
        {"failed": 1.1},
        {"drop": -0.1},
        {"failed": 0.6, "drop": 0.6},
        {"delay": -1},
        {"time_scale": 0},
        {"rate_limit": 0},
        {"script": ["explode"]},
        {"script": ["200"]},
        {"host": "0.0.0.0"},  # noqa: S104
        {"host": "192.0.2.1"},
        {"host": "example.com"},
    ],
    ids=str,
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    """They are refused with a sentence, also while it runs."""
    with pytest.raises(ConfigError):
        SandboxSettings(**wrong)  # type: ignore[arg-type]
    with Sandbox() as sandbox, pytest.raises(ConfigError):
        sandbox.configure(**wrong)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_until_told_to_end(number: int) -> None:
    """Ctrl-C and SIGTERM end it without a word, and what comes after runs."""
    command = [sys.executable, "-W", "error", "-c", _RUN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        url = process.stdout.readline().decode().strip()
        assert httpx.get(f"{url}/agents").status_code == 401
        os.kill(process.pid, number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, b"ended\n", b"")
