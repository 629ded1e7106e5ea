"""How others are reached: one reading of the environment for Slack's side and the board's, and no traceback for any."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import httpx
import pytest
from typer.testing import CliRunner, Result

from bridge.__main__ import cli
from bridge.settings import network
from bridge.slack.dispatch import App
from bridge.slack.socketmode import SocketMode
from bridge.slack.webapi import CallFailed, calling, client_of
from tests.settings.test_settings import ROOT, SOUND, bridge
from tests.support.space import until

PROXIES = [f"{name}_proxy" for name in ("http", "https", "all", "no")]
PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's own environment says."""
    for name in [each for each in os.environ if each.lower() in PROXIES or each in network.CERTIFICATES]:
        monkeypatch.delenv(name)


# ── which way ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("variables", "url", "way"),
    [
        ({}, "https://slack.com/api/", None),
        ({"HTTPS_PROXY": PROXY}, "https://slack.com/api/", PROXY),
        ({"https_proxy": PROXY}, "https://spaces.nexudus.com", PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, "https://slack.com", PROXY),
        ({"HTTPS_PROXY": PROXY}, "wss://wss-primary.slack.com/link", PROXY),
        ({"ALL_PROXY": PROXY}, "https://slack.com", PROXY),
        ({"all_proxy": PROXY, "HTTPS_PROXY": "http://other.example"}, "https://slack.com", "http://other.example"),
        ({"HTTP_PROXY": PROXY}, "https://slack.com", None),
        ({"HTTP_PROXY": PROXY}, "http://space.example", PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://slack.com", PROXY),
        ({"HTTPS_PROXY": "  "}, "https://slack.com", None),
        ({"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, "http://127.0.0.1:80", None),
        ({"HTTPS_PROXY": PROXY}, "https://localhost:80", None),
        ({"HTTPS_PROXY": PROXY}, "https://board.localhost", None),
        ({"HTTPS_PROXY": PROXY}, "https://127.9.9.9", None),
        ({"HTTPS_PROXY": PROXY}, "https://[::1]:8443", None),
    ],
)
def test_the_way_to_an_address(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, way: str | None
) -> None:
    """By the proxy of its scheme, else by that for all; what runs on this computer is reached without."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert network.proxy_for(url) == way
    assert network.way_to(url).endswith(next(iter(variables)) if way == PROXY else "")


@pytest.mark.parametrize(
    ("exempt", "url", "direct"),
    [
        ("*", "https://slack.com", True),
        ("slack.com", "https://slack.com/api/", True),
        ("slack.com", "https://files.slack.com", True),
        (".slack.com", "https://files.slack.com", True),
        ("*.slack.com", "https://files.slack.com", True),
        ("SLACK.com", "https://Slack.com.", True),
        ("slack.com", "https://notslack.com", False),
        ("slack.com:443", "https://slack.com", True),
        ("slack.com:8443", "https://slack.com", False),
        ("example.org, slack.com", "https://slack.com", True),
        ("example.org slack.com", "https://slack.com", True),
        ("https://slack.com", "https://slack.com", True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/8", "https://slack.com", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("10.1.2.3:443", "https://10.1.2.3", True),
        ("2001:db8::/32", "https://[2001:db8::7]", True),
        ("[2001:db8::7]", "https://[2001:db8::7]", True),
        ("[2001:db8::7]:8443", "https://[2001:db8::7]", False),
        ("[2001:db8::7]:443", "https://[2001:db8::7]", True),
        ("[::1],fe80::/10,,[,]:,:,/,10.0.0.0/99,http://", "https://slack.com", False),
    ],
)
def test_what_no_proxy_names(monkeypatch: pytest.MonkeyPatch, exempt: str, url: str, direct: bool) -> None:
    """A name and all below it, an address, a network, each with a port or without; nonsense means nothing."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", exempt)

    assert network.proxy_for(url) == (None if direct else PROXY)


class Asked:
    """A proxy that notes which hosts it is asked for, and says no."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.url = ""

    async def heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.hosts.append(head.split()[1].decode())
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Asked]:
    asked = Asked()
    server = await asyncio.start_server(asked.heard, "127.0.0.1", 0)
    async with server:
        asked.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield asked


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_both_sides_go_by_the_same_proxy(monkeypatch: pytest.MonkeyPatch, proxy: Asked, name: str) -> None:
    """The board's client and Slack's ask one proxy, whichever variable names it, but not for what NO_PROXY names."""
    monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NO_PROXY", "[::1],192.0.2.0/24,near.invalid")

    async with network.http_client() as http:
        with pytest.raises(httpx.ProxyError):
            await http.get("https://spaces.far.invalid/api")
        with pytest.raises(httpx.ConnectError):
            await http.get("https://spaces.near.invalid/api")
    with pytest.raises(CallFailed), calling():
        await client_of("xoxb-1", "https://slack.far.invalid/api/").auth_test()
    with pytest.raises(CallFailed) as failed, calling():
        await client_of("xoxb-1", "https://slack.near.invalid/api/").auth_test()

    assert proxy.hosts == ["spaces.far.invalid:443", "slack.far.invalid:443"]
    assert isinstance(failed.value.cause, aiohttp.ClientConnectorError)


async def test_a_socket_goes_the_way_of_its_own_host(monkeypatch: pytest.MonkeyPatch, proxy: Asked) -> None:
    """Slack's socket stands at another host than its Web API: each is looked for in NO_PROXY by itself."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "slack.invalid")
    web, stopping = client_of("xoxb-1", "https://slack.invalid/api/"), asyncio.Event()
    assert web.proxy is None
    mode = SocketMode(App(token="xoxb-1"), web, "xapp-1", retry=60)
    mode._open = _given("wss://socket.invalid/link")  # type: ignore[method-assign] # Slack's answer, else over TLS

    running = asyncio.create_task(mode.run(stopping))
    await until(lambda: proxy.hosts)
    stopping.set()
    await running

    assert proxy.hosts[0] == "socket.invalid:443"


def _given(address: str):  # type: ignore[no-untyped-def]
    async def give() -> str:
        return address

    return give


# ── certificates ─────────────────────────────────────────────────────────────


async def test_both_sides_believe_the_same_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SSL_CERT_FILE stands in for the usual certificates, for Slack's client as for the board's."""
    usual = network.certificates()
    assert usual is client_of("xoxb-1", "https://slack.com/api/").ssl
    assert len(usual.get_ca_certs()) > 50
    (one := tmp_path / "ca.pem").write_text(ssl.DER_cert_to_PEM_cert(usual.get_ca_certs(binary_form=True)[0]))
    monkeypatch.setenv("SSL_CERT_FILE", str(one))

    assert network.certificates().get_ca_certs(binary_form=True) == usual.get_ca_certs(binary_form=True)[:1]
    assert client_of("xoxb-1", "https://slack.com/api/").ssl is network.certificates()


# ── no command ends in a traceback ───────────────────────────────────────────

# What is wrong with the surroundings, and which variable a line has to name; None: it works as it is.
SURROUNDINGS: dict[str, tuple[dict[str, str], str | None]] = {
    "an address that is exempt": ({"NO_PROXY": "[::1]", "HTTPS_PROXY": PROXY}, None),
    "a network that is exempt": ({"NO_PROXY": "fe80::/10,10.0.0.0/8", "HTTPS_PROXY": PROXY}, None),
    "a SOCKS proxy": ({"ALL_PROXY": "socks5://never-say-this@127.0.0.1:9"}, "ALL_PROXY"),
    "a SOCKS proxy, small": ({"all_proxy": "socks://127.0.0.1:9"}, "all_proxy"),
    "a SOCKS proxy for others": ({"ALL_PROXY": "socks5://127.0.0.1:9", "HTTPS_PROXY": PROXY}, None),
    "a SOCKS proxy for nobody": ({"ALL_PROXY": "socks5h://127.0.0.1:9", "NO_PROXY": "*"}, None),
    "no address": ({"HTTP_PROXY": "not a url never-say-this"}, "HTTP_PROXY"),
    "no port": ({"HTTPS_PROXY": "http://never-say-this:bad"}, "HTTPS_PROXY"),
    "no host": ({"HTTPS_PROXY": "http://:bad"}, "HTTPS_PROXY"),
    "another scheme": ({"https_proxy": "ftp://never-say-this"}, "https_proxy"),
    "half an address": ({"HTTPS_PROXY": "http://[never-say-this"}, "HTTPS_PROXY"),
    "a password unescaped": ({"HTTPS_PROXY": "http://me:never-say-this#1@proxy.example:1"}, "HTTPS_PROXY"),
    "certificates gone": ({"SSL_CERT_FILE": "/nowhere/never-say-this.pem"}, "SSL_CERT_FILE"),
    "certificates that are none": ({"SSL_CERT_FILE": "/etc/hostname"}, "SSL_CERT_FILE"),
    "certificates that are a folder": ({"SSL_CERT_FILE": "/etc"}, "SSL_CERT_FILE"),
    "a folder gone": ({"SSL_CERT_DIR": "/nowhere/never-say-this"}, "SSL_CERT_DIR"),
    "a certificate in REDIS_URL": ({"REDIS_URL": "rediss://127.0.0.1:9/0?ssl_cert_reqs=CERT_NONE"}, "REDIS_URL"),
}
STORED = {"REDIS_URL": "redis://127.0.0.1:9/0"}
COMMANDS = [["doctor"], ["outbox", "list"], ["outbox", "show", "ab12"], ["erase", "U012ABCDEF", "--yes"]]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_no_command_trips_over_its_surroundings(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works, as far as a Redis that is away lets it, or one line names the variable, and nothing of its value."""
    monkeypatch.chdir(tmp_path)
    variables, named = SURROUNDINGS[name]
    here = {"SLACK_API_URL": "http://127.0.0.1:9/api/", "NEXUDUS_URL": "http://127.0.0.1:9"}

    ended = CliRunner().invoke(cli, words, env=SOUND | here | STORED | variables)

    _told(ended, named)


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_the_manifest_needs_no_surroundings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is printed whatever the environment says."""
    monkeypatch.chdir(tmp_path)

    ended = CliRunner().invoke(cli, ["manifest", "--socket-mode"], env=SURROUNDINGS[name][0])

    assert (ended.exit_code, ended.exception) == (0, None)


def _told(ended: Result, named: str | None) -> None:
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    if named is None:
        assert ended.exit_code == 1
        assert "Redis" in ended.output
        return
    (line,) = ended.stderr.splitlines()
    assert ended.exit_code == 2
    assert line.startswith(f"{named}: ")
    assert f". Example: {named}=" in line
    assert "never-say-this" not in line
    if named == "REDIS_URL":
        assert "set REDIS_CERTIFICATE" in line


@pytest.mark.parametrize(
    ("command", "name"),
    [("run", "a SOCKS proxy"), ("web", "no address"), ("worker", "certificates gone"), ("doctor", "a folder gone"),
     ("worker", "a certificate in REDIS_URL")],
)  # fmt: skip
def test_the_real_program_names_the_variable(command: str, name: str, tmp_path: Path) -> None:
    """The processes themselves stop with 2 and that one line."""
    variables, named = SURROUNDINGS[name]
    ended = bridge(tmp_path, command, SOUND | STORED | {"PORT": "0"} | variables)

    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, line.partition(":")[0]) == (2, named)
    assert "never-say-this" not in line


def test_a_terminal_without_utf_8_reads_a_question_mark(tmp_path: Path) -> None:
    """Neither an arrow nor a member's name that it cannot show ends a command in a traceback."""
    away = {"SLACK_API_URL": "http://127.0.0.1:9/api/", "NEXUDUS_URL": "http://127.0.0.1:9"}
    ended = bridge(tmp_path, "doctor", SOUND | STORED | away | {"PYTHONIOENCODING": "latin-1"})

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "no  Slack: cannot be reached at 127.0.0.1: nothing listens there ? look at" in ended.stdout


def test_the_real_program_runs_where_no_proxy_is_odd(tmp_path: Path) -> None:
    """An address in brackets and a network beside a proxy: it serves, and what runs on this computer is no proxy's."""
    odd = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": "[::1],fe80::/10,10.0.0.0/8"}
    here = {"SLACK_API_URL": "http://127.0.0.1:9/api/", "NEXUDUS_URL": "http://127.0.0.1:9"}
    kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_START") if name in os.environ}
    env = kept | SOUND | here | odd | {"PYTHONPATH": str(ROOT), "PORT": "0"}
    command, pipe = [sys.executable, "-m", "bridge", "run"], subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        said = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        said += [json.loads(each) for each in process.stdout]
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert said[0]["event"] == "listening"
    assert {each["error"] for each in said if "error" in each} == {"ClientConnectorError"}
