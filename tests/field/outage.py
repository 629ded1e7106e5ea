"""The board is away for ten minutes while 30 people post: all are told within 20 s of its end, plus the pace.

Everything as an operator gets it: pace, timeouts, lag and waits are the defaults. Five posts are in doubt when it
begins, and in the middle of it every worker is killed, whoever asks the board among them.
"""

import asyncio
import time

import httpx
import typer

from bridge.demo.nexudus.faults import Fault
from tests.chaos.books import Post, everything_told, reckon
from tests.chaos.people import Crowd
from tests.chaos.town import Town, open_town
from tests.support.space import until

POSTS, DOUBTED = 30, 5
DEFAULTS = {
    "NEXUDUS_TIMEOUT": "15", "NEXUDUS_SEARCH_LAG": "10", "NEXUDUS_CALL_INTERVAL_MS": "100", "LONGEST_WAIT": "600",
    "NEXUDUS_WRITES_PER_MINUTE": "60", "NEXUDUS_WRITES_PER_DAY": "2500", "NEXUDUS_WRITES_PER_ENDPOINT": "25",
    "LEASE": "30",
}  # fmt: skip
# Seconds after the end: all that one minute's pace lets through, and the rest.
SOON, PACE = 20.0, 60.0


async def run(outage: float = 600.0) -> None:
    """`outage` in seconds; one of more than a minute shows the same: by then the pace has forgotten the doubts."""
    async with open_town(1, **DEFAULTS) as town, httpx.AsyncClient() as client:
        posts = [Post(number, *who) for number, who in enumerate(town.add_people(POSTS))]
        webs = [town.start("web") for _ in range(2)]
        workers = [town.start("worker") for _ in range(2)]
        await asyncio.gather(*(town.ready(each) for each in webs))
        crowd = Crowd(town, client, 1)
        town.board.misbehave(Fault.HANGUP_BEFORE, DOUBTED)
        await asyncio.gather(*(crowd.ask(each) for each in posts[:DOUBTED]))
        await until(lambda: not town.board.faults, 60)
        town.board.down = True
        typer.echo(f"{DOUBTED} in doubt; away for {outage:.0f} s")
        for nth, post in enumerate(posts[DOUBTED:]):
            await asyncio.sleep(outage / (POSTS - DOUBTED))
            await crowd.ask(post)
            if nth == POSTS // 2:
                await asyncio.gather(*(town.kill(each.process.pid) for each in workers if each.process))
        assert not town.board.threads
        town.board.down = False
        heard = await _heard(town, SOON + PACE)
        typer.echo(f"told after {' '.join(f'{seconds:.1f}' for seconds in heard)} s")
        found = reckon(posts, crowd.promised, everything_told(town.workspace), town.board.threads)
        typer.echo(str(found))
        assert found.holds and len(heard) == POSTS
        pace = int(DEFAULTS["NEXUDUS_WRITES_PER_ENDPOINT"])
        assert all(seconds < SOON + PACE * (nth // pace) for nth, seconds in enumerate(heard))


async def _heard(town: Town, seconds: float) -> list[float]:
    """When each was told the last word, in seconds from now."""
    began, at = time.monotonic(), dict[str, float]()
    while len(at) < POSTS and time.monotonic() < began + seconds:
        for each in everything_told(town.workspace):
            at.setdefault(each.subject, time.monotonic() - began)
        await asyncio.sleep(0.1)
    return sorted(at.values())
