"""The two processes, web and worker, and both in one; each stops within the platform's grace."""

import asyncio
import signal
import socket
from collections.abc import Coroutine
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from bridge.slack import http
from bridge.slack.connections import server_of
from bridge.version import version
from bridge.wiring import Bridge

log = structlog.get_logger()

# Heroku-like hosts kill 30 s after SIGTERM. https://devcenter.heroku.com/articles/dynos
GRACE = 25.0


async def run(
    bridge: Bridge,
    *,
    web: bool,
    worker: bool,
    listening: socket.socket | None = None,
    measured: socket.socket | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run until SIGTERM, SIGHUP, Ctrl-C or `stop`; then finish what is under way, for at most GRACE seconds.

    A web process has to be `listening` on something. Where any process is `measured` it answers /metrics and the like.
    """
    stopping = stop or _signalled()
    work: list[Coroutine[Any, Any, None]] = []
    servers: list[uvicorn.Server] = []
    for address, served in ((listening, app), (measured, private)):
        if address is not None:
            log.info("listening", address=address.getsockname()[:2], version=version())
            servers.append(server_of(served(bridge)))
            work.append(servers[-1].serve(sockets=[address]))
    if web and bridge.socket is not None:
        work.append(bridge.socket.run(stopping))
    if worker:
        work.append(bridge.delivery.run(bridge.desk.installation.is_closed, bridge.carrying.work))
    # The look at the store says in the log what is the matter with it, before the first person finds out.
    greetings = [asyncio.create_task(each) for each in (bridge.watch_slack(), bridge.store_answers())]
    if worker:
        # The board is asked at the start, so that /readyz need not wait for a post.
        bridge.delivery.board_health.doubt()
        greetings.append(asyncio.create_task(bridge.look_beside()))
    tasks = [asyncio.create_task(each) for each in work]
    ended = asyncio.create_task(stopping.wait())
    await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    bridge.delivery.stop()
    bridge.carrying.stop()
    for server in servers:
        server.should_exit = True
    await _drain(tasks, bridge.desk.tasks)
    for task in (*greetings, ended):
        task.cancel()


async def _drain(own: list[asyncio.Task[None]], begun: set[asyncio.Task[Any]]) -> None:
    """`begun` is what answers set going, and still do while they are finished; what of it fails has been logged."""
    loop = asyncio.get_running_loop()
    until = loop.time() + GRACE
    done, late = await asyncio.wait(own, timeout=GRACE)
    while begun and (left := until - loop.time()) > 0:
        await asyncio.wait(begun, timeout=left)
    await _cut_short([*late, *begun])
    for task in done:
        if not task.cancelled() and (error := task.exception()):
            raise error


async def _cut_short(late: list[asyncio.Task[Any]]) -> None:
    """What they hold is claimed by another worker when its lease runs out."""
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=2)
        log.warning("drain_cut_short", tasks=len(late))


def _signalled() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def app(bridge: Bridge) -> ASGIApp:
    """What the open port of a web process answers."""
    settings = bridge.settings
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    files = bridge.carrying.files if settings.public_url else None
    return http.build(bridge.bolt, settings.slack_signing_secret.get_secret_value(), bridge.health(), token, files)


def private(bridge: Bridge) -> ASGIApp:
    """What any process answers on this machine alone: how it is and what it counted. Nobody can post anything there."""
    return http.private(bridge.health())
