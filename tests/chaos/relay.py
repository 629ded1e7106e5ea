"""Redis as the processes reach it: every byte passes here, and every script of the ledger is known by its name."""

import asyncio
import contextlib
import hashlib
from pathlib import Path

import hiredis

from bridge.outbox import scripts
from tests.chaos.ambush import Ambush

STEPS = {
    hashlib.sha1(text.encode()).hexdigest(): name  # noqa: S324 — Redis's own name for a script
    for name, text in vars(scripts).items()
    if name.isupper() and not name.startswith("_")
}
# A poll that found nothing is no step; nor is a script that the server does not have yet.
_NOTHING = (b"$-1", b"_", b"-NOSCRIPT")


class Relay:
    """Listens on 127.0.0.1; `counted` holds how often each command or script was asked for."""

    def __init__(self, upstream: Path | int, ambush: Ambush) -> None:
        # A unix socket, or a port of this machine; after a failover, another one.
        self.upstream, self._ambush = upstream, ambush
        self._server: asyncio.Server | None = None
        self.counted: dict[str, int] = {}

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            redis, to_redis = await self._connected()
            link = _Link(self._ambush, writer.get_extra_info("peername")[1], self.counted)
            ways = [asyncio.create_task(link.asks(reader, to_redis)), asyncio.create_task(link.answers(redis, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                to_redis.close()
        writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.upstream, int):
            return await asyncio.open_connection("127.0.0.1", self.upstream)
        return await asyncio.open_unix_connection(str(self.upstream))


class _Link:
    """One connection; redis-py asks for one thing at a time on each."""

    def __init__(self, ambush: Ambush, port: int, counted: dict[str, int]) -> None:
        self._ambush, self._port, self._counted, self._step = ambush, port, counted, ""
        self._parser = hiredis.Reader()

    async def asks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            for step in self._steps(data):
                await self._ambush.passing(step, "before", self._port)
                self._step = step
            writer.write(data)
            await writer.drain()

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            step, self._step = self._step, ""
            idle = data.startswith(_NOTHING) or (step == "CLAIM" and data.startswith(b":"))
            if step and not idle:
                await self._ambush.passing(step, "after", self._port)
            writer.write(data)
            await writer.drain()

    def _steps(self, data: bytes) -> list[str]:
        self._parser.feed(data)
        steps = []
        while isinstance(command := self._parser.gets(), list):
            name = command[0].decode().upper()
            step = STEPS.get(command[1].decode(), "") if name in ("EVALSHA", "EVAL") else ""
            self._counted[step or name] = self._counted.get(step or name, 0) + 1
            if step:
                steps.append(step)
        return steps
