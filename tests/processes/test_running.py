"""The processes in one: how they end."""

import asyncio

from bridge import running
from bridge.slack.connections import listen
from bridge.slack.webapi import CallFailed
from tests.support.space import Space


async def test_what_begins_while_it_drains_is_finished(space: Space) -> None:
    """A task that an answer sets going during the drain ends before the process does, and so does that one's own."""
    told: list[str] = []

    async def work(*names: str) -> None:
        await asyncio.sleep(0.05)
        told.append(names[0])
        if names[1:]:
            space.bridge.desk.spawn(work(*names[1:]))

    stop = asyncio.Event()
    stop.set()
    space.bridge.desk.spawn(work("answer", "telling", "noting"))
    await running.run(space.bridge, web=True, worker=False, listening=listen("127.0.0.1", 0), stop=stop)

    assert told == ["answer", "telling", "noting"]


async def test_what_failed_beside_the_answers_ends_nothing(space: Space) -> None:
    """A call of Slack's that fails in the last moment is logged like any other: the process ends as it was asked to."""

    async def work() -> None:
        await asyncio.sleep(0.05)
        raise CallFailed("internal_error", passing=True)

    stop = asyncio.Event()
    stop.set()
    task = space.bridge.desk.spawn(work())
    await running.run(space.bridge, web=True, worker=False, listening=listen("127.0.0.1", 0), stop=stop)

    assert task.done()
