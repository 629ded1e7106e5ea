"""Who somebody is, is their Slack id: the team that a payload names differs with where in an organisation they act."""

import time

import pytest

from bridge.language import sentences
from bridge.post.draft import Draft, Origin
from bridge.telling import blocks
from tests.support.space import ANA, BEN, Space, until_async

SISTER = "T0SISTER"


@pytest.fixture
async def grid(space: Space) -> Space:
    """Our workspace belongs to an organisation, in which Ana acts from a sister workspace, too."""
    space.workspace.users[ANA]["enterprise_user"] = {"enterprise_id": "E1", "teams": [space.workspace.team_id, SISTER]}
    space.bridge.desk.api._home = (space.workspace.team_id, "E1")
    return space


async def state(space: Space, id_: str) -> str:
    entry = await space.bridge.outbox.get(id_)
    return entry.state if entry else ""


async def waiting(space: Space, team: str) -> str:
    """A post that waits, asked for with this team."""
    await space.stop_worker()
    origin = Origin(team, ANA, time.time(), channel="C1")
    return (await space.bridge.outbox.put(f"k{time.time_ns()}", Draft(origin, "Soup", ({"mrkdwn": "m"},)))).id


@pytest.mark.parametrize(("first", "then"), [("T0BRIDGE", SISTER), (SISTER, "T0BRIDGE")])
async def test_status_shows_a_persons_posts_whatever_team_is_named(grid: Space, first: str, then: str) -> None:
    """Posted from one workspace of the organisation, and asked about from another."""
    id_ = await waiting(grid, first)

    assert id_ in (await grid.sender.command(ANA, "status", team_id=then)).text
    assert id_ not in (await grid.sender.command(BEN, "status", team_id=then)).text


@pytest.mark.parametrize(("first", "then"), [("T0BRIDGE", SISTER), (SISTER, "T0BRIDGE")])
async def test_cancel_works_whatever_team_is_named(grid: Space, first: str, then: str) -> None:
    """The button is pressed from another workspace of the organisation; somebody else's press does nothing still."""
    id_ = await waiting(grid, first)
    press = {"channel": "C1", "blocks": [{"type": "actions", "elements": [blocks.button("x", blocks.CANCEL, id_)]}]}
    await grid.sender.press(press, blocks.CANCEL, user=BEN)
    await until_async(lambda: _said(grid, sentences.GONE))
    assert await state(grid, id_) == "kept"

    grid.workspace.users[ANA]["team_id"] = then
    await grid.sender.press(press, blocks.CANCEL, user=ANA)

    await until_async(lambda: _is(grid, id_, "cancelled"))


async def _said(space: Space, text: str) -> bool:
    return text in space.heard(BEN)


async def _is(space: Space, id_: str, wanted: str) -> bool:
    return await state(space, id_) == wanted


async def test_what_an_older_bridge_listed_by_team_is_found(grid: Space) -> None:
    """Its lists have a team in their names; they are read beside the new one, from home and from a sister."""
    ids = [await waiting(grid, grid.workspace.team_id) for _ in range(3)]
    redis, prefix = grid.redis, grid.settings.prefix
    await redis.rename(f"{prefix}mine:{ANA}", f"{prefix}mine:{grid.workspace.team_id}:{ANA}")
    ids.append(await waiting(grid, SISTER))

    for team in (grid.workspace.team_id, SISTER):
        shown = (await grid.sender.command(ANA, "status", team_id=team)).text
        places = [shown.index(id_) for id_ in ids]
        assert places == sorted(places, reverse=True), "newest first"


async def test_a_foreign_workspace_still_gets_nothing(space: Space) -> None:
    """Without an organisation another team is another workspace: the gate stays as it is."""
    id_ = await waiting(space, space.workspace.team_id)

    reply = await space.sender.command(ANA, "status", team_id=SISTER)

    assert sentences.FOREIGN in reply.text
    assert id_ not in reply.text


async def test_the_hourly_limit_counts_a_person_once(grid: Space) -> None:
    """Whoever acts from two workspaces has one limit, not two."""
    outbox = grid.bridge.outbox
    for team in (grid.workspace.team_id, SISTER):
        await waiting(grid, team)
    assert await grid.redis.zcard(outbox.mine_key(ANA)) == 2
