"""The real commands as real processes: two workers on one Redis, SIGTERM, kill -9, a Redis that is killed."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from bridge.demo.loopback import Loopback
from bridge.demo.nexudus.board import Board
from bridge.demo.nexudus.faults import Fault
from bridge.demo.slack.sender import Sender
from bridge.demo.slack.workspace import Workspace
from bridge.language import sentences
from bridge.store.client import connect
from bridge.store.embedded import embedded
from tests.support import overheard
from tests.support.overheard import Overheard
from tests.support.space import ANA, BEN, CARL, PASSWORD, SECRET, seed, until, until_async


@dataclass
class Town:
    """Both stand-ins, and bridge's own processes beside them."""

    board: Board
    workspace: Workspace
    env: dict[str, str]
    port: int
    folder: Path
    sender: Sender
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, command: str) -> asyncio.subprocess.Process:
        log = (self.folder / f"{command}.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", command, env=self.env, cwd=self.folder, stdout=log, stderr=log
        )
        log.close()
        self.processes.append(process)
        return process

    async def listening(self) -> None:
        async def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return (await self.sender.client.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200
            return False

        await until_async(ready, 20)

    def reported(self) -> str:
        texts = [str(each) for ms in self.workspace.responses.values() for each in ms]
        return " ".join([*texts, *(str(each) for each in self.workspace.dms.values()), str(self.workspace.ephemerals)])

    async def kill(self, process: asyncio.subprocess.Process, number: int = signal.SIGKILL) -> int:
        process.send_signal(number)
        return await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def open_town(folder: Path, **more: str) -> AsyncIterator[Town]:
    board, workspace = Board(), Workspace()
    seed(board, workspace)
    banks = Loopback(board.app), Loopback(workspace.app)
    board_url, workspace.url = [await each.start() for each in banks]
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "NEXUDUS_", "REDIS"))}
    env |= {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_BOT_TOKEN": "xoxb-demo",
        "SLACK_API_URL": f"{workspace.url}/api/",
        "NEXUDUS_URL": board_url,
        "NEXUDUS_USERNAME": "api@space.example",
        "NEXUDUS_PASSWORD": PASSWORD,
        "NEXUDUS_TIMEOUT": "1",
        "NEXUDUS_SEARCH_LAG": "0.3",
        "NEXUDUS_CALL_INTERVAL_MS": "0",
        "NEXUDUS_WRITES_PER_MINUTE": "10000",
        "NEXUDUS_WRITES_PER_ENDPOINT": "10000",
        "POSTS_PER_PERSON_PER_HOUR": "1000",
        "LEASE": "2",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    } | more
    async with httpx.AsyncClient() as client:
        sender = Overheard(workspace, SECRET, client, f"http://127.0.0.1:{port}/slack/events", patience=5)
        town = Town(board, workspace, env, port, folder, sender)
        try:
            yield town
        finally:
            for process in town.processes:
                if process.returncode is None:
                    await town.kill(process)
            for server in banks:
                await server.stop()
            overheard.repeat(folder)


def subjects(town: Town) -> list[str]:
    return sorted(each["Subject"] for each in town.board.threads.values())


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGHUP])
async def test_one_process_does_it_all_and_stops_when_asked(tmp_path: Path, asked: signal.Signals) -> None:
    """`bridge run` with the embedded store: a post crosses; SIGTERM in mid-flight loses nothing, repeats nothing.

    Nor does SIGHUP, which a terminal or a session sends that ends.
    """
    async with open_town(tmp_path) as town:
        run = await town.start("run")
        await town.listening()
        await town.sender.command(ANA, "post First | Body")
        town.board.misbehave(Fault.SLOW, value=0.8)
        await town.sender.command(ANA, "post Second | Body")
        town.board.misbehave(Fault.SLOW, value=0.8)
        asking = asyncio.create_task(town.sender.command(BEN, "post Third | Body"))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        assert await town.kill(run, asked) == 0
        assert time.monotonic() - began < 28
        await asking
        await town.start("run")
        await town.listening()
        await until(lambda: len(town.board.threads) == 3, 20)
        await asyncio.sleep(1.5)
        assert subjects(town) == ["First", "Second", "Third"]


async def test_web_and_two_workers_behave_as_one(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """One web process and two workers on one Redis: every post once, every person told, one token for all."""
    async with open_town(tmp_path, REDIS_URL=redis_url) as town:
        for command in ("web", "worker", "worker"):
            await town.start(command)
        await town.listening()
        people = [ANA, BEN, CARL]
        await asyncio.gather(*(town.sender.command(people[n % 3], f"post Post {n:02} | Body") for n in range(12)))
        await until(lambda: len(town.board.threads) == 12, 20)
        await asyncio.sleep(1)
        assert len(subjects(town)) == len(set(subjects(town))) == 12
        assert town.board.token_requests == 1


async def test_every_process_shows_what_it_counted(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """With METRICS_PORT: on 127.0.0.1 alone, whatever HOST says; no token; and nothing that takes a post."""
    async with open_town(tmp_path, REDIS_URL=redis_url, HOST="0.0.0.0", METRICS_TOKEN="let-me-see") as town:  # noqa: S104
        ports = {"web": free_port(), "worker": free_port()}
        for command, port in ports.items():
            town.env["METRICS_PORT"] = str(port)
            await town.start(command)
        await town.listening()
        await town.sender.command(ANA, "post Counted | Body")
        await until(lambda: town.board.threads)
        ask = town.sender.client

        async def counted() -> bool:
            shown = (await ask.get(f"http://127.0.0.1:{ports['worker']}/metrics")).text
            return 'bridge_outcomes_total{ending="posted",reason=""} 1.0' in shown

        await until_async(counted)
        for port in ports.values():
            at = f"http://127.0.0.1:{port}"
            assert [(await ask.get(f"{at}/{path}")).status_code for path in ("metrics", "livez", "readyz")] == [200] * 3
            assert (await ask.get(f"{at}/metrics", headers={"Host": "a.page.example"})).status_code == 404
            assert (await ask.post(f"{at}/slack/events", content=b"command=/community")).status_code == 404
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.2", port)
        bearer = {"Authorization": "Bearer let-me-see"}
        web = f"http://127.0.0.1:{town.port}/metrics"
        assert [(await ask.get(web, headers=each)).status_code for each in ({}, bearer)] == [404, 200]


async def test_a_worker_killed_among_the_files_leaves_each_once(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """kill -9 while the board is asked for the second of three files: the next worker goes on, each is there once."""
    async with open_town(tmp_path, REDIS_URL=redis_url) as town:
        town.workspace.scopes += ",files:read"
        await town.start("web")
        worker = await town.start("worker")
        await town.listening()
        await until(lambda: [each for each in town.workspace.calls if each.method == "auth.test"], 20)
        png = b"\x89PNG\r\n\x1a\n"
        files = [town.workspace.add_file(f"F{n}", f"{n}.png", "image/png", png) for n in range(3)]
        await town.sender.message_shortcut(ANA, {"user": BEN, "ts": "1700000000.000100", "text": "see", "files": files})
        await until(lambda: town.workspace.views)
        adding = "POST /api/community/communitythreadfiles"
        town.board.misbehave(Fault.SLOW, on=adding, value=0.1)
        town.board.misbehave(Fault.SILENT_AFTER, on=adding)  # held open, so that the kill surely comes within it
        await asyncio.gather(
            town.sender.submit(next(iter(town.workspace.views)), {"subject": "Files"}),
            until(lambda: len(town.board.seen(adding)) == 2, 20),
        )
        await town.kill(worker)
        await town.start("worker")
        await until(lambda: len(town.board.contents) == 3, 30)
        await asyncio.sleep(0.5)
        assert sorted(each["Name"] for each in town.board.files.values()) == ["0.png", "1.png", "2.png"]
        assert subjects(town) == ["Files"]


async def test_a_worker_killed_while_posting_leaves_one_thread(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """kill -9 between the board's yes and our note: the other worker finds the thread and tells it."""
    async with open_town(tmp_path, REDIS_URL=redis_url) as town:
        await town.start("web")
        worker = await town.start("worker")
        await town.listening()
        await town.sender.command(ANA, "post Warm | up")
        town.board.misbehave(Fault.SILENT_AFTER)
        await town.sender.command(ANA, "post Killed | here")
        await until(lambda: len(town.board.threads) == 2)
        await town.kill(worker)
        await town.start("worker")
        killed = next(each for each in town.board.threads.values() if each["Subject"] == "Killed")
        await until(lambda: str(killed["Id"]) in town.reported(), 20)
        assert subjects(town) == ["Killed", "Warm"]


@pytest.mark.parametrize("own", [True, False])
async def test_a_redis_killed_in_mid_flight_loses_nothing(tmp_path: Path, own: bool) -> None:
    """kill -9 of the store, ours or another, while posts are on their way: it comes back and each arrives once."""
    outside = embedded(tmp_path / "outside")
    url = None if own else outside.__enter__()
    more: dict[str, str] = {"REDIS_URL": url} if url else {}
    try:
        async with open_town(tmp_path, **more) as town:
            await town.start("run")
            await town.listening()
            await town.sender.command(ANA, "post Warm | up")
            town.board.misbehave(Fault.SLOW, times=5, value=0.6)
            asking = [asyncio.create_task(town.sender.command(BEN, f"post Number {n} | Body")) for n in range(5)]
            await asyncio.sleep(0.4)
            await _kill_store(url or f"unix://{tmp_path}/.bridge/store.sock")
            replies: list[Any] = await asyncio.gather(*asking)
            # Who was told that it was not kept, or may not have been, was promised nothing.
            denied = (sentences.REFUSED, sentences.NOT_KEPT, sentences.MAYBE_KEPT)
            promised = [each.status == 200 and not any(word in each.text for word in denied) for each in replies]
            kept = [n for n, each in enumerate(promised) if each]
            await until(lambda: len(town.board.threads) >= 1 + len(kept), 30)
            await asyncio.sleep(2)
            assert set(subjects(town)) >= {"Warm", *(f"Number {n}" for n in kept)}
            assert len(subjects(town)) == len(set(subjects(town)))
    finally:
        if url:
            outside.__exit__(None, None, None)


async def _kill_store(url: str) -> None:
    client = connect(url)
    info: Any = await client.info("server")
    os.kill(int(info["process_id"]), signal.SIGKILL)
    await client.aclose()


@pytest.mark.timeout(180)
async def test_two_hundred_posts_with_a_fifth_disturbed(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """200 posts, every fifth call to the board disturbed, workers killed on the way: none lost, twice or unreported."""
    async with open_town(tmp_path, REDIS_URL=redis_url) as town:
        await town.start("web")
        workers = [await town.start("worker") for _ in range(2)]
        await town.listening()
        await asyncio.gather(*(town.sender.command(who, "post Warm | up") for who in (ANA, BEN, CARL)))
        for fault in (Fault.HANGUP_AFTER, Fault.SILENT_AFTER, Fault.OOPS_AFTER, Fault.HANGUP_BEFORE):
            town.board.misbehave(fault, times=None, rate=0.05)

        async def keep(n: int) -> Any:
            return await town.sender.command([ANA, BEN, CARL][n % 3], f"post Post {n:03} | Body {n}")

        for start in range(0, 200, 20):
            replies = await asyncio.gather(*(keep(n) for n in range(start, start + 20)))
            assert all(each.status == 200 for each in replies)
            if start in (60, 120):
                await town.kill(workers.pop(0))
                workers.append(await town.start("worker"))
        (due,) = [str(key) async for key in redis.scan_iter("bridge:*:due")]
        prefix = due.removesuffix("due")

        async def settled() -> bool:
            return not await redis.zcard(prefix + "due")

        await until_async(settled, 120)
        posted = [each["Subject"] for each in town.board.threads.values() if each["Subject"] != "Warm"]
        records = [await redis.hgetall(key) async for key in redis.scan_iter(f"{prefix}draft:*", count=1000)]
        unsure = [each for each in records if each["state"] == "unsure"]
        assert all(each.get("told") not in (None, "untold") for each in records)
        assert len(posted) == len(set(posted))
        assert len(set(posted)) + len(unsure) >= 200
        assert unsure == []
