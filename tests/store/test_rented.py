"""A whole space on a Redis as it is rented: its roles swapped behind one address, and with few connections."""

import asyncio
import time
from pathlib import Path

import httpx
from structlog.testing import capture_logs

from bridge.demo.slack.sender import Reply
from tests.support.redises import address, follows, in_step, redis_server
from tests.support.space import ANA, answer_text, open_space, until


async def test_a_failover_behind_one_address_needs_no_restart(tmp_path: Path) -> None:
    """The old primary is a replica now and keeps every connection open: what comes next is kept, posted and told."""
    with redis_server(tmp_path / "a") as old, redis_server(tmp_path / "b") as new:
        await follows(new, old)
        await in_step(new)
        async with address(old.port) as shown, open_space(f"redis://127.0.0.1:{shown.at}/0") as space:
            await asyncio.gather(*(space.sender.command(ANA, f"post Before {n} | up") for n in range(5)))
            await until(lambda: len(space.threads) == 5)

            with capture_logs() as logged:
                await follows(new, None)
                shown.port = new.port
                await follows(old, new)
                began = time.monotonic()
                replies = await asyncio.gather(*(space.sender.command(ANA, f"post After {n} | up") for n in range(5)))
                await until(lambda: len(space.threads) == 10, 15)
                async with httpx.AsyncClient() as http:
                    assert (await http.get(f"{space.url}/readyz")).status_code == 200

            assert time.monotonic() - began < 15
            assert [answer_text(each) for each in replies if "ot kept" in answer_text(each) or each.status != 200] == []
            assert sorted(each["Subject"] for each in space.threads)[:5] == [f"After {n}" for n in range(5)]
            said = [each["kind"] for each in logged if each["event"] == "redis_trouble"]
            assert len(said) == len(set(said))


async def test_many_at_once_on_a_small_plan(tmp_path: Path) -> None:
    """Two processes' worth on a Redis with 20 connections, many people at once from cold: nothing is refused.

    Fifty of them, on real processes: `python -m tests.field rented`.
    """
    with redis_server(tmp_path, "--maxclients", "20") as server:
        async with open_space(server.url, worker=False) as web, open_space(server.url):
            people = [f"U0{n:03}" for n in range(20)]
            for n, each in enumerate(people):
                web.workspace.add_user(each, f"Person {n}", f"person{n}@space.example")
            replies: list[Reply] = await asyncio.gather(
                *(web.sender.command(each, "post Lunch | Who joins?") for each in people)
            )
            most = len(str(await server.tell("CLIENT", "LIST")).splitlines()) - 1
            due = await web.redis.zcard(f"{web.settings.prefix}due")

    assert [answer_text(each) for each in replies if "ot kept" in answer_text(each)] == []
    assert most <= 12
    assert due == len(people)


async def test_what_went_unanswered_is_told_as_in_doubt(tmp_path: Path) -> None:
    """Redis took it and the answer was lost: "may not have been kept" is right, because it was."""
    with redis_server(tmp_path) as server:
        async with (
            address(server.port) as shown,
            open_space(f"redis://127.0.0.1:{shown.at}/0", worker=False) as space,
        ):
            await space.sender.command(ANA, "post First | so that Redis knows the scripts")
            await space.sender.global_shortcut(ANA)
            shown.lost = b"Who joins?"
            reply, sent = await asyncio.gather(
                space.sender.command(ANA, "post Lunch | Who joins?"),
                space.sender.submit(space.view()["id"], {"subject": "Dinner", "message": "Who joins?"}),
            )
            kept = [entry async for _, entry in space.bridge.outbox.listing()]

    assert answer_text(reply).startswith("*May not have been kept.* We cannot be sure")
    assert sent.errors["message"].startswith("We cannot be sure that your post was kept. Your words stay here")
    assert sorted(each.draft.subject for each in kept if each) == ["Dinner", "First", "Lunch"]
