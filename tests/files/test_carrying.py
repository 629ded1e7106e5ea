"""Files under way when things go on for too long, go wrong twice, or come late: nothing twice, nothing told wrongly."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from bridge.demo.nexudus.faults import Fault
from bridge.files import carrying
from tests.files.test_files import ADD, ended, message, names, picture, post, states
from tests.files.test_serving import limit
from tests.support.space import ANA, Space, open_space, until, until_async

LOOK = "GET /api/community/communitythreadfiles"
# By their defaults here: when a call that went wrong is over for certain, and how far two looks are apart.
TIMEOUT, LAG = 0.4, 0.8


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(
        redis_url, files=True, nexudus_timeout=TIMEOUT, nexudus_search_lag=LAG, lease=2, longest_wait=1
    ) as opened:
        yield opened


def adds(space: Space) -> list[dict[str, Any]]:
    return [each.json for each in space.board.seen(ADD) if each.method == "POST"]


# ── Slack takes its time ─────────────────────────────────────────────────────


@pytest.mark.parametrize("told", [True, False])
async def test_a_file_that_drips_is_tried_later(space: Space, told: bool) -> None:
    """A byte now and then holds nobody for longer than the time for one file; once Slack is well, the file crosses."""
    limit(space, 0.3)
    file = picture(space, drip=0.05, told=told)
    await post(space, file)
    await until(lambda: len(space.workspace.tokens_seen) >= 2, 5)
    space.workspace.files["F1"].drip = 0
    assert states(await ended(space)) == {"plan.png": "added"}


@pytest.mark.parametrize(
    "more", [{"drip": 0.05}, {"status": 503}, {"status": 429, "headers": {"retry-after": "1000000000"}}]
)
async def test_what_slack_never_hands_over_stays(
    space: Space, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    """At the end of patience, however long somebody asks us to wait: told, and it is not the board that is blamed."""
    monkeypatch.setattr(carrying, "PATIENCE", 1.0)
    limit(space, 0.3)
    await post(space, picture(space, **more))
    assert states(await ended(space)) == {"plan.png": "slack_away"}
    await until(lambda: "Slack did not hand it over in time" in space.view_text())


async def test_a_board_that_asks_for_years_is_not_waited_for(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person is told when patience ends, not when the board says."""
    monkeypatch.setattr(carrying, "PATIENCE", 1.0)
    space.board.misbehave(Fault.THROTTLE_429, on=ADD, value=99999)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "board_away"}


async def test_files_are_due_when_the_board_is_back(redis_url: str, redis: Redis) -> None:
    """Announced while the board is away, a file waits as posts do: not tried, and carried in the moment it is back."""
    async with open_space(redis_url, worker=False, files=True, nexudus_timeout=1, longest_wait=600) as space:
        bridge = space.bridge
        closed = bridge.desk.installation.is_closed
        delivering = asyncio.create_task(bridge.delivery.run(closed))
        await post(space, picture(space))
        await until(lambda: space.threads)
        # As if another process were asking, for the three seconds until it dies.
        await redis.set(bridge.outbox.key("asking"), "another", px=3000)
        await redis.set(bridge.outbox.key("away"), 1, ex=60)
        carried = asyncio.create_task(bridge.carrying.run(closed))

        async def held() -> bool:
            return bool(await redis.scard(bridge.outbox.key("attach:board")))

        await until_async(held)
        assert not adds(space)
        assert states(await ended(space)) == {"plan.png": "added"}
        for task in (delivering, carried):
            task.cancel()
        await asyncio.gather(delivering, carried, return_exceptions=True)


async def test_a_redirect_to_nowhere_ends_the_file(space: Space) -> None:
    """An address that is none: the file stays at once, and its neighbour crosses."""
    await post(space, picture(space, elsewhere="http://["), picture(space, "F2", "b.png"))
    assert states(await ended(space)) == {"plan.png": "elsewhere", "b.png": "added"}


# ── nothing twice ────────────────────────────────────────────────────────────


async def test_a_neighbour_hurries_no_look(redis_url: str, redis: Redis) -> None:
    """Lists lag, so two looks within moments are one look: another file that is tried every second brings the second
    one forward by nothing. Hung up after it was added, and listed late: it is found, not added again.
    """
    async with open_space(
        redis_url, files=True, nexudus_timeout=0.2, nexudus_search_lag=2.5, longest_wait=0.3
    ) as space:
        space.board.search_lag = 3.6
        space.board.misbehave(Fault.HANGUP_AFTER, on=ADD)
        await post(space, picture(space), picture(space, "F2", "b.png", status=503))
        await asyncio.sleep(4)
        space.workspace.files["F2"].status = 200
        assert states(await ended(space)) == {"plan.png": "added", "b.png": "added"}
        assert names(space) == ["b.png", "plan.png"]
        *_, first, second = [each.at for each in space.board.seen(LOOK)]
        assert second - first > 2.4


async def test_what_the_board_carries_out_late_finds_no_file(space: Space) -> None:
    """Held back for longer than both looks: the second asking adds the file, the first one finds no file any more."""
    space.board.misbehave(Fault.LATE, on=ADD, value=4.5)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "added"}
    await until(lambda: len(space.board.contents) == 2)
    assert sorted(each.status_code for each in space.board.contents.values()) == [200, 404]


async def test_a_file_under_another_name_is_not_added_again(space: Space) -> None:
    """The board fetched every byte and lists a name that we never gave: only somebody who looks can tell."""
    space.board.misbehave(Fault.HANGUP_AFTER, on=ADD)
    await space.sender.message_shortcut(ANA, message(picture(space)))
    sending = asyncio.create_task(space.sender.submit(space.view()["id"], {"subject": "Plan"}))
    for record in await until(lambda: list(space.board.files.values())):
        record["Name"] = "renamed.png"
    await sending
    assert states(await ended(space)) == {"plan.png": "doubt"}
    assert len(adds(space)) == 1


async def test_half_a_list_proves_nothing(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is cut short never leads to a second add; in the end it is told as in doubt."""
    monkeypatch.setattr(carrying, "PATIENCE", 4.0)
    space.board.misbehave(Fault.HANGUP_BEFORE, on=ADD)
    await space.sender.message_shortcut(ANA, message(picture(space)))
    sending = asyncio.create_task(space.sender.submit(space.view()["id"], {"subject": "Plan"}))
    await until(lambda: adds(space))
    monkeypatch.setattr("bridge.nexudus.client._PAGES", 1)
    monkeypatch.setattr("bridge.nexudus.client._PAGE_SIZE", 1)
    space.board.unfiltered = True
    space.board.files |= {n: {"Id": n, "CommunityThreadId": 1, "Name": f"{n}.png"} for n in (7, 8)}
    await sending
    assert states(await ended(space)) == {"plan.png": "doubt"}
    assert len(adds(space)) == 1


# ── told rightly ─────────────────────────────────────────────────────────────


async def test_a_no_after_a_doubt_is_told_as_a_doubt(space: Space) -> None:
    """The second asking is refused, and the first may have worked all the same: nobody is told that it did not."""
    space.board.misbehave(Fault.SILENT_BEFORE, on=ADD)
    space.board.misbehave(Fault.UNSUCCESSFUL, on=ADD)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "doubt"}


async def test_a_bridge_that_was_away_tries_once_all_the_same(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Down for longer than a file is tried: what was never tried is no board's fault, and crosses."""
    monkeypatch.setattr(carrying, "PATIENCE", 0.0)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "added"}


async def test_what_arrived_while_bridge_was_away_counts(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the board was asked, and back after all patience: one look more, and the file is found."""
    space.board.misbehave(Fault.LATE, on=ADD, value=0.2)
    await space.sender.message_shortcut(ANA, message(picture(space)))
    sending = asyncio.create_task(space.sender.submit(space.view()["id"], {"subject": "Plan"}))
    await until(lambda: space.board.seen(ADD))
    await space.stop_worker()
    await sending
    await until(lambda: space.board.contents)
    monkeypatch.setattr(carrying, "PATIENCE", 0.0)
    space.start_worker()
    assert states(await ended(space)) == {"plan.png": "added"}
    assert len(adds(space)) == 1


async def test_what_stays_is_not_served_any_more(space: Space) -> None:
    """The person was told that it stays in Slack: nobody with its token gets it after that."""
    space.board.misbehave(Fault.UNSUCCESSFUL, on=ADD)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "board"}
    async with httpx.AsyncClient() as client:
        assert (await client.get(adds(space)[0]["NewFileDataUrl"])).status_code == 404
