"""Posts that wait under another account: who changes the API user hears of them, and can carry them."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from bridge import running, wiring
from bridge.outbox.ledger import Outbox
from bridge.settings.environment import prefix_of
from bridge.store import other_accounts
from bridge.store.client import connect
from bridge.store.embedded import embedded
from tests.support.clinic import Clinic
from tests.support.commanding import Environment, bridge, command, environment, put
from tests.support.space import ANA, PASSWORD, Space, until, until_async

OLD = "36e1f31d5e3a"
REMEDY = f"to carry them, set BRIDGE_ACCOUNT={OLD}, or put the old name back"


def outbox_of(redis: Redis, account: str = OLD) -> Outbox:
    return Outbox(redis, redis, prefix_of(account), lease=4, keep=3600, per_hour=20)


async def left_behind(redis: Redis, *, overdue: float = 90) -> None:
    """A post of another account, due since so many seconds."""
    outbox = outbox_of(redis)
    await redis.zincrby(outbox.key("due"), -overdue * 1000, await put(outbox))


def own_store(space: Space, folder: Path) -> Environment:
    return environment(space.settings, BRIDGE_DATA=str(folder)) | {"REDIS_URL": None}


# ── the list ─────────────────────────────────────────────────────────────────


async def test_the_list_says_that_posts_wait_under_another_account(resting: Space, redis: Redis) -> None:
    """After another API user was set, "nothing waits" would be taken for the whole truth."""
    await left_behind(redis)

    own, other = (await bridge(resting, "outbox", "list")).stdout.strip().split("\n\n")

    assert own == "Nothing waits under this account, and nothing has failed."
    assert other.startswith(f"1 post waits under another account in this store ({OLD}, made with another NEXUDUS_USER")
    assert other.endswith(f": {REMEDY}; not if a bridge of that account still runs.")
    machines = await bridge(resting, "outbox", "list", "--json")
    assert (json.loads(machines.stdout), machines.stderr.strip()) == ([], other)


async def test_what_another_bridge_carries_is_no_alarm(resting: Space, redis: Redis) -> None:
    """Two bridges may share a Redis: nobody is led to carry the other one's posts, perhaps to another board."""
    await left_behind(redis, overdue=0)

    said = (await bridge(resting, "outbox", "list")).stdout

    assert "they are not overdue, so a bridge of their own may carry them" in said
    assert "BRIDGE_ACCOUNT=" not in said


async def test_in_a_store_of_ones_own_nobody_else_carries_them(resting: Space, tmp_path: Path) -> None:
    """The embedded store has one process, so what waits there under another name waits for ever: not only overdue."""
    folder = tmp_path / "kept"
    with embedded(folder) as url:
        client = connect(url)
        await left_behind(client, overdue=0)
        await client.aclose()

    assert (await command(own_store(resting, folder), "outbox", "list")).stdout.endswith(f": {REMEDY}.\n")


async def test_the_names_of_others_are_not_taken_for_accounts(redis: Redis) -> None:
    """A shared Redis holds any key: one that BRIDGE_ACCOUNT could not name, or that is no queue, is passed over."""
    await redis.zadd("bridge:{two words}:due", {"x": 1})
    await redis.zadd("bridge:{a}:due:b}:due", {"x": 1})
    await redis.set("bridge:{text}:due", 1)
    for number in range(3000):
        redis_key = f"someone:{number}"
        await redis.set(redis_key, 1)
    await left_behind(redis)

    found = await other_accounts.others(redis, prefix_of("mine"), alone=False)

    assert [each.account for each in found] == [OLD]


# ── the doctor ───────────────────────────────────────────────────────────────


async def test_the_doctor_names_the_account_before_it_is_needed(clinic: Clinic) -> None:
    """The hash stands nowhere else, and after the API user was changed nobody can make it again."""
    clinic.board.logins["other@space.example"] = PASSWORD
    (line,) = of_account((await clinic.doctor()).stdout)
    account = line.rpartition("BRIDGE_ACCOUNT=")[2].removesuffix(" into .env")

    (kept,) = of_account((await clinic.doctor(NEXUDUS_USERNAME="other@space.example", BRIDGE_ACCOUNT=account)).stdout)

    assert line.startswith(f"ok  Account: {account}; to change the API user or address while posts wait, first put ")
    assert kept == f"ok  Account: {account}, as BRIDGE_ACCOUNT says; keep that while posts wait"


async def test_the_doctor_hints_at_what_nobody_takes(clinic: Clinic, redis: Redis) -> None:
    """In a shared Redis it may be another bridge's that is merely slow: no failure."""
    await left_behind(redis)
    result = await clinic.doctor()

    _, hint = of_account(result.stdout)

    assert (result.exit_code, hint.startswith("--  Account: 1 post waits under another account")) == (0, True)
    assert f" → {REMEDY}" in hint


async def test_the_doctor_says_no_where_they_are_surely_left_behind(clinic: Clinic, tmp_path: Path) -> None:
    """In the embedded store no other bridge takes them, so that does not hold."""
    with embedded(tmp_path / "kept") as url:
        client = connect(url)
        await left_behind(client, overdue=0)
        await client.aclose()

    result = await clinic.doctor(REDIS_URL=None, BRIDGE_DATA=str(tmp_path / "kept"))

    assert result.exit_code == 1
    assert of_account(result.stdout)[1].startswith("no  Account: 1 post waits under another account")


def of_account(printed: str) -> list[str]:
    return [each for each in printed.splitlines() if each[4:].startswith("Account: ")]


# ── the start ────────────────────────────────────────────────────────────────


async def test_the_start_says_it_once_somebody_should_have_taken_them(
    resting: Space, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line in the log; after a restart a post often waits for its next try, so it is not overdue at once."""
    monkeypatch.setattr(other_accounts, "OVERDUE", 0.5)
    await left_behind(redis, overdue=0)

    with structlog.testing.capture_logs() as log:
        await other_accounts.warn(redis, resting.settings.prefix, alone=False)

    ((event, account, remedy),) = [(each["event"], each["account"], each["remedy"]) for each in log]
    assert (event, account, remedy.startswith(REMEDY)) == ("another_account_waits", OLD, True)


async def test_the_start_is_silent_about_a_bridge_that_works(
    resting: Space, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is claimed meanwhile is somebody's."""
    monkeypatch.setattr(other_accounts, "OVERDUE", 0.5)
    await left_behind(redis, overdue=0)

    with structlog.testing.capture_logs() as log:
        looking = asyncio.create_task(other_accounts.warn(redis, resting.settings.prefix, alone=False))
        await asyncio.sleep(0.2)
        await outbox_of(redis).claim()
        await looking

    assert log == []


async def test_a_worker_says_so_when_it_starts(resting: Space, redis: Redis) -> None:
    """Beside its work, in the process of `bridge run` as of `bridge worker`."""
    await left_behind(redis)
    stop = asyncio.Event()

    with structlog.testing.capture_logs() as log:
        work = asyncio.create_task(running.run(resting.bridge, web=False, worker=True, listening=None, stop=stop))
        await until(lambda: any(each["event"] == "another_account_waits" for each in log))
        stop.set()
        await work


# ── the way out ──────────────────────────────────────────────────────────────


async def test_another_user_carries_what_waits_under_the_account(resting: Space, redis_url: str, redis: Redis) -> None:
    """The locked user's posts cross under another login, once BRIDGE_ACCOUNT names the account that they wait in.

    The old login stays turned down: nothing of it, neither its refusal nor its tokens, stands in the new one's way.
    """
    space = resting
    space.board.logins["api@space.example"] = "locked"
    await space.sender.command(ANA, "post Lunch | Who joins?")
    space.start_worker()
    await until_async(space.bridge.login_refused)
    await space.stop_worker()
    space.board.logins["other@space.example"] = PASSWORD
    more: dict[str, Any] = {"nexudus_username": "other@space.example", "bridge_account": space.settings.account}
    settings = space.settings.model_copy(update=more)

    async with wiring.build(settings, redis_url) as other:
        later = replace(space, bridge=other, settings=settings)
        later.start_worker()
        assert await other.board.tokens.refused() is None
        ((id_, _),) = [each async for each in other.outbox.listing()]
        await other.outbox.retry(id_)
        await until(lambda: space.threads)
        await until(lambda: any("osted" in each for each in space.heard(ANA)))
        await later.stop_worker()

    assert [each["Subject"] for each in space.threads] == ["Lunch"]
