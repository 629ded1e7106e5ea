"""How a process listens: its address, and what serves whoever comes there."""

import contextlib
import logging
import socket
import time
from collections import Counter
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from bridge.slack.protocol import KEEP_ALIVE, connection

# How many are taken before what they brought is looked at, and how many the kernel keeps until then.
AT_ONCE, QUEUE = 16, 2048
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
        http=connection(),
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # Nothing is decided by where somebody comes from, so nobody need be believed about that.
        proxy_headers=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE,
        backlog=1,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the worker beside it has to hear them too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # uvloop takes one connection for each socket and turn of the loop: in a crowd everybody would queue there.
        # asyncio takes as many as its backlog says, which is therefore one.
        for each in list(sockets or ()):
            sockets += [each.dup() for _ in range(AT_ONCE - 1)]  # type: ignore[operator] # there is one, so not None
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(QUEUE)


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
