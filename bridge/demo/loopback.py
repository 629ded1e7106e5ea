"""A Starlette app served by uvicorn on 127.0.0.1, inside the event loop that is already running."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol


async def left(receive: Receive) -> None:
    """Returns when the client has gone away, or when the server stops."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Closes the connection without an answer; the client sees it break."""
    scope["state"]["transport"].abort()
    # An app that returns before uvicorn has noticed the closing would be logged as a faulty one.
    await left(receive)


async def nowhere(message: Message) -> None:
    """A `send` for answers that nobody will get."""


def again(body: bytes, receive: Receive) -> Receive:
    """The body once more, for the app behind the door; then whatever the client does."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        return unread.pop() if unread else await receive()

    return once_more


Json = dict[str, Any]


class Connection(H11Protocol):
    """HTTP/1.1 whose app finds its transport in `scope["state"]`, so that it can hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers and without its ten ticks a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leaving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process that runs us has its own opinion about SIGINT and SIGTERM.
        yield

    async def main_loop(self) -> None:
        await self.leaving.wait()

    async def run_in_task(self, sock: socket.socket) -> None:
        try:
            await self.serve(sockets=[sock])
        except SystemExit as left_at_once:
            # A SystemExit inside a task would take the whole event loop with it.
            raise RuntimeError("the app did not start") from left_at_once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """At once, where uvicorn would wait for the requests under way; then the app's own shutdown."""
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=0.1)
        await self.lifespan.shutdown()


class Loopback:
    """One app on one port that can be taken down and brought back on the same port."""

    def __init__(self, app: ASGIApp, http: type[asyncio.Protocol] = Connection) -> None:
        self.app, self._http = app, http
        self.port = 0
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> str:
        """Listens on `port`, or on the port it had before, or on any free one."""
        sock = self._bound(port or self.port)
        self._server = _Server(self._config())
        self._task = asyncio.create_task(self._server.run_in_task(sock))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.002)
        return self.url

    async def stop(self) -> None:
        """Breaks every open connection and cancels every request under way; then the app's own shutdown."""
        if self._server is None or self._task is None:
            return
        self._server.leaving.set()
        await self._task
        self._server = self._task = None

    def _bound(self, port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # asyncio does this for its own sockets only; without it every other answer comes 40 ms late.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(("127.0.0.1", port))
        self.port = sock.getsockname()[1]
        return sock

    def _config(self) -> uvicorn.Config:
        # The board sets its own Date, with a skew; uvicorn would add a second one.
        return uvicorn.Config(
            self.app,
            http=self._http,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
        )


@asynccontextmanager
async def serve(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """`async with serve(app) as url:` runs `app` at `url` for as long as the block lasts."""
    loopback = Loopback(app)
    url = await loopback.start(port)
    try:
        yield url
    finally:
        await loopback.stop()
