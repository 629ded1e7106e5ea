"""Many people post while everything goes wrong, by a plan that a seed repeats."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from tests.chaos.ambush import Boundary
from tests.chaos.books import Post, Reckoning, everything_told, reckon
from tests.chaos.matrix import BOUNDARIES
from tests.chaos.people import Crowd
from tests.chaos.town import LAG, Town, open_town


@dataclass(frozen=True)
class Act:
    """What is done after so many posts were asked for: to anybody, or at the next pass of a boundary."""

    after: int
    kind: str
    boundary: Boundary | None = None


@dataclass(frozen=True)
class Size:
    """How much of a storm. `faults` is the share of the board's calls that are disturbed, `every` posts one act.

    `clocks`: one web process and all workers but one live by a clock that jumps by up to two minutes.
    """

    posts: int
    faults: float = 0.2
    people: int = 50
    hands: int = 40
    webs: int = 2
    workers: int = 3
    every: int = 100
    clocks: bool = False


@dataclass
class Watch:
    """When each post was asked for, and when its person first saw a last word; by time.monotonic()."""

    asked: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    async def keep(self, town: Town, crowd: Crowd) -> None:
        """For ever, every second or two."""
        while True:
            self.look(town, crowd)
            await asyncio.sleep(1.5)

    def look(self, town: Town, crowd: Crowd) -> None:
        for each in [*everything_told(town.workspace), *crowd.told]:
            self.told.setdefault(each.subject, time.monotonic())

    def slowest(self, promised: set[str]) -> list[tuple[float, str]]:
        """How long those waited who were promised something, in seconds, the longest first."""
        now = time.monotonic()
        return sorted(((self.told.get(each, now) - self.asked[each], each) for each in promised), reverse=True)


def plan(seed: int, size: Size, people: Sequence[tuple[str, int]]) -> tuple[list[Post], list[Act]]:
    """The same for the same seed: who posts what by which door, and what is done when."""
    chance = random.Random(f"plan {seed}")
    posts = [Post(n, *chance.choice(people), form=chance.random() < 0.3) for n in range(size.posts)]
    boundaries, acts = list(BOUNDARIES), []
    chance.shuffle(boundaries)
    for number, after in enumerate(range(size.every, size.posts, size.every)):
        (kind,) = chance.choices(["kill", "freeze", "redis", "clock"], [5, 2, 1, 6 if size.clocks else 0])
        acts.append(Act(after, kind, None if number % 3 == 0 else boundaries[number % len(boundaries)]))
    return posts, acts


async def run(seed: int, size: Size, say: Callable[[str], None]) -> Reckoning:
    """The storm, the calm after it, and the reckoning."""
    async with open_town(seed) as town, httpx.AsyncClient(limits=httpx.Limits(max_connections=200)) as client:
        people = town.add_people(size.people)
        posts, acts = plan(seed, size, people)
        moved = await town.clocks() if size.clocks else {}
        webs = [town.start("web", **(moved if number == 0 else {})) for number in range(size.webs)]
        for number in range(size.workers):
            town.start("worker", **(moved if number else {}))
        await asyncio.gather(*(town.ready(each) for each in webs))
        town.board.search_lag, town.board.rate, town.workspace.rate = LAG, size.faults, size.faults / 5
        crowd, watch, began = Crowd(town, client, seed), Watch(), time.monotonic()
        watching = asyncio.create_task(watch.keep(town, crowd))
        await _through(town, crowd, watch, posts, acts, size, say)
        ended = time.monotonic()
        say(f"all asked for after {ended - began:.0f} s; waiting for what is still on its way")
        calm = await town.drained(60 + size.posts / 20)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        watch.look(town, crowd)
        await _tell_waits(town, watch, crowd.promised, ended, say)
        found = reckon(posts, crowd.promised, [*everything_told(town.workspace), *crowd.told], town.board.threads)
        found.counts.update(troubled=crowd.troubled, not_kept=crowd.refused_by_store)
        say(f"calm after {time.monotonic() - began:.0f} s" if calm else "NEVER CALM: something is still due")
        say(", ".join(f"{what} {count}" for what, count in sorted(town.deaths.items())))
        say(", ".join(f"{what} × {count}" for what, count in sorted(town.board.met.items())))
        for each in [*found.lost, *found.twice, *found.unreported, *found.wrongly_reported]:
            say(f"{each}: {await town.history(each)}")
        if not calm:
            found.unreported.append("(the queue did not drain)")
        return found


async def _tell_waits(town: Town, watch: Watch, promised: set[str], ended: float, say: Callable[[str], None]) -> None:
    """How long people waited, and what the ledger knows of those who waited longest."""
    waits, last = watch.slowest(promised), max(watch.told.values(), default=ended)
    longest = [seconds for seconds, _ in waits] or [0.0]
    marks = ", ".join(
        f"p{mark} {longest[len(longest) * (1000 - int(mark * 10)) // 1000]:.1f} s" for mark in (50, 90, 99, 99.9)
    )
    say(f"the last word came {last - ended:.0f} s after the last post; waits: {marks}, longest {longest[0]:.1f} s")
    say(", ".join(f"{event} {count}" for event, count in sorted(town.events().items())))
    for seconds, subject in waits[:3]:
        say(f"{seconds:.0f} s: {await town.history(subject)}")


async def _through(
    town: Town,
    crowd: Crowd,
    watch: Watch,
    posts: Sequence[Post],
    acts: Sequence[Act],
    size: Size,
    say: Callable[[str], None],
) -> None:
    waiting, due, chance = iter(posts), iter(acts), random.Random(f"victims {len(posts)}")
    following = next(due, None)

    async def hand() -> None:
        nonlocal following
        for post in waiting:
            if following is not None and post.number >= following.after:
                act, following = following, next(due, None)
                await _do(town, act, chance)
            if post.number and post.number % 1000 == 0:
                say(f"{post.number} asked for, {len(town.board.threads)} on the board")
            watch.asked[post.subject] = time.monotonic()
            await crowd.ask(post)

    await asyncio.gather(*(hand() for _ in range(size.hands)))


async def _do(town: Town, act: Act, chance: random.Random) -> None:
    if act.kind == "clock":
        town.move_clock(chance.randint(-120, 120))
        return
    strike = {"kill": town.kill, "freeze": town.freeze, "redis": town.kill_redis}[act.kind]
    if act.boundary is not None:
        town.ambush.set(act.boundary, strike)
        return
    awake = [each.process.pid for each in town.runners if each.process is not None and not each.frozen]
    if awake:
        await strike(chance.choice(awake), "after")
