"""The Procfile's two processes on a Redis as Heroku rents it: TLS, self-signed, twenty connections; then it fails over.

Fifty people post at once from cold; the primary becomes a replica behind the same address while every connection to it
stays open; fifty more post. Everybody's thread is on the board, everybody is told, nothing was refused.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import typer

from bridge.demo.loopback import serve
from bridge.demo.nexudus.board import Board
from bridge.demo.slack.sender import Sender
from bridge.demo.slack.workspace import Workspace
from tests.support.commanding import environment
from tests.support.redises import Server, address, follows, free_port, in_step, redis_server, self_signed
from tests.support.space import HALL, SECRET, seed, settings_for, until

PEOPLE, CONNECTIONS, SOON = 50, 20, 15.0


async def run() -> None:
    few: tuple[str, ...] = ("--maxclients", str(CONNECTIONS), "--appendonly", "yes", "--appendfsync", "always")
    with tempfile.TemporaryDirectory(prefix="rented-") as name:
        folder = Path(name)
        self_signed(folder)
        encrypted = ("--tls-cert-file", f"{folder}/certificate.pem", "--tls-key-file", f"{folder}/key.pem")
        few = (*few, *encrypted, "--tls-auth-clients", "no", "--tls-port")
        ports = free_port(), free_port()
        # The embedded store's binary has no TLS; `apt-get install redis-server` has.
        binary = Path(shutil.which("redis-server") or "redis-server")
        with (
            redis_server(folder / "a", *few, str(ports[0]), binary=binary) as old,
            redis_server(folder / "b", *few, str(ports[1]), binary=binary) as new,
        ):
            await follows(new, old)
            await in_step(new)
            async with address(ports[0]) as shown, _banks() as (board, workspace, env):
                with _procfile(folder, env, f"rediss://127.0.0.1:{shown.at}/0") as port:
                    await _ready(port)
                    await _post(board, workspace, port, "cold")
                    await follows(new, None)
                    shown.port = ports[1]
                    await follows(old, new)
                    await _post(board, workspace, port, "after the failover")
                    await _connections(new)


@contextlib.asynccontextmanager
async def _banks() -> AsyncIterator[tuple[Board, Workspace, dict[str, str]]]:
    board, workspace = Board(), Workspace()
    seed(board, workspace)
    for n in range(PEOPLE):
        email = f"p{n}@space.example"
        workspace.add_user(f"U0P{n:03}", f"Person {n}", email)
        board.add_member(f"Person {n}", email, user_id=1000 + n, coworker_id=2000 + n, businesses=[HALL])
    async with serve(board.app) as board_url, serve(workspace.app) as workspace_url:
        workspace.url = workspace_url
        given = environment(settings_for(board_url, workspace_url))
        yield board, workspace, {name: value for name, value in given.items() if value is not None}


@contextlib.contextmanager
def _procfile(folder: Path, env: dict[str, str], url: str) -> Iterator[int]:
    """As a process manager of such a host starts it; what the processes log goes to a file each."""
    port = free_port()
    given = os.environ | env | {"REDIS_URL": url, "DYNO": "web.1", "PORT": str(port), "PYTHONPATH": str(Path.cwd())}
    running = []
    for role in ("web", "worker"):
        with (folder / f"{role}.log").open("wb") as log:
            command = [sys.executable, "-m", "bridge", role]
            running.append(subprocess.Popen(command, env=given, stdout=log, stderr=log, cwd=folder))
    try:
        yield port
    finally:
        for each in running:
            each.terminate()
            each.wait(30)
        for role in ("web", "worker"):
            lines = (folder / f"{role}.log").read_text().splitlines()
            typer.echo("\n".join(f"  {role}: {each}" for each in lines if '"error"' in each or '"warning"' in each))


async def _ready(port: int) -> None:
    """Its own health must not have warmed it: only whether it lives is asked."""
    async with httpx.AsyncClient() as http:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(f"http://127.0.0.1:{port}/livez")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    raise AssertionError("web never lived")


async def _post(board: Board, workspace: Workspace, port: int, when: str) -> None:
    before, began = len(board.threads), time.monotonic()
    async with httpx.AsyncClient(timeout=30) as http:
        sender = Sender(workspace, SECRET, http, f"http://127.0.0.1:{port}/slack/events")
        asked = [sender.command(f"U0P{n:03}", f"post {when} {n} | Who joins?") for n in range(PEOPLE)]
        replies = await asyncio.gather(*asked)
    slowest = max(each.seconds for each in replies)
    refused = [(each.status, each.text) for each in replies if each.status != 200 or "ot kept" in each.text]
    assert not refused, (len(refused), slowest, refused[:3])
    await until(lambda: len(board.threads) - before == PEOPLE, SOON)
    done = time.monotonic() - began
    await until(lambda: _told(workspace, when, [each.text for each in replies]) == PEOPLE, SOON)
    typer.echo(f"{PEOPLE} posts {when}: answers within {slowest:.2f} s, all on the board after {done:.1f} s, all told")


def _told(workspace: Workspace, when: str, answers: list[str]) -> int:
    later = [str(each) for messages in workspace.responses.values() for each in messages]
    direct = [str(each) for messages in workspace.dms.values() for each in messages]
    said = [each for each in (*answers, *later, *direct) if "Posted to the community board" in each]
    return sum(any(f"{when} {n}" in each for each in said) for n in range(PEOPLE))


async def _connections(server: Server) -> None:
    most = len(str(await server.tell("CLIENT", "LIST", "TYPE", "normal")).strip().splitlines()) - 1
    typer.echo(f"{most} connections of {CONNECTIONS} are open")
    assert most <= 12
