"""A primary is killed and Sentinel promotes its replica: what asynchronous replication loses, counted."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from bridge.store import embedded
from bridge.store.client import connect
from tests.chaos.books import Post, Reckoning, everything_told, reckon
from tests.chaos.people import Crowd
from tests.chaos.town import Town, free_port, open_town

_SENTINEL = """
port {port}
dir {folder}
sentinel monitor bridge 127.0.0.1 {primary} 1
sentinel down-after-milliseconds bridge 500
sentinel failover-timeout bridge 3000
"""


async def run(posts: int, say: Callable[[str], None]) -> Reckoning:
    """POSTS posts; half-way the primary is killed."""
    async with open_town() as town, httpx.AsyncClient() as client:
        with _servers(town) as (primary, replica, sentinel):
            town.relay.upstream, town.store_url = primary.port, f"redis://127.0.0.1:{primary.port}/0"
            await _replicating(primary.port)
            web = town.start("web")
            for _ in range(2):
                town.start("worker")
            await town.ready(web)
            crowd, people = Crowd(town, client, 1), town.add_people(10)
            asked = [Post(n, *people[n % len(people)]) for n in range(posts)]
            await _all(crowd, asked[: posts // 2])
            failing = asyncio.create_task(_fail_over(town, primary, replica, sentinel, say))
            await _all(crowd, asked[posts // 2 :])
            await failing
            calm = await town.drained(90)
            say("calm" if calm else "NEVER CALM")
            return reckon(asked, crowd.promised, [*everything_told(town.workspace), *crowd.told], town.board.threads)


async def _all(crowd: Crowd, posts: list[Post]) -> None:
    waiting = iter(posts)

    async def hand() -> None:
        for post in waiting:
            await crowd.ask(post)

    await asyncio.gather(*(hand() for _ in range(8)))


class _Process:
    """One server of the wheel's binary on a port of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        folder.mkdir()
        given = [each.format(port=self.port) for each in arguments]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen([str(embedded._binary()), *given], cwd=folder, stdout=log, stderr=log)

    def send(self, number: int) -> None:
        os.kill(self.process.pid, number)


@contextlib.contextmanager
def _servers(town: Town) -> Iterator[tuple[_Process, _Process, _Process]]:
    durable = ("--port", "{port}", "--appendonly", "yes", "--appendfsync", "always", "--save", "")
    primary = _Process(town.folder / "primary", *durable)
    replica = _Process(town.folder / "replica", *durable, "--replicaof", f"127.0.0.1 {primary.port}")
    folder, port = town.folder / "sentinel", free_port()
    conf = town.folder / "sentinel.conf"
    conf.write_text(_SENTINEL.format(port=port, folder=folder, primary=primary.port))
    sentinel = _Process(folder, str(conf), "--sentinel")
    sentinel.port = port
    try:
        yield primary, replica, sentinel
    finally:
        for each in (sentinel, replica, primary):
            with contextlib.suppress(ProcessLookupError):
                each.process.kill()
            each.process.wait()


async def _replicating(port: int) -> None:
    client, deadline = connect(f"redis://127.0.0.1:{port}/0", timeout=5), time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            info: Any = await client.info("replication")
            if info["connected_slaves"] == 1 and info["slave0"]["state"] == "online":
                await client.aclose()
                return
        await asyncio.sleep(0.1)
    raise TimeoutError("the replica never came")


async def _fail_over(
    town: Town, primary: _Process, replica: _Process, sentinel: _Process, say: Callable[[str], None]
) -> None:
    await asyncio.sleep(0.5)
    primary.send(signal.SIGKILL)
    began = time.monotonic()
    client = connect(f"redis://127.0.0.1:{sentinel.port}/0", timeout=5)
    while True:
        with contextlib.suppress(Exception):
            address: Any = await client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME bridge")  # type: ignore[no-untyped-call]
            if int(address[1]) == replica.port:
                break
        await asyncio.sleep(0.1)
    await client.aclose()
    town.relay.upstream, town.store_url = replica.port, f"redis://127.0.0.1:{replica.port}/0"
    say(f"Sentinel promoted the replica after {time.monotonic() - began:.1f} s")
