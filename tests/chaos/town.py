"""Bridge's real processes on one real Redis, beside stand-ins of both banks; processes that die are started again."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bridge.demo.loopback import Loopback
from bridge.demo.slack.sender import Sender
from bridge.store.client import connect
from bridge.store.embedded import embedded
from tests.chaos.ambush import Ambush, Role, Side, holds_port
from tests.chaos.banks import StormyBoard, StormyWorkspace
from tests.chaos.relay import Relay

SECRET, PASSWORD = "8f742231b10e8888abcd99yyyzzz85a5", "hush-4711"
HALL = 1421021016
ROOT = Path(__file__).parent.parent.parent
TIMEOUT, LAG, LEASE = 2.0, 1.0, 4.0


@dataclass(eq=False)
class Runner:
    """One `bridge web` or `bridge worker`, and its port if it listens."""

    role: Role
    port: int
    process: asyncio.subprocess.Process | None = None
    frozen: bool = False
    keeping: "asyncio.Task[None] | None" = None
    env: dict[str, str] = field(default_factory=dict)


class Town:
    """`deaths` counts what was done to whom."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.ambush = folder, Ambush(self._owner)
        self.board, self.workspace = StormyBoard(self.ambush, seed), StormyWorkspace(self.ambush, seed)
        self.relay = Relay(folder / "store" / "store.sock", self.ambush)
        self.store_url = f"unix://{folder}/store/store.sock"
        self.runners: list[Runner] = []
        self.env: dict[str, str] = {}
        self.deaths: dict[str, int] = {}
        self._open, self._tasks = True, set[asyncio.Task[None]]()

    # ── people ───────────────────────────────────────────────────────────────

    def add_people(self, count: int) -> list[tuple[str, int]]:
        """Slack ids with their logins on the board; more of them at every call."""
        first = len(self.board.coworkers)
        people = [(f"U0P{number:05}", 10_000 + number) for number in range(first, first + count)]
        for number, (user, login) in enumerate(people, first):
            email = f"p{number}@space.example"
            self.workspace.add_user(user, f"Person {number}", email)
            self.board.add_member(
                f"Person {number}", email, user_id=login, coworker_id=50_000 + number, businesses=[HALL]
            )
            self.workspace.channels["C1"].members.add(user)
        return people

    # ── processes ────────────────────────────────────────────────────────────

    def start(self, role: Role, **env: str) -> Runner:
        runner = Runner(role, free_port() if role == "web" else 0, env=env)
        runner.keeping = asyncio.create_task(self._keep(runner))
        self.runners.append(runner)
        return runner

    async def _keep(self, runner: Runner) -> None:
        while self._open:
            with (self.folder / f"{runner.role}.log").open("ab") as log:
                runner.process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "bridge", runner.role),
                    env=self.env | {"PORT": str(runner.port)} | runner.env,
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                )
            await runner.process.wait()

    async def ready(self, runner: Runner, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get(f"http://127.0.0.1:{runner.port}/readyz", timeout=2)
                    if answer.status_code == 200:
                        return
                await asyncio.sleep(0.05)
        raise TimeoutError(f"{runner.role} did not become ready; see {self.folder}")

    def _owner(self, port: int) -> tuple[Role, int] | None:
        for runner in self.runners:
            if runner.process is not None and holds_port(runner.process.pid, port):
                return runner.role, runner.process.pid
        return None

    # ── what is done to them ─────────────────────────────────────────────────

    async def kill(self, pid: int, side: Side = "before") -> None:
        """kill -9."""
        self._count("processes killed")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        # What it had on its way is in the kernel's hands; what it would have done next is not.
        await asyncio.sleep(0.05)

    async def freeze(self, pid: int, side: Side = "before") -> None:
        """SIGSTOP for longer than the lease, then SIGCONT. `before`: what it was sending arrives only then."""
        self._count("processes frozen")
        runner = next((each for each in self.runners if each.process and each.process.pid == pid), None)
        if runner is None or runner.frozen:
            return
        runner.frozen = True
        os.kill(pid, signal.SIGSTOP)
        waking = asyncio.create_task(self._wake(runner, pid))
        self._tasks.add(waking)
        waking.add_done_callback(self._tasks.discard)
        if side == "before":
            await asyncio.shield(waking)

    async def _wake(self, runner: Runner, pid: int) -> None:
        await asyncio.sleep(2.2 * float(self.env["LEASE"]))
        runner.frozen = False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    async def kill_redis(self, pid: int = 0, side: Side = "before") -> None:
        """kill -9; the launcher starts it again on the same files."""
        self._count("stores killed")
        client = connect(self.store_url)
        with contextlib.suppress(Exception):
            os.kill(int((await client.info("server"))["process_id"]), signal.SIGKILL)
        await client.aclose()
        await asyncio.sleep(0.05)

    async def clocks(self) -> dict[str, str]:
        """What a process needs in its environment to live by the moved clock; a C compiler makes it."""
        library, clock = self.folder / "clock.so", self.folder / "clock"
        clock.write_bytes(struct.pack("l", 0))
        source = str(Path(__file__).parent / "clock.c")
        made = await asyncio.create_subprocess_exec("cc", "-shared", "-fPIC", "-o", str(library), source, "-ldl")
        if await made.wait():
            raise RuntimeError("cc could not make the clock")
        return {"LD_PRELOAD": str(library), "CLOCK_FILE": str(clock)}

    def move_clock(self, seconds: int) -> None:
        """At once, for every process that lives by it."""
        self._count("clocks moved")
        with (self.folder / "clock").open("r+b") as clock:
            clock.write(struct.pack("l", seconds))

    def _count(self, what: str) -> None:
        self.deaths[what] = self.deaths.get(what, 0) + 1

    # ── the end ──────────────────────────────────────────────────────────────

    async def drained(self, seconds: float) -> bool:
        """Whether nothing is due any more, but for the late looks hours from now; what is frozen may still do much."""
        client, deadline = (
            connect(f"unix://{self.folder}/store/store.sock", timeout=5),
            time.monotonic() + seconds,
        )
        calm = 0
        while calm < 3 and time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                due = "bridge:{chaos}:due"
                waits = await client.zcount(due, "-inf", (time.time() + 3600) * 1000)
                calm = 0 if waits or any(each.frozen for each in self.runners) else calm + 1
            await asyncio.sleep(0.3)
        await client.aclose()
        # What is told by an answer is noted a moment after it.
        await asyncio.sleep(1)
        return calm >= 3

    async def forget(self, user: str) -> None:
        """Whoever opened a form is known from then on; whoever is forgotten has to be looked up again."""
        client = connect(self.store_url, timeout=5)
        await client.delete(*(f"bridge:{{chaos}}:{kind}:{user}" for kind in ("slack", "member")))
        await client.aclose()

    async def history(self, subject: str) -> str:
        """What the ledger knows of a post: its record but for its words, and the processes' lines about it."""
        client, said = connect(self.store_url, timeout=5), []
        logs = [line for name in ("web", "worker") for line in (self.folder / f"{name}.log").read_text().splitlines()]
        async for key in client.scan_iter("bridge:{chaos}:draft:*", count=1000):
            record: dict[str, str] = await client.hgetall(key)  # type: ignore[assignment] # decoded
            if f'"{subject}"' in record.get("draft", ""):
                said += [str({name: value for name, value in record.items() if name not in ("draft", "body", "facts")})]
                said += sorted((line for line in logs if record["id"] in line), key=lambda line: line[-30:])
        await client.aclose()
        return "\n  ".join(said) or "no record"

    def events(self) -> dict[str, int]:
        """How often the processes logged what, and attempts by what they ended in."""
        logs = [line for name in ("web", "worker") for line in (self.folder / f"{name}.log").read_text().splitlines()]
        said = [json.loads(line) for line in logs if line.startswith("{")]
        return Counter(f"{each['event']} {each.get('error', '')}".strip() for each in said)

    async def close(self) -> None:
        self._open = False
        for runner in self.runners:
            if runner.process is not None and runner.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    runner.process.kill()
            if runner.keeping is not None:
                await asyncio.wait([runner.keeping], timeout=5)
        for task in self._tasks:
            task.cancel()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(board_url: str, slack_url: str, redis_url: str) -> dict[str, str]:
    foreign = ("SLACK_", "NEXUDUS_", "REDIS", "BRIDGE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return env | {
        "PYTHONPATH": str(ROOT),
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_BOT_TOKEN": "xoxb-demo",
        "SLACK_API_URL": f"{slack_url}/api/",
        "NEXUDUS_URL": board_url,
        "NEXUDUS_USERNAME": "api@space.example",
        "NEXUDUS_PASSWORD": PASSWORD,
        "NEXUDUS_TIMEOUT": str(TIMEOUT),
        "NEXUDUS_SEARCH_LAG": str(1.2 * LAG),
        "NEXUDUS_CALL_INTERVAL_MS": "0",
        "NEXUDUS_WRITES_PER_MINUTE": "1000000",
        "NEXUDUS_WRITES_PER_ENDPOINT": "1000000",
        "NEXUDUS_WRITES_PER_DAY": "1000000",
        "POSTS_PER_PERSON_PER_HOUR": "1000000",
        "LEASE": str(LEASE),
        "BRIDGE_ACCOUNT": "chaos",
        "REDIS_URL": redis_url,
    }


@contextlib.asynccontextmanager
async def open_town(seed: int = 0, **env: str) -> AsyncIterator[Town]:
    """Everything but the processes, which the caller starts; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name, embedded(Path(name) / "store"):
        town = Town(Path(name), seed)
        town.board.logins["api@space.example"] = PASSWORD
        town.board.add_business(HALL, "Hall", "hall")
        town.workspace.add_channel("C1", "general", members=[town.workspace.bot_user_id])
        banks = Loopback(town.board.app), Loopback(town.workspace.app)
        board_url, town.workspace.url = [await each.start() for each in banks]
        town.env = _environment(board_url, town.workspace.url, await town.relay.start()) | env
        try:
            yield town
        finally:
            await town.close()
            await town.relay.stop()
            for bank in banks:
                await bank.stop()


def sender_to(town: Town, runner: Runner, client: httpx.AsyncClient) -> Sender:
    """Slack, which gives up after its three seconds."""
    return Sender(town.workspace, SECRET, client, f"http://127.0.0.1:{runner.port}/slack/events")
