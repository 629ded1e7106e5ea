"""What strangers do to an open port, all of it at once: `python -m tests.support.abuse PORT SECONDS HANDS`.

Each kind has so many hands; each hand does the same again and again, as fast as it gets on. A process of its own, so
that it takes no time of whoever is attacked but the machine's.
"""

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import uvloop

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HOST = b"Host: bridge.example\r\n"
MB = 1024 * 1024


@contextlib.asynccontextmanager
async def _connected(port: int) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def _unsigned(length: int, path: bytes = b"/slack/events") -> bytes:
    """A request whose signature looks like one: the whole body has to be weighed to find that it is none."""
    stamp = b"X-Slack-Request-Timestamp: %d\r\nX-Slack-Signature: v0=" % time.time() + b"0" * 64 + b"\r\n"
    kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
    return b"POST %s HTTP/1.1\r\n" % path + HOST + kind + stamp + b"Content-Length: %d\r\n\r\n" % length + b"x" * length


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))


async def halves(port: int) -> None:
    """Many who begin and go no further."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(30):
            _, writer = await stack.enter_async_context(_connected(port))
            writer.write(b"POST /slack/events HTTP/1.1\r\nHost: a\r\nX-")
        await asyncio.sleep(random.random())


async def tiny_chunks(port: int) -> None:
    async with _connected(port) as (reader, writer):
        writer.write(b"POST /slack/events HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        writer.write(b"1\r\nx\r\n" * 800_000)
        await _answered(reader)


async def tiny_packets(port: int) -> None:
    async with _connected(port) as (_, writer):
        for byte in _unsigned(20_000):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)


async def requests(port: int) -> None:
    async with _connected(port) as (reader, writer):
        for _ in range(200):
            writer.write(_unsigned(100))
            await _answered(reader)


async def bodies(port: int) -> None:
    async with _connected(port) as (reader, writer):
        for _ in range(20):
            writer.write(_unsigned(MB))
            await _answered(reader)


async def too_much(port: int) -> None:
    async with _connected(port) as (reader, writer):
        writer.write(_unsigned(20 * MB))
        await reader.read()


async def looks(port: int) -> None:
    async with _connected(port) as (reader, writer):
        for _ in range(200):
            writer.write(b"GET /readyz HTTP/1.1\r\n" + HOST + b"\r\n")
            await _answered(reader)


async def unread(port: int) -> None:
    """Thousands of requests at once, and no answer is ever read."""
    async with _connected(port) as (reader, writer):
        reader._limit = 1  # type: ignore[attr-defined] # asyncio stops reading beyond twice that
        for _ in range(100):
            writer.write(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n" * 1000)
            await asyncio.sleep(0.05)


async def newcomers(port: int) -> None:
    for _ in range(200):
        async with _connected(port) as (_, writer):
            writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            await asyncio.sleep(0)


KINDS = (halves, tiny_chunks, tiny_packets, requests, bodies, too_much, looks, unread, newcomers)


async def _again(kind: Callable[[int], Awaitable[None]], port: int, until: float) -> None:
    while time.monotonic() < until:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            await asyncio.wait_for(kind(port), max(0.1, until - time.monotonic()))
        await asyncio.sleep(0)


async def main(port: int, seconds: float, hands: int) -> None:
    until = time.monotonic() + seconds
    await asyncio.gather(*(_again(kind, port, until) for kind in KINDS for _ in range(hands)))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
