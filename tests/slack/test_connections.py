"""What strangers may take of a process's connections, and what they may not: Slack's place."""

import asyncio
import contextlib
import logging
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bridge.slack import connections, crowd, protocol
from tests.field.strangers import MOST, abused
from tests.processes.test_processes import open_town
from tests.support.space import ANA, until

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HALF = b"POST /slack/events HTTP/1.1\r\nHost: bridge.example\r\nX-Slack-Req"
WHOLE = b"GET / HTTP/1.1\r\nHost: bridge.example\r\n\r\n"


def test_small_answers_leave_at_once() -> None:
    """An accepted connection does not hold back the second half of an answer for a delayed ACK (40 ms)."""
    with connections.listen("127.0.0.1", 0) as address, socket.create_connection(address.getsockname()) as _:
        accepted, _ = address.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class Served:
    """A small app on a listening of ours; `/slow` is answered when `go` says so."""

    def __init__(self) -> None:
        self.address = connections.listen("127.0.0.1", 0)
        self.port = self.address.getsockname()[1]
        self.go, self.asked = asyncio.Event(), 0
        app = Starlette(routes=[Route("/", self._quick, methods=["GET", "POST"]), Route("/slow", self._slow)])
        self.server = connections.server_of(app)

    async def _quick(self, _: Request) -> PlainTextResponse:
        return PlainTextResponse("here")

    async def _slow(self, _: Request) -> PlainTextResponse:
        self.asked += 1
        await self.go.wait()
        return PlainTextResponse("at last")

    async def connect(self, sent: bytes = b"") -> Stream:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        return reader, writer

    async def ask(self, path: str = "/") -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    running = asyncio.create_task(served.server.serve(sockets=[served.address]))
    await until(lambda: served.server.started)
    yield served
    served.go.set()
    served.server.should_exit = True
    await asyncio.wait_for(running, 5)


async def closed(stream: Stream, seconds: float = 3) -> bytes:
    """What came before the end, which comes by then."""
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionResetError):
            return await stream[0].read()
    return b""


@pytest.mark.parametrize("sent", [b"", b"G", HALF, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"])
async def test_a_request_that_never_becomes_whole_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """However little of it came, on a new connection and on a kept one: it does not hold a descriptor for long."""
    monkeypatch.setattr(protocol, "WHOLE", 0.3)
    fresh, kept = await served.connect(sent), await served.connect(WHOLE)
    await kept[0].readuntil(b"here")
    kept[1].write(sent)

    await closed(fresh)
    if sent:
        await closed(kept)


async def test_a_dribble_buys_no_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is not a request: the time counts from the first one."""
    monkeypatch.setattr(protocol, "WHOLE", 0.3)
    stream, began = await served.connect(), time.monotonic()
    end = asyncio.create_task(closed(stream))
    for byte in HALF * 20:
        if end.done():
            break
        stream[1].write(bytes([byte]))
        await asyncio.sleep(0.02)
    await end
    assert time.monotonic() - began < 2


async def test_a_kept_connection_is_of_use(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's: many requests, one after the other, in pieces and two at a time, for longer than one may take."""
    monkeypatch.setattr(protocol, "WHOLE", 0.3)
    reader, writer = await served.connect()
    for _ in range(4):
        writer.write(WHOLE[:9])
        await asyncio.sleep(0.1)
        writer.write(WHOLE[9:])
        await reader.readuntil(b"here")
    writer.write(WHOLE + WHOLE)
    await reader.readuntil(b"here")
    await reader.readuntil(b"here")
    await asyncio.sleep(0.4)
    writer.write(WHOLE)
    await reader.readuntil(b"here")
    writer.close()


async def test_an_answer_may_take_its_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being answered is never ended: neither for the time that takes nor for want of room."""
    monkeypatch.setattr(protocol, "WHOLE", 0.1)
    monkeypatch.setattr(crowd, "MOST_CONNECTIONS", 4)
    asking = asyncio.create_task(served.ask("/slow"))
    await until(lambda: served.asked)
    for stranger in [await served.connect(HALF) for _ in range(20)]:
        await closed(stranger)
    served.go.set()

    assert (await asking).text == "at last"


async def test_who_sends_whole_requests_finds_room(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where strangers hold all the room with halves of requests, the longest waiting one gives way to Slack's."""
    monkeypatch.setattr(crowd, "MOST_CONNECTIONS", 4)
    strangers = [await served.connect(HALF) for _ in range(8)]

    assert (await served.ask()).text == "here"

    await closed(strangers[0])
    assert len(served.server.server_state.connections) <= 4
    for _, writer in strangers:
        writer.close()


async def test_where_all_are_being_answered_the_newcomer_goes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer that somebody waits for is given up for one more."""
    monkeypatch.setattr(crowd, "MOST_CONNECTIONS", 2)
    asking = [asyncio.create_task(served.ask("/slow")) for _ in range(2)]
    await until(lambda: served.asked == 2)

    assert await closed(await served.connect()) == b""
    served.go.set()

    assert [each.text for each in await asyncio.gather(*asking)] == ["at last"] * 2


def test_lines_that_strangers_cause_are_few(caplog: pytest.LogCaptureFixture) -> None:
    """The same complaint a thousand times is a few lines, and does not hide another one."""
    connections.server_of(Starlette())
    connections._few._since = float("-inf")
    for number in range(1000):
        logging.getLogger("asyncio").error("socket.accept() out of system resource\nsocket: %s", number)
    logging.getLogger("asyncio").error("Something else")

    assert len(caplog.records) == connections.MOST_LINES + 1


@pytest.mark.skipif(sys.platform != "linux", reason="limits a running process by prlimit")
async def test_a_flood_of_halves_takes_nothing_down(tmp_path: Path) -> None:
    """More of them than the process may have descriptors: it lives, Slack is answered in time, the log stays small."""
    async with open_town(tmp_path) as town:
        run = await town.start("run")
        await town.listening()
        resource.prlimit(run.pid, resource.RLIMIT_NOFILE, (256, 256))

        streams = [await asyncio.open_connection("127.0.0.1", town.port) for _ in range(400)]
        for _, writer in streams:
            writer.write(HALF)
        began = time.monotonic()
        answer = await town.sender.command(ANA, "help")
        alive = await town.sender.client.get(f"http://127.0.0.1:{town.port}/livez")

        assert time.monotonic() - began < 2
        assert (answer.status, alive.status_code) == (200, 200)
        assert (tmp_path / "run.log").stat().st_size < 20_000
        for _, writer in streams:
            writer.close()


async def test_strangers_delay_nobody(tmp_path: Path) -> None:
    """Many kinds of abuse at once, unsigned and from one address: a signed command waits for two seconds at most."""
    async with open_town(tmp_path) as town:
        await town.start("run")
        await town.listening()
        took = await abused(town, 4, 1)

    assert len(took) >= 6
    assert 0 <= min(took) <= max(took) <= MOST
