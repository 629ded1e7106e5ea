"""The two processes, web and worker, and both in one; each stops within the platform's grace."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from bridge import front
from bridge.wiring import Bridge

log = structlog.get_logger()

# Heroku-like hosts kill 30 s after SIGTERM. https://devcenter.heroku.com/articles/dynos
GRACE = 25.0


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the worker beside it has to hear them too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


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


async def run(
    bridge: Bridge, *, web: bool, worker: bool, listening: socket.socket | None, stop: asyncio.Event | None = None
) -> None:
    """Run until SIGTERM, Ctrl-C or `stop`; then finish what is under way, for at most GRACE seconds.

    A web process has to have something to listen on; a worker that has answers /metrics and the like there.
    """
    stopping = stop or _signalled()
    work: list[Coroutine[Any, Any, None]] = []
    server = _server(app(bridge) if web else worker_app(bridge)) if listening is not None else None
    if server is not None and listening is not None:
        log.info("listening", address=listening.getsockname()[:2])
        work.append(server.serve(sockets=[listening]))
    if web and bridge.socket is not None:
        work.append(bridge.socket.run(stopping))
    if worker:
        closed = bridge.installation.is_closed
        work += [bridge.delivery.run(closed), bridge.carrying.run(closed)]
    greetings = [asyncio.create_task(bridge.greet_slack())]
    if worker:
        greetings.append(asyncio.create_task(bridge.watch_board()))
    tasks = [asyncio.create_task(each) for each in work]
    ended = asyncio.create_task(stopping.wait())
    await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    bridge.delivery.stop()
    bridge.carrying.stop()
    if server is not None:
        server.should_exit = True
    await _drain([*tasks, *bridge.desk.tasks])
    for task in (*greetings, ended):
        task.cancel()


async def _drain(tasks: list[asyncio.Task[Any]]) -> None:
    done, late = await asyncio.wait(tasks, timeout=GRACE) if tasks else (set(), set())
    for task in late:
        task.cancel()
    if late:
        # What they held is claimed by another worker when its lease runs out.
        await asyncio.wait(late, timeout=2)
        log.warning("drain_cut_short", tasks=len(late))
    for task in done:
        if not task.cancelled() and (error := task.exception()):
            raise error


def _signalled() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def app(bridge: Bridge) -> Starlette:
    """The ASGI app of the web process."""
    settings = bridge.settings
    files = bridge.carrying.files if settings.public_url else None
    secret = settings.slack_signing_secret.get_secret_value()
    return front.build(bridge.bolt, secret, bridge.health(), _metrics_token(bridge), files)


def worker_app(bridge: Bridge) -> Starlette:
    """What a worker answers: how it is and what it counted. Nobody can post anything to it."""
    return front.build(None, "", bridge.health(), _metrics_token(bridge))


def _metrics_token(bridge: Bridge) -> str | None:
    token = bridge.settings.metrics_token
    return token.get_secret_value() if token else None


def _server(answering: Starlette) -> _Server:
    config = uvicorn.Config(
        answering,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        # Forwarded addresses are not believed: /metrics trusts loopback.
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    return _Server(config)
