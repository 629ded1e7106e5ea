"""What each process spends at Redis while nobody posts: at most two commands a second, files switched on and off."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

import typer
from redis.asyncio import Redis

from bridge.store.client import connect
from bridge.store.embedded import embedded, of_running
from tests.processes.test_processes import open_town
from tests.support.space import until

SECONDS = 10.0


async def run() -> None:
    for files in (True, False):
        for command in ("web", "worker", "run"):
            calls = await _spent(command, files=files)
            rate = sum(calls.values()) / SECONDS
            typer.echo(f"{command}, files {'on' if files else 'off'}: {rate:.1f} commands a second {calls}")
            assert rate <= 2, calls


async def _spent(command: str, *, files: bool) -> dict[str, int]:
    """The store of REDIS_URL for `web` and `worker`, and its own for `run`; its keeper's PING is among them."""
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        more = {"LEASE": "30"} | ({} if files else {"PUBLIC_URL": ""})
        if command != "run":
            more["REDIS_URL"] = opened.enter_context(embedded(folder / "store"))
        async with open_town(folder, **more) as town:
            if files:
                town.workspace.scopes += ",files:read"
            process = await town.start(command)
            url = more.get("REDIS_URL") or await until(lambda: of_running(folder / ".bridge"), 30)
            if command != "web":
                await until(lambda: town.board.token_requests, 30)
            await asyncio.sleep(5)  # it has greeted both banks
            assert process.returncode is None
            async with contextlib.aclosing(connect(url)) as client:
                return await _within(client)


async def _within(client: Redis) -> dict[str, int]:
    before = await client.info("commandstats")
    await asyncio.sleep(SECONDS)
    after = await client.info("commandstats")
    calls = {name: each["calls"] - before.get(name, {"calls": 0})["calls"] for name, each in after.items()}
    return {name: count for name, count in calls.items() if count and name != "cmdstat_info"}
