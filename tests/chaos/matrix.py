"""Every boundary between two steps in turn: the process killed there, frozen there past its lease, or Redis killed."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import httpx

from bridge.demo.nexudus.faults import Fault
from tests.chaos.ambush import Boundary, Role, Side
from tests.chaos.books import Post, Reckoning, everything_told, reckon
from tests.chaos.people import Crowd
from tests.chaos.town import Town, open_town

# What the post meets on its way, so that the boundary is passed at all.
CALM = "the board takes it"
LATE = "the last word comes too late for the answer, so the worker tells"
FOUND = "the board takes it and hangs up: looked for, and found"
ABSENT = "the board hangs up: looked for twice, and sent again"
SLOW = "the board takes its time, so the lease is renewed"
AWAY = "the board is away for some seconds: one asks for all, and calls all"
MUTE = "no way of telling works at first, so it is told later"


@dataclass(frozen=True)
class Cell:
    boundary: Boundary
    scene: str


def _cells(role: Role, scene: str, *steps: str, nth: int = 1) -> list[Cell]:
    sides: tuple[Side, Side] = ("before", "after")
    return [Cell(Boundary(role, side, step, nth), scene) for step in steps for side in sides]


CELLS: Sequence[Cell] = [
    *_cells("web", CALM, "PUT", "TAKE_OUTCOME", "TOLD"),
    *_cells("worker", CALM, "CLAIM", "SENDING", "the creation", "SETTLE"),
    *_cells("worker", LATE, "NOTE", "the telling", "TOLD"),
    *_cells("worker", FOUND, "PUT_BACK", "the look", "SETTLE"),
    *_cells("worker", ABSENT, "PUT_BACK", "the look"),
    *_cells("worker", ABSENT, "PUT_BACK", "the look", "SENDING", nth=2),
    *_cells("worker", ABSENT, "the creation"),
    *_cells("worker", SLOW, "RENEW"),
    *_cells("worker", MUTE, "TELL_LATER"),
    *_cells("worker", AWAY, "RECALL"),
]
BOUNDARIES: Sequence[Boundary] = list(dict.fromkeys(each.boundary for each in CELLS))
ACTS = ("kill", "freeze", "redis")


@dataclass(frozen=True)
class Row:
    """What a cell led to."""

    cell: Cell
    act: str
    struck: bool
    found: Reckoning
    seconds: float

    @property
    def holds(self) -> bool:
        return self.struck and self.found.holds

    def __str__(self) -> str:
        said = "held" if self.holds else "was not passed" if not self.struck else "BROKE"
        unsure = ", told unsure" if self.found.told_unsure else ""
        cell = self.cell
        return f"{said:<6} {self.act:<7}{cell.boundary!s:<34} {self.seconds:5.1f} s  ({cell.scene}{unsure})"


async def rows(acts: Sequence[str] = ACTS, cells: Sequence[Cell] = CELLS, seed: int = 0) -> AsyncIterator[Row]:
    """One after the other in one town, by a person and a post of its own each; half of them by the form."""
    async with open_town(seed, NEXUDUS_TIMEOUT="0.8", NEXUDUS_SEARCH_LAG="0.2", LEASE="2") as town:
        web = town.start("web")
        for _ in range(2):
            town.start("worker")
        await town.ready(web)
        async with httpx.AsyncClient() as client:
            crowd = Crowd(town, client, seed)
            await crowd.ask(Post(0, *town.add_people(1)[0]))
            for number, (act, cell) in enumerate(((act, cell) for act in acts for cell in cells), 1):
                await town.ready(web)
                by_form = number % 2 == 0 and cell.boundary.step != "NOTE"
                yield await _row(town, crowd, cell, act, Post(number, *town.add_people(1)[0], form=by_form))


async def _row(town: Town, crowd: Crowd, cell: Cell, act: str, post: Post) -> Row:
    began = time.monotonic()
    strike = {"kill": town.kill, "freeze": town.freeze, "redis": town.kill_redis}[act]
    crowd.prepare = lambda: _set_scene(town, cell, post)
    town.ambush.set(cell.boundary, strike)
    await crowd.ask(post)
    await town.drained(40)
    struck = not town.ambush.lift()
    town.board.behave()
    town.workspace.behave()
    found = reckon([post], crowd.promised, [*everything_told(town.workspace), *crowd.told], town.board.threads)
    return Row(cell, act, struck, found, time.monotonic() - began)


async def _set_scene(town: Town, cell: Cell, post: Post) -> None:
    if cell.scene in (LATE, MUTE):
        await town.forget(post.user)
        town.workspace.slow("users.info", 1.3)
    if cell.scene is MUTE:
        for method in ("hooks", "views.update", "chat.postEphemeral", "chat.postMessage"):
            town.workspace.fail(method, 500)
    if cell.scene is AWAY:
        town.board.down = True
        asyncio.get_running_loop().call_later(8, town.board.behave)
    if cell.scene is SLOW:
        town.board.misbehave(Fault.SLOW, value=0.75)
    if cell.scene in (FOUND, ABSENT):
        town.board.misbehave(Fault.HANGUP_AFTER if cell.scene is FOUND else Fault.HANGUP_BEFORE)
