"""Forgetting somebody: the real command, and a look at everything that Redis holds afterwards."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.operator.erasure import Erased
from bridge.operator.personal_data import Person, read, write
from bridge.post.draft import Draft, Origin, Outcome
from bridge.store.embedded import embedded
from tests.support import keys
from tests.support.commanding import TEAM, bridge, command, draft, end, environment, mark_as_sending, put
from tests.support.space import ANA, BEN, CARL, HALL, Space, open_space, until, until_async


async def everything(redis: Redis) -> str:
    """Every key and every value of the server, as one text."""
    told = []
    async for key in redis.scan_iter():
        kind = await redis.type(key)
        read: Any = {"string": redis.get, "hash": redis.hgetall, "zset": lambda k: redis.zrange(k, 0, -1)}
        value = await read[kind](key) if kind in read else await redis.lrange(key, 0, -1)
        told.append(f"{key} {value}")
    return "\n".join(told)


async def test_erase_leaves_no_trace_of_a_person(resting: Space, redis: Redis) -> None:
    """Afterwards no key and no value in Redis holds the person's id: waiting, posted, mapped, mentioned or invited."""
    outbox = resting.bridge.outbox
    await put(outbox, "posted")
    await end(outbox, Outcome("posted", thread=5, link="https://board.example/5"))
    mentions = Draft(replace(draft(BEN).origin, message_ts=None), "Hi", ({"mrkdwn": f"Hello <@{ANA}>"},), guests=(ANA,))
    others = await put(outbox, "other", replace(mentions, credit=ANA))
    await end(outbox, Outcome("refused", "unknown"))
    await put(outbox, "waiting", draft(subject="Dinner"))
    await resting.bridge.desk.places.people.profiles(ANA)
    await redis.set(f"{outbox.prefix}original:1", json.dumps({"text": f"<@{ANA}>"}), ex=100)
    assert ANA in await everything(redis)

    result = await bridge(resting, "erase", ANA, "--yes")

    assert (result.exit_code, result.stdout) == (
        0,
        f"2 kept posts of {ANA} were removed, and what was known of them.\n",
    )
    assert ANA not in await everything(redis)
    kept = await outbox.get(others)
    assert kept is not None
    assert (kept.draft.origin.user, kept.draft.guests, kept.draft.credit) == (BEN, (), None)
    assert not await redis.exists(f"{outbox.prefix}original:1")


async def test_erase_reaches_drafts_that_outlived_their_list(resting: Space, redis: Redis) -> None:
    """A record that is no longer in its person's own list is removed with the others."""
    await put(resting.bridge.outbox)
    await redis.delete(f"{resting.settings.prefix}mine:{TEAM}:{ANA}")

    await bridge(resting, "erase", ANA, "--yes")

    assert ANA not in await everything(redis)


async def test_erase_spares_other_peoples_waiting_posts(resting: Space, redis: Redis) -> None:
    """A post of somebody else that waits is carried as written, and the command says that it names the person."""
    id_ = await put(resting.bridge.outbox, of=draft(BEN, guests=(ANA,)))

    result = await bridge(resting, "erase", ANA, "--yes")

    entry = await resting.bridge.outbox.get(id_)
    assert entry is not None
    assert entry.draft.guests == (ANA,)
    said = f"Nothing of {ANA}'s own was kept. 1 post of others still to be carried names {ANA}"
    assert result.stdout == f"{said}: erase again once it has ended.\n"


async def test_erase_tells_what_was_on_its_way(resting: Space, redis: Redis) -> None:
    """What is being sent may still appear on the board: that is said."""
    id_ = await put(resting.bridge.outbox)
    await mark_as_sending(redis, resting, id_)

    assert "may still appear" in (await bridge(resting, "erase", ANA, "--yes")).stdout


async def test_erase_touches_nobody_else(resting: Space, redis: Redis) -> None:
    """Somebody whose id begins alike keeps everything."""
    longer = await put(resting.bridge.outbox, "a", draft(f"{ANA}2"))
    other = await put(resting.bridge.outbox, "b", draft(CARL))

    await bridge(resting, "erase", ANA, "--yes")

    assert await resting.bridge.outbox.get(longer)
    assert await resting.bridge.outbox.get(other)


async def test_erase_asks_first(resting: Space) -> None:
    """Without --yes a no leaves everything as it is, and a yes removes it."""
    id_ = await put(resting.bridge.outbox)

    refused = await bridge(resting, "erase", ANA, typed="n\n")
    kept = await resting.bridge.outbox.get(id_)
    agreed = await bridge(resting, "erase", ANA, typed="y\n")

    assert (refused.exit_code, agreed.exit_code) == (1, 0)
    assert kept is not None
    assert await resting.bridge.outbox.get(id_) is None


async def test_erase_takes_an_id_only(resting: Space) -> None:
    """A name or half an id is refused before anything is touched."""
    for wrong in ("ana", "@ana", "U", "U0*"):
        assert (await bridge(resting, "erase", wrong, "--yes")).exit_code == 2


@pytest.mark.parametrize(
    ("erased", "said"),
    [
        (Erased(0, 0, 0, known=False), "Nothing was kept about U1."),
        (Erased(0, 0, 0, known=True), "What was known of U1 was removed."),
        (Erased(1, 0, 0, known=False), "1 kept post of U1 was removed."),
        (
            Erased(3, 1, 0, known=False),
            "3 kept posts of U1 were removed. 1 of them was on the way and may still appear",
        ),
        (Erased(3, 2, 0, known=False), "2 of them were on the way and may still appear on the board."),
        (
            Erased(0, 0, 2, known=False),
            "2 posts of others still to be carried name U1: erase again once they have",
        ),
    ],
)
def test_what_was_erased_is_told_in_good_grammar(erased: Erased, said: str) -> None:
    """One or several, something or nothing at all: each has its own sentence."""
    assert said in erased.sentences("U1")


async def test_nothing_kept_is_said(resting: Space) -> None:
    """Somebody whom bridge never heard of: that is the answer, and no count of nothing."""
    result = await bridge(resting, "erase", "U0NOBODY", "--name", "Nobody", "--yes")
    assert result.stdout == "Nothing was kept about U0NOBODY.\n"


async def shared_and_refused(space: Space) -> str:
    """A post by somebody else whose field says Ana's name, as bridge wrote it there; its caches have run out."""
    text = {"rich_text": {"type": "rich_text", "elements": [{"type": "text", "text": "Ask @Ana"}]}}
    id_ = await put(space.bridge.outbox, of=replace(draft(BEN), message=(text,)))
    await end(space.bridge.outbox, Outcome("refused", "unknown"))
    return id_


async def test_a_name_goes_although_nobody_remembers_it(resting: Space, redis: Redis) -> None:
    """bridge itself wrote the name into a form's field; an hour later only Slack can say what the person is called."""
    await shared_and_refused(resting)

    result = await bridge(resting, "erase", ANA, "--yes")

    assert result.stdout == f"What was known of {ANA} was removed.\n"
    assert "Ana" not in await everything(redis)


@pytest.mark.parametrize("error", ["ratelimited", "user_not_found", 503])
async def test_a_name_that_slack_does_not_tell_can_be_given(resting: Space, redis: Redis, error: str | int) -> None:
    """With Slack away, or a person whom it does not show: the command says what it could not look for, and how to."""
    await shared_and_refused(resting)
    resting.workspace.fail("users.info", error, times=None)

    unsure = await bridge(resting, "erase", ANA, "--yes")
    left = await everything(redis)
    await bridge(resting, "erase", ANA, "--name", "Ana", "--yes")

    assert f'bridge erase {ANA} --name "NAME"' in unsure.stdout
    assert "@Ana" in left
    assert "Ana" not in await everything(redis)


# ── everything that one can do ───────────────────────────────────────────────

# The person of these tests: nothing of her could stand anywhere by accident.
QUEENIE, NAME, EMAIL, WORDS = "U0QUEENIE", "Queenie Quark", "queenie@quark.example", "zanzibar"
TRACES = (QUEENIE, "Queenie", "queenie", "quark", "Quark", WORDS, "Zanzibar")


@pytest.fixture
async def lively(redis_url: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Space]:
    """A space at work, with files and whole threads, in which Queenie is a member too."""
    monkeypatch.chdir(tmp_path)
    async with open_space(redis_url, files=True, longest_wait=0.5) as space:
        space.extra["redis_url"] = redis_url
        space.workspace.scopes += ",channels:history"
        space.workspace.add_user(QUEENIE, NAME, EMAIL)
        space.board.add_member(NAME, EMAIL, user_id=177, coworker_id=277, businesses=[HALL])
        space.board.groups[12]["Members"].append(277)
        yield space


def said(number: int, user: str = QUEENIE, text: str = WORDS, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": f"{1700000000 + number}.000100", **more}


def uploaded(space: Space, id_: str) -> dict[str, Any]:
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
    file = space.workspace.add_file(id_, f"{WORDS}.png", "image/png", png)
    return file | {"permalink": f"https://harbour.slack.com/files/{QUEENIE}/{id_}/{WORDS}.png"}


async def form_on(space: Space, user: str, message: dict[str, Any], *, whole: bool = False) -> str:
    await space.sender.message_shortcut(user, message)
    view = str(space.view()["id"])
    if whole:
        await space.sender.choose(view, "thread", "thread", ["thread"])
        await until(lambda: NAME in str(space.workspace.views[view]["blocks"]))
    await asyncio.gather(*space.bridge.desk.tasks)
    return view


async def live_a_little(space: Space) -> None:
    """All that Queenie can do in bridge, and what others do with her words; until everything has ended."""
    send, ours = space.sender, space.workspace
    await send.command(QUEENIE, "whoami")
    await send.command(QUEENIE, f"post {WORDS} | {WORDS} <@{BEN}> #{WORDS}")
    await send.command(QUEENIE, f"half a {WORDS}")
    await send.submit(space.view()["id"], {"subject": WORDS, "message": WORDS})
    own = await form_on(space, QUEENIE, said(1, files=[uploaded(space, "F0QUEEN")]))
    await send.submit(own, {"subject": WORDS})
    talk = ours.add_thread("C1", [said(2), said(3, BEN, f"<@{QUEENIE}>?"), said(4)])
    await send.submit(await form_on(space, QUEENIE, talk, whole=True), {"subject": WORDS})
    # Others: posted, refused because the board does not know them any more, and forms that are still open.
    await send.submit(await form_on(space, BEN, said(5, files=[uploaded(space, "F1QUEEN")])), {"subject": "Shared"})
    await send.submit(await form_on(space, BEN, talk, whole=True), {"subject": "Talk"})
    ours.add_user(CARL, "Carl", "carl@elsewhere.example")
    await space.bridge.desk.places.people.forget(CARL)
    for message, whole in ((said(6), False), (talk, True), (said(7, CARL, f"thanks <@{QUEENIE}>"), False)):
        refused = await form_on(space, CARL, message, whole=whole)
        await send.press(refused, "more_options")
        await asyncio.gather(*space.bridge.desk.tasks)
        await send.submit(refused, {"subject": "No", "guests": [QUEENIE]})
    await form_on(space, BEN, said(8, text=f"{WORDS} " * 800))
    await form_on(space, BEN, talk, whole=True)
    await form_on(space, BEN, said(9, files=[uploaded(space, "F2QUEEN")]))
    await send.command(QUEENIE, "status")
    # Told by no way at all.
    for method in ("views.update", "chat.postEphemeral", "chat.postMessage"):
        ours.fail(method, "channel_not_found", times=None)
    ours.dead_hooks = True
    await send.command(QUEENIE, f"post {WORDS} untold | {WORDS}")


async def test_erase_leaves_nothing_of_somebody_who_did_everything(lively: Space, redis: Redis) -> None:
    """Her id, name, address and words: posted, refused, untold, shared, invited, uploaded, in open forms: all gone."""
    await live_a_little(lively)
    await until_async(lambda: nothing_waits(lively), 20)
    before = await everything(redis)
    kinds = {keys.family(line.split(" ")[0]) for line in before.splitlines() if any(trace in line for trace in TRACES)}
    assert kinds >= {"draft", "form", "source", "mine", "original", "slack", "member", "file"}
    assert kinds <= keys.OF_PEOPLE

    result = await bridge(lively, "erase", QUEENIE, "--yes")

    assert result.exit_code == 0, result.output
    left = [line for line in (await everything(redis)).splitlines() if any(trace in line for trace in TRACES)]
    assert left == []
    assert not [line for line in (await everything(redis)).splitlines() if "277" in line.partition("group:")[2]]


async def nothing_waits(space: Space) -> bool:
    queues = [await space.redis.zcard(f"{space.settings.prefix}{name}") for name in ("due", "attach")]
    return queues == [0, 0]


async def test_an_open_form_says_that_its_message_is_gone(lively: Space, redis: Redis) -> None:
    """Who sends a form about an erased person's words is told so in the form, and nothing is posted."""
    view = await form_on(lively, BEN, said(1, text=f"{WORDS} " * 800))

    await bridge(lively, "erase", QUEENIE, "--yes")

    reply = await lively.sender.submit(view, {"subject": "Shared", "message": "look"})
    assert "do not keep that message any more" in str(reply.errors)
    assert lively.threads == []


async def test_erase_does_not_stumble_over_an_open_reading(lively: Space, redis: Redis) -> None:
    """While somebody reads a thread for a form, the rest is erased as ever."""
    origin = Origin(lively.workspace.team_id, BEN, 0.0, view="V1")
    async with lively.bridge.desk.open_forms.alone(origin):
        result = await bridge(lively, "erase", QUEENIE, "--yes")

    assert result.exit_code == 0, result.output


async def test_files_of_others_that_are_on_their_way_arrive(lively: Space, redis: Redis) -> None:
    """A post is to be carried until its files are: it is left alone and counted, although it is told already."""
    lively.bridge.carrying.stop()
    view = await form_on(lively, BEN, said(1, files=[uploaded(lively, "F1QUEEN")]))
    await lively.sender.submit(view, {"subject": "Shared"})
    await until_async(lambda: redis.zcard(f"{lively.settings.prefix}attach"))

    result = await bridge(lively, "erase", QUEENIE, "--yes")

    assert "1 post of others still to be carried names" in result.stdout
    (entry,) = await lively.bridge.outbox.latest(TEAM, BEN)
    assert [each["id"] for each in entry.files] == ["F1QUEEN"]


async def test_what_lost_its_words_is_never_sent_again(resting: Space, redis: Redis) -> None:
    """An operator's retry of a doubtful post of somebody else, erased in part: not found, not repeated, told."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox, of=draft(BEN, guests=(ANA,)))
    await mark_as_sending(redis, resting, id_)
    await redis.hset(f"{outbox.prefix}draft:{id_}", "body", json.dumps({"Message": "with Ana"}))
    await end(outbox, Outcome("unsure", "sent_often"))
    await bridge(resting, "erase", ANA, "--yes")
    assert "Ana" not in await everything(redis)

    assert (await bridge(resting, "outbox", "retry", id_)).exit_code == 0
    resting.start_worker()

    async def ended() -> bool:
        entry = await outbox.get(id_)
        return entry is not None and entry.outcome is not None and entry.outcome.reason == "erased"

    await until_async(ended)
    assert resting.threads == []


async def test_who_could_not_be_invited_is_not_named_any_more(resting: Space, redis: Redis) -> None:
    """A refusal names guests as Slack calls them, which no id tells: whoever it was is someone now."""
    id_ = await put(resting.bridge.outbox, of=draft(BEN, guests=(ANA,)))
    await end(resting.bridge.outbox, Outcome("refused", "guests_unmapped", "guests", {"who": ["Ana"]}))

    await bridge(resting, "erase", ANA, "--yes")

    entry = await resting.bridge.outbox.get(id_)
    assert entry is not None
    assert entry.outcome is not None
    assert entry.outcome.detail == {"who": ["someone"]}


async def test_the_words_of_a_credited_message_are_its_authors(resting: Space, redis: Redis) -> None:
    """Shared by somebody else and refused, they go with the title; on the board the title is the sharer's."""
    shared = replace(draft(BEN, "Ana's soup", credit=ANA, left=("soup.pdf",)), tags=("soup",))
    refused = await put(resting.bridge.outbox, "a", shared)
    await end(resting.bridge.outbox, Outcome("refused", "unknown"))
    posted = await put(resting.bridge.outbox, "b", shared)
    await end(resting.bridge.outbox, Outcome("posted", thread=5), way="untold")

    await bridge(resting, "erase", ANA, "--yes")

    entries = [await resting.bridge.outbox.get(each) for each in (refused, posted)]
    assert [each and (each.draft.subject, each.draft.message, each.draft.left) for each in entries] == [
        ("(removed)", (), ()),
        ("Ana's soup", (), ()),
    ]


async def test_what_another_version_wrote_stops_no_erasing(resting: Space, redis: Redis) -> None:
    """Records, originals and files that cannot be read are looked through all the same, as text."""
    prefix = resting.settings.prefix
    await redis.hset(f"{prefix}draft:x-1", mapping={"id": "x-1", "state": "new", "draft": f"<{ANA}"})
    await redis.hset(f"{prefix}draft:x-2", mapping={"id": "x-2", "draft": json.dumps([ANA, {"user": ANA}])})
    await redis.set(f"{prefix}original:x", f"{{{ANA}", ex=100)
    await redis.set(f"{prefix}file:x", "[", ex=100)

    result = await bridge(resting, "erase", ANA, "--yes")
    await redis.delete(f"{prefix}draft:x-1", f"{prefix}draft:x-2")

    assert result.exit_code == 0, result.exception
    assert ANA not in await everything(redis)


@pytest.mark.parametrize("text", ['"\\u0055123"', '"\\nU123"', '"\\u00e9U123"', '["a", {"U123": 1}]', "é<@U123>"])
def test_no_escape_hides_a_person(text: str) -> None:
    """JSON may write any character as an escape, and an escape's last letter is part of no id."""
    person = Person("U123")
    assert person.is_in(text)
    assert not person.is_in(write(person.without(read(text))))


@pytest.mark.parametrize("text", ['"U1234"', '"XU123"', '"u123"', '"@Ann"', '"Ana"'])
def test_nobody_else_is_taken_for_a_person(text: str) -> None:
    """Longer ids, and names that only begin alike or stand in somebody's own sentence."""
    person = Person("U123", frozenset({"An", "Ana"}))
    assert not person.is_in(text)
    assert person.is_in('"hi @Ana!"')


@pytest.mark.parametrize("beside", [True, False])
async def test_what_was_erased_leaves_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool) -> None:
    """No file of the embedded store has the words afterwards: beside a bridge that runs, and while none does."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "kept"
    with contextlib.ExitStack() as opened:
        url = opened.enter_context(embedded(folder))
        async with open_space(url, worker=False) as space:
            await put(space.bridge.outbox, "k", draft(subject="Dinner with Queenie"))
            await put(space.bridge.outbox, "b", draft(BEN, subject="Lunch with Leopold"))
            env = environment(space.settings, BRIDGE_DATA=str(folder))
        assert on_disk(folder, "Dinner with Queenie")
        if not beside:
            opened.close()

        result = await command(env, "erase", ANA, "--yes")

        assert result.exit_code == 0, result.output
        assert (on_disk(folder, "Dinner with Queenie"), len(on_disk(folder, "Lunch with Leopold"))) == ([], 1)


def on_disk(folder: Path, words: str) -> list[str]:
    return [each.name for each in folder.rglob("*") if each.is_file() and words.encode() in each.read_bytes()]
