"""How a process listens: its address, and how much of it strangers may take.

A request has to be whole soon after it began. Where there is no room, the connection that has waited
longest for its next one gives way: whoever sends whole requests, as Slack does, is answered.
"""

import asyncio
import contextlib
import logging
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from bridge.slack.warnings import at_most_once_a_minute

# Seconds. Slack would not wait for longer than three: https://docs.slack.dev/interactivity/handling-user-interaction
WHOLE = 5.0
# Longer than proxies keep theirs (Caddy: two minutes), or one could send a request into a connection that we close.
KEEP_ALIVE = 130
MOST_CONNECTIONS = 1000
# How many are taken before what they brought is looked at, and how many the kernel keeps until then.
AT_ONCE, QUEUE = 32, 2048
# Lines a minute of each kind that strangers can cause.
MOST_LINES = 5


def listen(host: str, port: int) -> socket.socket:
    """A process's address, taken before anything else is begun. Raises OSError when it is not to be had."""
    address = (host, port)
    if ":" in host:
        listening = socket.create_server(address, family=socket.AF_INET6, dualstack_ipv6=host == "::")
    else:
        listening = socket.create_server(address)
    # asyncio does this for its own sockets only. Without it the second half of an answer waits 40 ms for the
    # proxy's delayed ACK; what is accepted here inherits it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def server_of(app: ASGIApp) -> uvicorn.Server:
    """What serves `app` on a socket of `listen`, for as long as it is not told to exit."""
    for name in ("asyncio", "uvicorn.error"):
        logging.getLogger(name).addFilter(_few)
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # Forwarded addresses are not believed: /metrics trusts loopback.
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE,
        backlog=AT_ONCE,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the worker beside it has to hear them too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for each in sockets or ():
            # asyncio takes one number for both. As many as it takes at once it could run out of descriptors, and would
            # say so for each.
            each.listen(QUEUE)


class Connection(H11Protocol):
    """HTTP/1.1 with a stranger: a request that is not whole in time ends it, and so does a lack of room."""

    # Since when nothing is being answered here.
    _waiting: float | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        super().connection_made(transport)
        self._settle()
        if len(self.connections) > room():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._settle()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_answering():
            self._waiting = self.loop.time()  # how long it may is uvicorn's to say, until a byte comes

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)

    def _settle(self) -> None:
        if self._is_answering():
            self._waiting = None
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
        elif self._deadline is None:
            self._waiting = self._waiting or self.loop.time()
            self._deadline = self.loop.call_later(WHOLE, self.transport.abort)

    def _make_room(self) -> None:
        """Ends who has waited longest; that is this newcomer where all the others are being answered."""
        others = (each for each in self.connections if isinstance(each, Connection) and each._waiting is not None)
        longest = min(others, key=lambda each: each._waiting or 0)
        self.connections.discard(longest)
        longest.transport.abort()
        remedy = "look at the proxy before bridge: who opens so many?"
        at_most_once_a_minute("no_room", connections=room(), remedy=remedy)


def room() -> int:
    """How many connections there may be: Redis, Slack and the board need descriptors, too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)


class _Few(logging.Filter):
    """Lets a few lines of each kind through in a minute: strangers must not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._since, self._seen = 0.0, Counter[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        if time.monotonic() - self._since > 60:
            self._since, self._seen = time.monotonic(), Counter()
        kind = record.getMessage().partition("\n")[0]
        self._seen[kind] += 1
        return self._seen[kind] <= MOST_LINES


_few = _Few()
