"""What strangers may do to an open port, byte by byte: each is answered or ended, and nobody else waits for it.

The server runs on uvloop in a thread of its own, as the processes run it.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bridge.slack import connections, crowd, protocol
from tests.support.space import until

HOST = b"Host: bridge.example\r\n"
CHUNKED = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
MB = 1024 * 1024


class Port:
    """`/` answers with the length of what it got, `/slow` after half a second, `/much` with 20 MB."""

    def __init__(self) -> None:
        listening = connections.listen("127.0.0.1", 0)
        self.address = listening.getsockname()
        routes = [Route("/", _length, methods=["GET", "POST"]), Route("/slow", _slow), Route("/much", _much)]
        self.server = connections.server_of(Starlette(routes=routes))
        self.thread = threading.Thread(target=uvloop.run, args=(self.server.serve([listening]),))

    async def connect(self, sent: bytes = b"") -> "Peer":
        peer = Peer(*await asyncio.open_connection(*self.address))
        peer.writer.write(sent)
        return peer

    async def status(self, sent: bytes) -> int:
        peer = await self.connect(sent)
        status, _ = await peer.answer()
        peer.writer.close()
        return status

    @property
    def open(self) -> int:
        return len(self.server.server_state.connections)


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, bytes]:
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            return int(head.split()[1]), await self.reader.readexactly(length)

    async def ended(self, seconds: float = 5) -> bytes:
        """What still came before the end. ConnectionResetError where the end is none that can be read."""
        async with asyncio.timeout(seconds):
            return await self.reader.read()


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _slow(_: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse("at last")


async def _much(_: Request) -> Response:
    return Response(b"x" * 20 * MB)


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    port = Port()
    port.thread.start()
    await until(lambda: port.server.started)
    yield port
    port.server.should_exit = True
    await asyncio.to_thread(port.thread.join, 15)
    assert not port.thread.is_alive()


# ── what is no HTTP, or too much of it ───────────────────────────────────────


@pytest.mark.parametrize(
    "sent",
    [
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc",
        CHUNKED + b"1\nx\n0\n\n",
        CHUNKED + b"ffffffffffffffffff\r\nx",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n" * 1000 + b"\r\n",
        CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
    ],
    ids=lambda sent: sent[:70].decode("latin-1"),
)
async def test_what_is_no_http_is_refused_and_ended(port: Port, sent: bytes) -> None:
    """400, and nothing that comes behind it is taken for a request."""
    peer = await port.connect(sent + GET)

    assert (await peer.answer())[0] == 400
    peer.writer.write_eof()
    assert await peer.ended() == b""


@pytest.mark.parametrize("piece", [b"1\r\nx\r\n", b"1;a=b\r\nx\r\n", b"A\r\nxxxxxxxxxx\r\n"])
async def test_tiny_chunks_are_400(port: Port, piece: bytes) -> None:
    """A piece of one byte costs as much time as one of thousands: whoever sends many of them is refused at once."""
    began = time.monotonic()

    assert await port.status(CHUNKED + piece * 100_000) == 400
    assert time.monotonic() - began < 1


async def test_tiny_packets_are_400(port: Port) -> None:
    """The same without chunks: a request in hundreds of packets of one byte is refused before it is whole."""
    peer = await port.connect(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n")
    asked = asyncio.create_task(peer.answer())
    for _ in range(3000):
        peer.writer.write(b"x")
        await asyncio.sleep(0)
        if asked.done():
            break

    assert (await asked)[0] == 400


@pytest.mark.parametrize("size", [500, 1460, 4096, 65536])
async def test_ordinary_chunks_are_read(port: Port, size: int) -> None:
    """A whole megabyte in chunks as small as any proxy makes them is what it is."""
    chunk = b"%x\r\n" % size + b"x" * size + b"\r\n"
    count = MB // size
    peer = await port.connect(CHUNKED + chunk * count + b"0\r\n\r\n")

    assert await peer.answer() == (200, str(size * count).encode())


async def test_a_length_that_is_expected_to_be_confirmed(port: Port) -> None:
    """Who asks first is told to go on, or that it would be too much."""
    expect = HOST + b"Expect: 100-continue\r\nContent-Length: "
    asks = await port.connect(b"POST / HTTP/1.1\r\n" + expect + b"3\r\n\r\n")
    assert b" 100 " in await asyncio.wait_for(asks.reader.readuntil(b"\r\n\r\n"), 3)
    asks.writer.write(b"abc")
    assert await asks.answer() == (200, b"3")

    assert await port.status(b"POST / HTTP/1.1\r\n" + expect + b"3000000\r\n\r\n") == 413


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("size", [MB + 1, 3 * MB, 20 * MB])
async def test_whose_body_is_refused_reads_the_413(port: Port, size: int, chunked: bool) -> None:
    """What they still send is read away: none of twenty gets a reset instead, though each sends all before it reads."""
    body = b"".join(b"10000\r\n" + b"x" * 65536 + b"\r\n" for _ in range(size // 65536 + 1)) if chunked else b"x" * size
    head = CHUNKED if chunked else b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size

    def send() -> bytes:
        with socket.create_connection(port.address, timeout=5) as sock:
            sock.sendall(head + body)
            return b"".join(iter(lambda: sock.recv(65536), b""))

    for answer in [await asyncio.to_thread(send) for _ in range(20 if size < 10 * MB else 2)]:
        assert answer.startswith(b"HTTP/1.1 413 ")


# ── one behind the other ─────────────────────────────────────────────────────


async def test_answers_come_in_the_order_of_the_requests(port: Port) -> None:
    """Also where the last of them is refused, and where the first takes long."""
    peer = await port.connect(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + GET + b"nonsense\r\n\r\n")

    assert [await peer.answer() for _ in range(3)] == [(200, b"at last"), (200, b"0"), (400, b"")]


async def test_a_half_behind_a_whole_one_has_the_same_deadline(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not rest in the shadow of the request before it until the connection's own end."""
    monkeypatch.setattr(protocol, "WHOLE", 0.3)
    peer = await port.connect(GET + b"GET / HT")
    assert await peer.answer() == (200, b"0")

    with contextlib.suppress(ConnectionResetError):
        assert await peer.ended(2) == b""


async def test_blank_lines_keep_nothing_open(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line end now and then between two requests is the beginning of the next one."""
    monkeypatch.setattr(protocol, "WHOLE", 0.3)
    peer, began = await port.connect(GET), time.monotonic()
    await peer.answer()
    end = asyncio.create_task(peer.ended())
    while not end.done():
        peer.writer.write(b"\r\n")
        await asyncio.sleep(0.02)
    with contextlib.suppress(ConnectionResetError):
        await end
    assert time.monotonic() - began < 2


async def test_many_behind_one_are_refused(port: Port) -> None:
    """Thousands of requests in one packet are not taken on before the first of them is answered."""
    peer = await port.connect(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + GET * 5000)
    statuses = [(await peer.answer())[0] for _ in range(2 + protocol.MOST_BEHIND)]

    assert statuses == [200] * (1 + protocol.MOST_BEHIND) + [400]


async def test_nothing_follows_an_upgrade(port: Port) -> None:
    """Whoever wants another protocol is answered in this one, and what they send in it is no request."""
    asked = b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    peer = await port.connect(asked + GET)

    assert await peer.answer() == (200, b"0")
    peer.writer.write_eof()
    assert await peer.ended() == b""


# ── who does not read ────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [b"/much", b"/"])
async def test_who_never_reads_is_ended(port: Port, monkeypatch: pytest.MonkeyPatch, path: bytes) -> None:
    """An answer that nobody takes holds its place for seconds only: one large one, or many small ones."""
    monkeypatch.setattr(protocol, "UNREAD", 0.3)
    reads_nothing = socket.create_connection(port.address)
    reads_nothing.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reads_nothing.settimeout(0.2)
    await until(lambda: port.open == 1)
    asked = b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    began = time.monotonic()
    while port.open and time.monotonic() - began < 20:
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.to_thread(reads_nothing.sendall, asked * (1 if path == b"/much" else 200))
        await asyncio.sleep(0.001)
    reads_nothing.close()

    assert not port.open


async def test_who_reads_slowly_gets_all(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes something now and then is served to the end."""
    monkeypatch.setattr(protocol, "UNREAD", 1.0)
    peer = await port.connect(b"GET /much HTTP/1.1\r\n" + HOST + b"\r\n")
    await peer.reader.readuntil(b"\r\n\r\n")
    got = 0
    while got < 20 * MB:
        piece = await asyncio.wait_for(peer.reader.read(2 * MB), 3)
        assert piece
        got += len(piece)
        await asyncio.sleep(0.03 if got < 5 * MB else 0)
    peer.writer.close()


# ── many ─────────────────────────────────────────────────────────────────────


async def test_bodies_have_a_common_limit(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server itself holds is counted in; small requests, as Slack's are, are taken all the same."""
    monkeypatch.setattr(crowd, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(crowd, "MOST_HELD", 4 * MB)
    held_by = port.server.config.http_protocol_class.crowd  # type: ignore[attr-defined] # ours
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % MB
    halves = [await port.connect(head + b"x" * (MB - 1)) for _ in range(10)]
    most = 0
    for _ in range(20):
        most = max(most, held_by.held)
        await asyncio.sleep(0.02)

    assert 2 * MB < most <= 4 * MB
    small = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000
    assert await port.status(small) == 200
    for each in halves:
        each.writer.close()
    await until(lambda: held_by.held == 0)


async def test_a_crowd_of_newcomers_is_taken_in_at_once(port: Port) -> None:
    """Who comes behind hundreds of new connections does not wait for a turn of the loop for each of them."""
    socks = [socket.socket() for _ in range(300)]
    try:
        for each in socks:
            each.setblocking(False)
            each.connect_ex(port.address)
        assert await port.status(GET) == 200
        await until(lambda: port.open >= 300)
    finally:
        for each in socks:
            each.close()
