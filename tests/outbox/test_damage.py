"""What is damaged, or was written by another version, costs its own record at most, and is said to the operator."""

import asyncio
import json
import time
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.delivery import decision
from bridge.files.queue import FileQueue
from bridge.form.stash import Stash
from bridge.outbox.ledger import Outbox
from bridge.outbox.worker import Work, Worker
from bridge.post.draft import Draft, Origin, Outcome
from bridge.post.entry import Entry
from tests.support.commanding import TEAM, bridge, draft, end, mark_as_sending, put
from tests.support.space import ANA, BEN, Space, open_space, until, until_async

DAMAGES: dict[str, dict[str, Any]] = {
    "a number without end": {"kept": "1" + "0" * 400},
    "a draft without bottom": {"draft": "[" * 200_000},
    "bytes that are no text": {"kept": b"\xff\xfe"},
    "a draft that is a list": {"draft": "[1]"},
    "an origin that is a word": {"draft": '{"origin": "asked_at", "subject": "Lunch", "message": []}'},
}


# A posting that no sentence can be made of.
BROKEN_OUTCOME = json.dumps({"ending": "posted", "reason": "too_long", "detail": [], "thread": 1})


async def write(outbox: Outbox, id_: str, **fields: str | bytes | int) -> None:
    for name, value in fields.items():
        await outbox.redis.hset(outbox.record_key(id_), name, value)


# ── records ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fields", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_record_stops_no_worker(space: Space, fields: dict[str, Any]) -> None:
    """Whatever stands in one record: it is set aside for the operator, and the next person's post arrives."""
    await space.stop_worker()
    outbox = space.bridge.outbox
    id_ = await put(outbox)
    await write(outbox, id_, **fields)

    space.start_worker()
    await space.sender.command(BEN, "post Dinner | Beans")

    await until(lambda: [each["Subject"] for each in space.threads] == ["Dinner"])
    assert await outbox.redis.zscore(outbox.key("failed"), id_)
    assert space.worker and not space.worker.done()


async def test_bytes_that_are_no_text_cost_their_field_at_most(space: Space) -> None:
    """Half a character in a field that nobody reads keeps no post back."""
    await space.stop_worker()
    outbox = space.bridge.outbox
    await outbox.redis.hset(outbox.record_key(await put(outbox)), "another", b"\xff\xfe")

    space.start_worker()

    await until(lambda: [each["Subject"] for each in space.threads] == ["Lunch"])


@pytest.mark.parametrize("fields", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_record_stops_no_files(resting: Space, fields: dict[str, Any]) -> None:
    """In the queue of files too: set aside, and the queue goes on."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    await write(outbox, id_, **fields)
    await outbox.redis.zadd(outbox.key("attach"), {id_: 1})

    box = FileQueue.of(outbox).outbox

    assert (await box.claim(), await box.claim()) == (0.0, -1.0)
    assert await outbox.redis.zscore(outbox.key("failed"), id_)


class Breaking(Outbox):
    """A queue whose first claims end in what nobody thought of."""

    async def claim(self) -> Entry | float:
        if await self.redis.incr(self.key("claims")) < 3:
            raise ArithmeticError("Ana wrote: Lunch")
        await self.redis.set(self.key("done"), 1)
        return -1.0


async def test_a_claim_that_breaks_ends_no_process(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a claim raises, the worker claims again; the log has the error's type, and none of its words."""
    queue, stopping = Breaking(redis, redis, "breaking:", 1.0, 60, 20), asyncio.Event()

    async def attempt(_: Entry) -> None: ...

    async def is_closed() -> bool:
        return False

    working = asyncio.create_task(Worker([Work(queue, attempt, "posts", 1, stopping)]).run(is_closed))
    await until_async(lambda: redis.exists(queue.key("done")), 5)
    stopping.set()
    await working

    said = capsys.readouterr().out
    assert said.count("ArithmeticError") == 1 and "Ana wrote" not in said


# ── other versions ───────────────────────────────────────────────────────────


async def test_what_a_newer_version_added_is_passed_over(space: Space) -> None:
    """After a rollback every kept post is delivered: neither its draft, its origin nor an outcome may know too much."""
    await space.stop_worker()
    outbox = space.bridge.outbox
    id_ = await put(outbox)
    text = json.loads(draft().to_json())
    newer = text | {"later": 1, "origin": text["origin"] | {"later": 1}}
    await outbox.redis.hset(outbox.record_key(id_), "draft", json.dumps(newer))

    space.start_worker()

    await until(lambda: [each["Subject"] for each in space.threads] == ["Lunch"])
    told = json.loads(Outcome("posted", thread=1).to_json()) | {"later": 1}
    assert Outcome.from_json(json.dumps(told)) == Outcome("posted", thread=1)


async def test_a_post_that_cannot_be_read_is_listed(resting: Space) -> None:
    """No reference disappears: the list names it with the way out, and so does every command about it."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    await outbox.redis.hset(outbox.record_key(id_), "draft", "{}")
    said = (
        f"{id_} is kept, but this version of bridge cannot read it: start the version that wrote it, then "
        f"`bridge outbox retry {id_}`.\n"
    )
    for _ in range(2):
        assert (await bridge(resting, "outbox", "list")).stdout == said
        (listed,) = json.loads((await bridge(resting, "outbox", "list", "--json")).stdout)
        assert (listed["reference"], listed["state"]) == (id_, "unreadable")
        for verb in ("show", "retry", "drop"):
            shown = await bridge(resting, "outbox", verb, id_)
            assert (shown.stdout, shown.exit_code) == (said, 1)
        assert await outbox.claim() in (0.0, -1.0)  # from now on it is set aside
    await resting.bridge.measure()
    assert (await outbox.redis.zcard(outbox.key("failed")), await outbox.redis.zcard(outbox.key("due"))) == (1, 0)


# ── look-ups ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["not json", "[" * 200_000, b"\xff"])
async def test_a_damaged_look_up_is_looked_up_again(space: Space, text: str | bytes) -> None:
    """What was remembered and cannot be read is not remembered: nobody's command fails, and it is overwritten."""
    key = f"{space.settings.prefix}locations"
    await space.redis.set(key, text)

    whoami = await space.sender.command(BEN, "whoami")
    posted = await space.sender.command(BEN, "post Dinner | Beans")

    assert (whoami.status, posted.status) == (200, 200)
    await until(lambda: [each["Subject"] for each in space.threads] == ["Dinner"])
    assert json.loads(str(await space.redis.get(key)))


@pytest.mark.parametrize("text", ["not json", "[" * 200_000, "[1]"])
async def test_a_damaged_original_is_none(resting: Space, text: str) -> None:
    """What a form was opened on and cannot be read counts as gone, which the form can say."""
    originals = Stash(resting.redis, resting.settings.prefix, b"key")
    name = str(await originals.keep(ANA, {"text": "Soup"}))
    assert await originals.read(name) == {"text": "Soup"}
    await resting.redis.set(resting.settings.prefix + name, text, ex=60)
    assert await originals.read(name) is None


@pytest.mark.parametrize("text", ["not json", "[" * 200_000])
async def test_a_damaged_file_is_not_found(redis_url: str, redis: Redis, text: str) -> None:
    """A token that stands for nothing readable is a token that stands for nothing."""
    async with open_space(redis_url, files=True, worker=False) as space:
        token = "t" * 43
        await redis.set(f"{space.settings.prefix}file:{token}", text, ex=60)
        assert (await space.sender.client.get(f"{space.url}/files/{token}")).status_code == 404


# ── what never ends ──────────────────────────────────────────────────────────


async def test_a_late_look_without_words_is_the_last(resting: Space) -> None:
    """Ended in doubt, its words erased since: there is nothing to look for, so the record comes to rest."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    await mark_as_sending(outbox.redis, resting, id_)
    await end(outbox, Outcome("unsure", "erased"))
    await outbox.redis.zadd(outbox.key("due"), {id_: 1})

    resting.start_worker()

    await until_async(lambda: is_at_rest(resting, id_))


async def test_a_doubt_without_words_is_looked_for_no_more(resting: Space) -> None:
    """Told as in doubt when nothing is left to look by: told once, and no look is due later."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    await mark_as_sending(outbox.redis, resting, id_)

    resting.start_worker()

    await until_async(lambda: is_at_rest(resting, id_))
    entry = await outbox.get(id_)
    assert entry and entry.outcome and (entry.outcome.ending, entry.outcome.reason) == ("unsure", "erased")


async def test_a_late_look_that_breaks_ends(resting: Space) -> None:
    """A look that raises whatever it likes is given up as a post is that kills its worker."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    await mark_as_sending(outbox.redis, resting, id_)
    await end(outbox, Outcome("unsure", "patience"))
    await write(outbox, id_, body=json.dumps({"Subject": "Lunch"}), stuck=decision.MOST_STUCK)
    await outbox.redis.zadd(outbox.key("due"), {id_: 1})

    resting.start_worker()

    await until_async(lambda: is_at_rest(resting, id_))


async def test_what_cannot_be_told_ends_as_untold(resting: Space) -> None:
    """An outcome whose telling breaks each time is given up after five times, and stands among what failed."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    entry = await outbox.claim()
    assert isinstance(entry, Entry)
    await outbox.settle(entry, Outcome("refused", "too_long"))
    await write(outbox, id_, outcome=BROKEN_OUTCOME, stuck=decision.MOST_STUCK - 1)
    await outbox.redis.zadd(outbox.key("due"), {id_: 1})

    resting.start_worker()
    await until_async(lambda: has_broken(resting, id_))
    await outbox.redis.zadd(outbox.key("due"), {id_: 1})

    await until_async(lambda: is_at_rest(resting, id_))
    assert await outbox.redis.hget(outbox.record_key(id_), "told") == "untold"
    assert await outbox.redis.zscore(outbox.key("failed"), id_)


async def test_files_whose_telling_breaks_leave_their_queue(redis_url: str, redis: Redis) -> None:
    """The second word about files is given up too when it breaks each time."""
    async with open_space(redis_url, files=True, worker=False) as space:
        outbox = space.bridge.outbox
        id_ = await put(outbox)
        entry = await outbox.claim()
        assert isinstance(entry, Entry)
        await outbox.settle(entry, Outcome("posted", thread=1))
        await outbox.told(entry, "form")
        files = json.dumps([{"id": "F1", "name": "plan.png", "state": "stays", "reason": "gone"}])
        await write(outbox, id_, files=files, told_early=1, attach_stuck=decision.MOST_STUCK)
        await write(outbox, id_, outcome=BROKEN_OUTCOME)
        await outbox.redis.zadd(outbox.key("attach"), {id_: 1})

        space.start_worker()

        await until_async(lambda: is_empty(space, "attach"))


async def is_at_rest(space: Space, id_: str) -> bool:
    """Told, and due no more."""
    outbox = space.bridge.outbox
    told = await outbox.redis.hget(outbox.record_key(id_), "told")
    return bool(told) and await outbox.redis.zscore(outbox.key("due"), id_) is None


async def has_broken(space: Space, id_: str) -> bool:
    return bool(await space.redis.hget(space.bridge.outbox.record_key(id_), "last_error"))


async def is_empty(space: Space, queue: str) -> bool:
    return not await space.redis.zcard(space.bridge.outbox.key(queue))


async def test_a_late_look_that_loses_its_thread_says_nothing(resting: Space) -> None:
    """What it finds is another draft's by now: the person, who knows of the doubt, is not told of it again."""
    outbox, origin = resting.bridge.outbox, Origin(TEAM, ANA, time.time())
    id_ = await put(outbox, of=Draft(origin, "Lunch", ({"mrkdwn": "Soup"},)))
    await mark_as_sending(outbox.redis, resting, id_)
    await end(outbox, Outcome("unsure", "patience"))
    await outbox.redis.set(outbox.key("held:77"), "another-1", ex=60)
    await outbox.redis.zadd(outbox.key("due"), {id_: 1})
    entry = await outbox.claim()
    assert isinstance(entry, Entry)

    await resting.bridge.delivery._adopt(entry, 77, late=True)

    assert resting.heard(ANA) == []
    after = await outbox.get(id_)
    assert after and after.outcome and (after.outcome.reason, after.told) == ("patience", "message")
    assert await is_at_rest(resting, id_)
