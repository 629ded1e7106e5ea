"""What a post costs and how fast it is, beside bare apps in the same run: `make bench`.

The targets stand beside the figures; a figure that misses its target says so. The stand-ins, the load and
everything measured share this machine, so only what was measured interleaved is compared.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import typer

from bridge.demo.slack.sender import Sender
from bridge.language import sentences
from tests.bench import bare, ledger
from tests.bench.load import command, fire, quantile
from tests.chaos.town import HALL, Town, free_port, open_town, sender_to
from tests.support.space import until

cli = typer.Typer(add_completion=False)
BURST_WITHIN = 3.0  # Slack's patience, in seconds
BARE_JS = Path(__file__).with_name("bare.cjs")
# The pace and the limits are those of a real account, but for what is said otherwise where it is measured.
OPENED = {"NEXUDUS_TIMEOUT": "15", "NEXUDUS_SEARCH_LAG": "10", "LEASE": "30", "LONGEST_WAIT": "600"}


@dataclass
class Target:
    """Something that answers Slack on a port."""

    name: str
    port: int
    pid: int = 0


def line(what: str, said: str, holds: bool | None = None) -> None:
    verdict = "" if holds is None else "  holds" if holds else "  MISSED"
    typer.echo(f"  {what:<44}{said}{verdict}")


# ── acknowledging ────────────────────────────────────────────────────────────


async def acknowledging(town: Town, targets: Sequence[Target], rounds: int) -> None:
    typer.echo(f"\nAcknowledging: {rounds} rounds of each, in turn; medians of the rounds")
    user = town.add_people(1)[0][0]
    asked: Mapping[str, Callable[[], bytes]] = {
        "a signed command (help)": lambda: command("help"),
        "opening the form": lambda: command("", town.workspace.trigger(user)),
    }
    for what, make in asked.items():
        some = [each for each in targets if each.name != "starlette" or "help" in what]
        found = {each.name: await _measured(each, make, 0) for each in some}
        for _ in range(rounds):
            for target in some:
                found[target.name] += await _measured(target, make, 200 if "help" in what else 60)
        typer.echo(f" {what}")
        _compare(found, HELP if "help" in what else OPEN)


async def _view_opened(town: Town, port: int) -> str:
    """The file with the form as bridge opens it for somebody whom it knows: the bare apps open the same."""
    user = town.add_people(1)[0][0]
    for _ in range(3):
        await fire(port, lambda: command("", town.workspace.trigger(user)), 1, 1)
        await asyncio.sleep(1)  # what was looked up is remembered
    opened = [each.args["view"] for each in town.workspace.calls if each.method == "views.open"]
    (town.folder / "view.json").write_text(json.dumps(opened[-1]))
    return str(town.folder / "view.json")


async def _measured(target: Target, make: Callable[[], bytes], count: int) -> list[tuple[float, float, float]]:
    """(requests a second with sixteen at a time, p50 and p99 in ms of one at a time)"""
    if not count:
        await fire(target.port, make, 40, 4)  # warm
        return []
    rate, _ = await fire(target.port, make, count, 16)
    _, latencies = await fire(target.port, make, count // 2, 1)
    return [(rate, quantile(latencies, 0.5) * 1000, quantile(latencies, 0.99) * 1000)]


# The least rate, beside each, and the most p99.
HELP: Mapping[str, tuple[float, float]] = {"bolt-early": (1.0, 0), "bolt-js": (0.75, 0)}
OPEN: Mapping[str, tuple[float, float]] = {"bolt": (1.0, 2.0)}


def _compare(found: Mapping[str, list[tuple[float, float, float]]], targets: Mapping[str, tuple[float, float]]) -> None:
    for name, several in found.items():
        rate, p50, p99 = (median(each[n] for each in several) for n in range(3))
        line(name, f"{rate:6.0f}/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms")
    for name, (least, most) in targets.items():
        # Each round beside the same round of the yardstick: what else the machine does falls on both.
        pairs = list(zip(found["bridge"], found.get(name, ()), strict=False))
        if pairs:
            faster, _, longer = (median(ours[n] / theirs[n] for ours, theirs in pairs) for n in range(3))
            said = f"{faster:.2f} × the rate (target {least}), {longer:.2f} × the p99"
            said += f" (target {most})" if most else ""
            line(f"bridge beside {name}", said, faster >= least and (not most or longer <= most))


# ── crossing ─────────────────────────────────────────────────────────────────


async def crossing(town: Town, sender: Sender, posts: int) -> None:
    typer.echo(
        f"\nCrossing: {posts} posts of a warm person, each beside a bare POST; the store syncs every write to disk"
    )
    user, login = town.add_people(1)[0]
    await sender.command(user, "post Warm | up")
    ours, bare_ones, replies = list[float](), list[float](), list[float]()
    calls = len(town.workspace.calls), len(town.board.requests)
    counted = dict(town.relay.counted)
    async with httpx.AsyncClient() as client:
        for number in range(posts):
            ours.append(await _submitted(town, sender, user, f"Crossing {number}", replies))
            await asyncio.sleep(0.3)  # the answer's own telling is noted
            bare_ones.append(await _posted(town, client, login, f"Bare {number}"))
    slack = (len(town.workspace.calls) - calls[0]) / posts
    board = (len(town.board.requests) - calls[1]) / posts - 1
    more = (median(ours) - median(bare_ones)) * 1000
    line("submit → thread on the board, p50", f"{median(ours) * 1000:.1f} ms (p95 {quantile(ours, 0.95) * 1000:.1f})")
    line("a bare POST of the same, p50", f"{median(bare_ones) * 1000:.1f} ms")
    line("more than the bare POST", f"{more:.1f} ms (target 25)", more <= 25)
    line("submit → answered with the link, p50", f"{median(replies) * 1000:.1f} ms")
    line("Slack Web API calls for a warm post", f"{slack:.2f} (target 1)", slack <= 1)
    line("Nexudus calls for a warm post", f"{board:.2f} (target 1)", board <= 1)
    each = {name: (count - counted.get(name, 0)) / posts for name, count in town.relay.counted.items()}
    shown = ", ".join(
        f"{name} {count:.1f}" for name, count in sorted(each.items(), key=lambda it: -it[1]) if count > 0.05
    )
    line(f"Redis commands a post ({sum(each.values()):.0f})", f"{shown}")
    typer.echo("  (CLAIM, BLPOP and EXISTS go on between posts: an idle worker asks about once a second; TAKE polls.)")


async def _submitted(town: Town, sender: Sender, user: str, subject: str, replies: list[float]) -> float:
    began = time.monotonic()
    reply = await sender.command(user, f"post {subject} | Body of it")
    replies.append(time.monotonic() - began)
    assert "Posted" in reply.text, reply.text
    return _born(town, subject) - began


async def _posted(town: Town, client: httpx.AsyncClient, login: int, subject: str) -> float:
    token = next(iter(town.board.access_tokens))
    body = {"BusinessId": HALL, "UserId": login, "Subject": subject, "Message": "Body of it"}
    began = time.monotonic()
    url = f"{town.env['NEXUDUS_URL']}/api/community/communitythreads"
    await client.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
    return _born(town, subject) - began


def _born(town: Town, subject: str) -> float:
    return next(town.board.born[id_] for id_, each in town.board.threads.items() if each["Subject"] == subject)


# ── a burst ──────────────────────────────────────────────────────────────────


async def burst(posts: int, interval_ms: int) -> None:
    typer.echo(f"\nA burst of {posts} posts at once; the pace allows one call every {interval_ms} ms")
    more = OPENED | {"NEXUDUS_CALL_INTERVAL_MS": str(interval_ms)}
    async with _town(more, "web", "worker", counted=False) as (town, senders):
        people = [user for user, _ in town.add_people(20)]
        await asyncio.gather(*(senders[0].command(each, "post Warm | up") for each in people))
        await town.drained(60)
        asked = iter([_post(town, people[n % len(people)], f"Burst {n}") for n in range(posts)])
        before, began, used = len(town.board.threads), time.monotonic(), _used(town)
        heard = list[bytes]()
        _, took = await fire(town.runners[0].port, lambda: next(asked), posts, posts, heard)
        denied = [each.encode() for each in (sentences.NOT_KEPT, sentences.MAYBE_KEPT)]
        kept = sum(not any(title in each for title in denied) for each in heard)
        acknowledging = _used(town) - used
        await until(lambda: len(town.board.threads) >= before + kept, posts * interval_ms / 250 + 60)
        drained, ideal = time.monotonic() - began, kept * interval_ms / 1000
        late = sum(each > BURST_WITHIN for each in took)
        line(
            "acknowledged within Slack's three seconds",
            f"{posts - late} of {posts}; half after {median(took):.2f} s, the last after {max(took):.2f} s",
            not late,
        )
        line("kept", f"{kept} of {posts}; the others were told to send it again", kept == posts)
        line("CPU seconds of web and worker until then", f"{acknowledging:.1f}, until drained {_used(town) - used:.1f}")
        line("on the board", f"{len(town.board.threads) - before} after {drained:.1f} s; the pace allows {ideal:.1f} s")
        line("drain", f"{ideal / drained:.0%} of the permitted pace")


def _post(town: Town, user: str, subject: str) -> bytes:
    hook = town.workspace.response_url("commands", user, "C1")
    return command(f"post {subject} | Body of it", town.workspace.trigger(user), hook, user)


def _used(town: Town) -> float:
    """CPU seconds of bridge's processes so far, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    pids = [each.process.pid for each in town.runners if each.process is not None]
    spent = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids]
    return sum(int(ticks) for each in spent for ticks in each) / os.sysconf("SC_CLK_TCK")


# ── starting, and memory ─────────────────────────────────────────────────────


async def starting(town: Town, rounds: int) -> None:
    typer.echo(
        f"\nStarting: {rounds} times each, in turn; until the first answer, and resident memory after 100 requests"
    )
    names = ("bolt-early", "bridge web", "bridge worker")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(rounds + 1):
        for name in names:
            found[name].append(await _started(town, name))
    found = {name: several[1:] for name, several in found.items()}  # the first one compiled its modules
    yard = [median(each[n] for each in found["bolt-early"]) for n in range(2)]
    for name in names:
        seconds, memory = (median(each[n] for each in found[name]) for n in range(2))
        ratios = "" if name == "bolt-early" else f"   {seconds / yard[0]:.2f} ×, {memory / yard[1]:.2f} × (target 1.5)"
        holds = None if name == "bolt-early" else seconds / yard[0] <= 1.5 and memory / yard[1] <= 1.5
        line(name, f"{seconds:5.2f} s  {memory:5.1f} MB{ratios}", holds)


async def _started(town: Town, name: str) -> tuple[float, float]:
    began = time.monotonic()
    if name == "bridge worker":
        claims = town.relay.counted.get("CLAIM", 0)
        async with _process(town, "-m", "bridge", "worker") as process:
            await until(lambda: town.relay.counted.get("CLAIM", 0) > claims, 60)
            seconds = time.monotonic() - began
            await asyncio.sleep(1)
            return seconds, _resident(process.pid)
    port = free_port()
    arguments = ("-m", "bridge", "web") if name == "bridge web" else ("-m", "tests.bench.bare", name, str(port))
    async with _process(town, *arguments, port=port) as process:
        await _answers(port)
        seconds = time.monotonic() - began
        await fire(port, lambda: command("help"), 100, 4)
        return seconds, _resident(process.pid)


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


# ── processes ────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def _process(
    town: Town, *arguments: str, port: int = 0, program: str = sys.executable
) -> AsyncIterator[asyncio.subprocess.Process]:
    env = town.env | {"PORT": str(port)}
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, *arguments, env=env, cwd=town.folder, stdout=quiet, stderr=quiet
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answers(port: int) -> None:
    """The first acknowledged command: everything has to be there for it."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await fire(port, lambda: command("help"), 1, 1)
            return
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def _town(more: Mapping[str, str], *roles: str, counted: bool = True) -> AsyncIterator[tuple[Town, list[Sender]]]:
    """`counted`: what is asked of Redis passes the relay that counts it, which takes time of its own."""
    async with open_town(0, **more) as town, httpx.AsyncClient() as client:
        # As installed: with the modules compiled, whatever the environment of this run says.
        town.env |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(town.folder / "compiled")}
        if not counted:
            town.env["REDIS_URL"] = town.store_url
        webs = [town.start("web") for each in roles if each == "web"]
        for _ in (each for each in roles if each == "worker"):
            town.start("worker")
        for web in webs:
            await town.ready(web)
        yield town, [sender_to(town, web, client) for web in webs]


@cli.command()
def main(
    rounds: int = 9,
    posts: int = 60,
    starts: int = 5,
    burst_of: int = 500,
    interval_ms: int = 50,
    entries: int = 1_000_000,
) -> None:
    """Every figure of docs/proof.md; smaller numbers for a quick look, 0 to leave a part out."""
    asyncio.run(_all(rounds, posts, starts, burst_of, interval_ms, entries))


async def _all(rounds: int, posts: int, starts: int, burst_of: int, interval_ms: int, entries: int) -> None:
    load = os.getloadavg()[0]
    typer.echo(
        f"{time.strftime('%Y-%m-%d %H:%M')}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f}"
    )
    if rounds:
        await _beside_bare_apps(rounds)
    if posts:
        async with _town(OPENED, "web", "worker") as (town, senders):
            await crossing(town, senders[0], posts)
    if starts:
        async with _town(OPENED) as (town, _):
            await starting(town, starts)
    if burst_of:
        await burst(burst_of, interval_ms)
    if entries:
        await ledger.growth(entries, line)


def _bolt_js() -> Path | None:
    """The folder where @slack/bolt is installed; None without Node, or where npm cannot fetch it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bridge-bench"
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    if not (folder / "node_modules" / "@slack" / "bolt").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        install = (
            "npm",
            "install",
            "--prefix",
            str(folder),
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "@slack/bolt",
        )
        subprocess.run(install, capture_output=True, check=False)
    return folder if (folder / "node_modules" / "@slack" / "bolt").is_dir() else None


async def _beside_bare_apps(rounds: int) -> None:
    async with _town(OPENED, "web", "worker", counted=False) as (town, _):
        web = next(each for each in town.runners if each.role == "web")
        town.env["VIEW"] = await _view_opened(town, web.port)
        async with contextlib.AsyncExitStack() as stack:
            targets = [Target("bridge", web.port)]
            for kind in bare.KINDS:
                port = free_port()
                await stack.enter_async_context(_process(town, "-m", "tests.bench.bare", kind, str(port)))
                await _answers(port)
                targets.append(Target(kind, port))
            if folder := _bolt_js():
                port, town.env["NODE_PATH"] = free_port(), str(folder / "node_modules")
                await stack.enter_async_context(_process(town, str(BARE_JS), str(port), program="node"))
                await _answers(port)
                targets.append(Target("bolt-js", port))
            await acknowledging(town, targets, rounds)


if __name__ == "__main__":
    cli()
