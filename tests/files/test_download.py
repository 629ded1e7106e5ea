"""A file host that answers anything at all: a file is opened, refused or tried later, and nothing else happens."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.files.download import SlackFiles, Stays
from bridge.post.attachment import Rules
from bridge.slack.webapi import LONGEST_WAIT, CallFailed, WebApi

PNG = b"\x89PNG\r\n\x1a\n"
RULES = Rules(True, frozenset({"image/*"}), 1000)

LOCATIONS = st.sampled_from(
    [
        b"http://[", b"//[::1", b"https://[v1.x]/", b"https://x.slack.com:99999/", b"https://x.slack.com:port/",
        b"https://\xff.slack.com/", b"https://xn--\xf0.slack.com/", b"https://a@b.slack.com/", b"javascript:x", b"",
        b"https://" + b"a" * 70 + b".slack.com/", b"https://-.slack.com/", b"https://.slack.com/", b"https:///x",
        b"http://127.0.0.1/", b"/again", b"?\x80", b"#", b"x" * 70000, b"https://x.slack.com\\@evil.example/",
    ]
)  # fmt: skip
VALUES = st.binary(max_size=12).map(lambda raw: raw.translate(None, b"\r\n\0"))
LENGTHS = st.sampled_from([b"8", b"-1", b"9" * 30, b"1e3", b"", b"8, 8", b"0", b"\xb2"])
KINDS = st.sampled_from([b"image/png", b"image/png; x=\xff", b";", b"text/html"])
HEADERS = st.one_of(
    st.tuples(st.just(b"Location"), LOCATIONS | VALUES),
    st.tuples(
        st.just(b"Content-Length"), st.sampled_from([b"8", b"-1", b"9" * 30, b"1e3", b"", b"8, 8", b"0", b"\xb2"])
    ),
    st.tuples(
        st.just(b"Content-Type"), VALUES | st.sampled_from([b"image/png", b"image/png; x=\xff", b";", b"text/html"])
    ),
    st.tuples(st.just(b"Retry-After"), VALUES | st.sampled_from([b"\xb2", b"1e99", b"-1"])),
    st.tuples(st.just(b"Transfer-Encoding"), st.sampled_from([b"chunked", b"gzip", b"identity"])),
    st.tuples(st.just(b"Content-Encoding"), st.sampled_from([b"gzip", b"identity", b"\xff"])),
    st.tuples(st.just(b"Set-Cookie"), VALUES),
)
STATUSES = st.sampled_from(
    [b"200 OK", b"302 Found", b"301 \xff", b"308 x", b"304 x", b"206 x", b"429 x", b"503 x", b"99 x"]
)


# No certificates are read for a client that speaks plain HTTP to this computer.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Nowhere(httpx.AsyncBaseTransport):
    """Where every address leads that is not on this computer: a test asks nobody else."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nowhere", request=request)


@asynccontextmanager
async def host(answer: bytes) -> AsyncIterator[SlackFiles]:
    """Answers everybody with these bytes and hangs up."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/"
    away = httpx.AsyncClient(trust_env=False, mounts={"https://": Nowhere()}, verify=NO_TLS)
    async with server, aiohttp.ClientSession() as session, away as http:
        yield SlackFiles(WebApi("xoxb", url, session, http), http, RULES, longest=2)


async def outcome(answer: bytes, path: str = "/files-pri/F1/x.png") -> str:
    """ "opened", the reason why it stays, or "later"."""
    async with host(answer) as files:
        try:
            async with files.opened(files.api.client.base_url.replace("/api/", path), "image/png") as opened:
                async for _ in opened.chunks:
                    pass
            return "opened"
        except Stays as stays:
            return stays.reason
        except CallFailed as failed:
            assert failed.passing
            assert failed.wait is None or 0 <= failed.wait <= LONGEST_WAIT
            return "later"


def http_answer(status: bytes, headers: list[tuple[bytes, bytes]], body: bytes = PNG) -> bytes:
    return b"HTTP/1.1 %s\r\n%s\r\n%s" % (status, b"".join(b"%s: %s\r\n" % each for each in headers), body)


@settings(max_examples=150, deadline=None)
@given(STATUSES, st.lists(HEADERS, max_size=5), st.sampled_from([PNG, b"", b"<html>", b"0\r\n\r\n"]))
def test_no_answer_is_too_odd(status: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Whatever stands in its head: opened, refused with a reason, or later. Never another exception."""
    assert asyncio.run(outcome(http_answer(status, headers, body)))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_are_too_odd(answer: bytes) -> None:
    """What is no HTTP at all is somebody's trouble that may pass."""
    assert asyncio.run(outcome(answer)) == "later"


@pytest.mark.parametrize("location", [b"http://[", b"https://x.slack.com:99999/", b"https://[v1.x]/", b"//[::1"])
async def test_a_redirect_to_no_address_is_a_no(location: bytes) -> None:
    """It leads nowhere now and later, so the file stays, at once."""
    answer = http_answer(b"302 Found", [(b"Location", location), (b"Content-Length", b"0")], b"")
    assert await outcome(answer) == "elsewhere"


@pytest.mark.parametrize("path", ["/x" * 40000, "/\ud800", "/\x00\x7f"])
async def test_an_address_that_cannot_be_asked_for_is_a_no(path: str) -> None:
    """What Slack listed as an address and is none: nobody tries it for an hour."""
    found = await outcome(http_answer(b"200 OK", [(b"Content-Type", b"image/png"), (b"Content-Length", b"8")]), path)
    assert found in ("elsewhere", "opened")


@pytest.mark.parametrize(
    ("named", "wait"),
    [
        ("5", 5),
        ("1000000000", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("Infinity", None),
        ("1e99", None),
        ("-1", None),
    ],
)
async def test_a_named_wait_has_an_end(named: str, wait: float | None) -> None:
    """From the file host as from the Web API: an hour at most, and nothing that is no number of seconds."""
    answer = http_answer(b"429 Slow", [(b"Retry-After", named.encode("latin-1")), (b"Content-Length", b"0")], b"")
    async with host(answer) as files:
        with pytest.raises(CallFailed) as of_the_host:
            async with files.opened(files.api.client.base_url, "image/png"):
                pass
        with pytest.raises(CallFailed) as of_the_api:
            await files.api.call("auth.test")
    assert (of_the_host.value.wait, of_the_api.value.wait) == (wait, wait)
