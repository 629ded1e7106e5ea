"""Choosing the whole thread in an open form: read once, shown as it would cross, nothing lost between two drawings."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bridge.form.read_back import read_form, read_open
from bridge.form.signed_metadata import Seal
from bridge.form.view import Form, FormMemory, form_view
from bridge.language import sentences
from bridge.post.draft import Draft, Origin
from bridge.store.embedded import embedded
from tests.support.space import ANA, ANNEX, BEN, CARL, HALL, Space, open_space, until

HISTORY = ",channels:history,groups:history"
START = 1700000000
NAMES = ("thread_files", "location", "group", "context", "input")
FIELDS = ("type", "block_id", "element", "elements", "options", "option_groups", "text", "value")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url, files=True) as opened:
        opened.workspace.scopes += HISTORY
        yield opened


def said(number: int, *files: dict[str, Any]) -> dict[str, Any]:
    more = {"files": list(files)} if files else {}
    return {"type": "message", "user": (BEN, CARL)[number % 2], "text": f"word{number}", "ts": ts(number), **more}


def ts(number: int) -> str:
    return f"{START + 60 * number}.000100"


def picture(space: Space, id_: str, name: str = "plan.png", kind: str = "image/png") -> dict[str, Any]:
    return space.workspace.add_file(id_, name, kind, PNG)


def block(space: Space, name: str) -> dict[str, Any] | None:
    return next((each for each in space.view()["blocks"] if each.get("block_id") == name), None)


def options(space: Space, name: str) -> list[str]:
    found = block(space, name)
    return [each["value"] for each in found["element"]["options"]] if found else []


def hint(space: Space) -> str:
    found = block(space, "thread")
    return str(found["hint"]["text"]) if found else ""


def reads(space: Space) -> int:
    return sum(each.method == "conversations.replies" for each in space.workspace.calls)


def drawings(space: Space) -> int:
    return sum(each.method == "views.update" for each in space.workspace.calls)


async def opened(space: Space, *messages: dict[str, Any], channel: str = "C1") -> str:
    """Ana's form on the first message of a thread; answers the view's id."""
    await space.sender.message_shortcut(ANA, space.workspace.add_thread(channel, list(messages)), channel)
    await completed(space)
    return str(space.view()["id"])


async def tick(space: Space, *, thread: bool = True) -> None:
    await space.sender.choose(space.view()["id"], "thread", "thread", ["thread"] if thread else [])


async def completed(space: Space) -> None:
    """Until nothing is drawn any more."""
    while space.bridge.desk.tasks:
        await asyncio.wait(space.bridge.desk.tasks)
        await asyncio.sleep(0)


async def read(space: Space) -> str:
    await tick(space)
    await until(lambda: "will be carried" in hint(space))
    await completed(space)
    return hint(space)


def names(space: Space) -> list[str]:
    return sorted(each["Name"] for each in space.board.files.values())


# ── a file crosses once, and by the tick that people see ─────────────────────


async def test_a_file_on_the_message_and_on_a_reply_is_one_file(space: Space) -> None:
    """Shared again further down in the thread: it has one box in the form, and stands on the board once."""
    plan, other = picture(space, "F1"), picture(space, "F2", "other.png")
    view = await opened(space, said(0, plan), said(1, plan, other))
    await read(space)

    assert (options(space, "files"), options(space, "thread_files")) == (["F1"], ["F2"])
    await space.sender.submit(view, {"subject": "Plan"})

    await until(lambda: len(space.board.files) == 2)
    await asyncio.sleep(0.3)
    assert names(space) == ["other.png", "plan.png"]


async def test_an_unticked_file_stays_although_a_reply_has_it_too(space: Space) -> None:
    """Its one box is unticked: it stays in Slack, whatever else of the thread crosses."""
    plan, other = picture(space, "F1"), picture(space, "F2", "other.png")
    view = await opened(space, said(0, plan), said(1, plan, other))
    await read(space)

    await space.sender.submit(view, {"subject": "Plan", "files": []})

    await until(lambda: space.board.files)
    await asyncio.sleep(0.3)
    assert names(space) == ["other.png"]


@pytest.mark.parametrize(("ticked", "crosses"), [((), []), (("F1",), ["F1"])])
async def test_the_messages_own_tick_decides(space: Space, ticked: tuple[str, ...], crosses: list[str]) -> None:
    """A form of an older version, or a made-up one, offers it in both places: it crosses by its own tick, once."""
    sources, files = space.bridge.desk.lookups.sources, [{"id": "F1", "name": "plan.png"}]
    origin = Origin(space.workspace.team_id, ANA, time.time(), channel="C1", message_ts=ts(0))
    kept = await sources.keep_files(ANA, files)
    thread = await sources.keep_thread(ANA, {"messages": [said(0)], "replies": 0}, files)
    memory = FormMemory(origin, whole=True, conversation=thread, files=kept, ticked=ticked, thread_ticked=("F1",))

    carried = await sources.carry(Draft(origin, "S", ()), memory)

    assert isinstance(carried, Draft)
    assert [each["id"] for each in carried.files] == crosses


async def again(space: Space, draft: Draft) -> Form:
    kept = await space.bridge.outbox.put("k", draft)
    entry = await space.bridge.outbox.get(kept.id)
    assert entry is not None
    return await space.bridge.desk.prefill.again(entry, draft.origin)


async def sent(space: Space, values: dict[str, Any]) -> Draft:
    """What the open form asks for, with these values, without sending it."""
    lookups = space.bridge.desk.lookups
    space.sender.fill(space.view()["id"], values)
    draft, memory = read_form(space.view(), ANA, space.workspace.team_id, lookups.open_forms.seal)
    carried = await lookups.sources.carry(draft, memory)
    assert isinstance(carried, Draft)
    return carried


async def test_a_reopened_form_tells_the_files_of_the_thread_apart(space: Space) -> None:
    """Reopened after a refusal, the thread is left out: its files stay with it, the message's own still cross."""
    plan, other = picture(space, "F1"), picture(space, "F2", "other.png")
    await opened(space, said(0, plan), said(1, plan, other))
    told = await read(space)
    draft = await sent(space, {})

    form = await again(space, draft)
    space.workspace.open_view(space.bridge.desk.open_forms.view(form), ANA)

    assert (options(space, "files"), options(space, "thread_files"), hint(space)) == (["F1"], ["F2"], told)
    assert [each["id"] for each in (await sent(space, {})).files] == ["F1", "F2"]
    assert [each["id"] for each in (await sent(space, {"thread": []})).files] == ["F1"]


async def test_a_reopened_form_can_be_sent_as_it_is(space: Space) -> None:
    """The thread alone was sent: reopened, its message stands in the field again, and crosses in the thread only."""
    await opened(space, said(0), said(1))
    await read(space)
    draft = await sent(space, {})
    assert [list(each) for each in draft.message] == [["conversation"]]

    form = await again(space, draft)
    space.workspace.open_view(space.bridge.desk.open_forms.view(form), ANA)

    assert "word0" in str(block(space, "message"))
    assert (await sent(space, {})).message == draft.message
    one = await sent(space, {"thread": []})
    assert "word0" in str(one.message)
    assert "word1" not in str(one.message)


async def test_typed_words_come_back_above_the_thread(space: Space) -> None:
    """Reopened, an introduction stands before the thread as it did, and the hint does not say otherwise."""
    await opened(space, said(0), said(1))
    assert sentences.THREAD_REPLACES in await read(space)
    draft = await sent(space, {"message": "Read this"})

    form = await again(space, draft)
    space.workspace.open_view(space.bridge.desk.open_forms.view(form), ANA)

    assert [list(each) for each in (await sent(space, {})).message] == [["rich_text"], ["conversation"]]
    assert "will be carried" in hint(space)
    assert sentences.THREAD_REPLACES not in hint(space)


async def test_replies_that_stay_are_counted_once(redis_url: str, redis: Redis) -> None:
    """Sent, refused, reopened and sent again: the replies that stay are named once, none without the thread."""
    async with open_space(redis_url, thread_replies_max=1) as space:
        space.workspace.scopes += HISTORY
        await opened(space, said(0), said(1), said(2))
        await read(space)
        draft = await sent(space, {})
        assert draft.left == ("1 of 2 replies",)

        form = await again(space, draft)
        space.workspace.open_view(space.bridge.desk.open_forms.view(form), ANA)

        assert (await sent(space, {})).left == draft.left
        assert (await sent(space, {"thread": []})).left == ()


# ── the form shows what would cross ──────────────────────────────────────────


async def test_without_the_thread_its_files_are_not_shown(space: Space) -> None:
    """Unticked, the form offers nothing of the thread; ticked again, it says the same, without another reading."""
    page = picture(space, "F9", "page.html", "text/html")
    await opened(space, said(0, picture(space, "F1")), said(1, picture(space, "F2", "other.png"), page))
    told = await read(space)
    assert "page.html" in space.view_text()

    await tick(space, thread=False)
    await until(lambda: not block(space, "thread_files"))
    assert hint(space) == sentences.HINTS["thread"]
    assert "page.html" not in space.view_text()
    assert options(space, "files") == ["F1"]

    assert await read(space) == told
    assert options(space, "thread_files") == ["F2"]
    assert "page.html" in space.view_text()
    assert reads(space) == 1


async def test_what_was_unticked_stays_unticked(space: Space) -> None:
    """A file of the thread that should stay in Slack is not ticked again when the thread was left out for a while."""
    await opened(space, said(0), said(1, picture(space, "F1"), picture(space, "F2", "other.png")))
    await read(space)
    space.sender.fill(space.view()["id"], {"thread_files": ["F2"]})
    await tick(space, thread=False)
    await until(lambda: not block(space, "thread_files"))
    await read(space)

    assert options(space, "thread_files") == ["F1", "F2"]
    assert [each["id"] for each in (await sent(space, {})).files] == ["F2"]


# ── read once ────────────────────────────────────────────────────────────────


async def test_quick_ticks_read_the_thread_once(space: Space) -> None:
    """Ticked, unticked and ticked again while Slack takes its time: one reading, and the form ends as it was left."""
    await opened(space, said(0), said(1, picture(space, "F1")))
    space.workspace.slow("conversations.replies", 0.5)
    await tick(space)
    await tick(space, thread=False)
    await tick(space)
    await until(lambda: "will be carried" in hint(space))
    await completed(space)

    assert (reads(space), options(space, "thread_files")) == (1, ["F1"])


async def test_what_was_read_too_late_is_not_shown(space: Space) -> None:
    """Unticked while the thread was being read: the form shows nothing of it when the reading has ended."""
    await opened(space, said(0), said(1, picture(space, "F1")))
    space.workspace.slow("conversations.replies", 0.4)
    await tick(space)
    await tick(space, thread=False)
    await completed(space)

    assert (reads(space), block(space, "thread_files"), hint(space)) == (1, None, sentences.HINTS["thread"])
    assert (await sent(space, {})).files == ()


async def test_another_process_does_not_read_it_again(space: Space) -> None:
    """Two web processes get one tick each: whoever is second leaves the reading to the first."""
    await opened(space, said(0), said(1))
    space.workspace.slow("conversations.replies", 0.3)
    drawing, origin = (
        space.bridge.desk.open_forms,
        Origin(space.workspace.team_id, ANA, 0, view=space.view()["id"]),
    )
    async with drawing.alone(origin) as first:
        await tick(space)
        await completed(space)
        assert (first, reads(space)) == (True, 0)
    await read(space)
    assert reads(space) == 1


async def test_a_reopened_form_never_reads_the_thread_anew(space: Space) -> None:
    """Its person may have left the channel since: unticked and ticked again, it shows what was kept at first."""
    await opened(space, said(0), said(1))
    told = await read(space)
    form = await again(space, await sent(space, {}))
    space.workspace.open_view(space.bridge.desk.open_forms.view(form), ANA)
    await tick(space, thread=False)
    await until(lambda: hint(space) == sentences.HINTS["thread"])

    assert (await read(space), reads(space)) == (told, 1)


async def test_a_failed_reading_may_be_tried_again(space: Space) -> None:
    """Slack is away for a moment: the form says so, and the next tick reads the thread."""
    await opened(space, said(0), said(1))
    space.workspace.fail("conversations.replies", "internal_error")
    await tick(space)
    await until(lambda: "did not let us read" in hint(space))
    await tick(space, thread=False)
    await until(lambda: hint(space) == sentences.HINTS["thread"])
    assert "1 of 1 replies" in await read(space)


# ── sent in between ──────────────────────────────────────────────────────────


async def test_sent_before_it_was_read_it_stays_open(space: Space) -> None:
    """Nobody has seen what would cross: nothing is posted, the form says when to send it again, and then it crosses."""
    view = await opened(space, said(0), said(1))
    space.workspace.slow("conversations.replies", 0.4)
    await tick(space)
    reply = await space.sender.submit(view, {"subject": "Talk"})
    assert reply.errors == {"thread": sentences.REASONS["thread_unread"]}
    await until(lambda: "will be carried" in hint(space))

    await space.sender.submit(view, {"subject": "Talk"})

    (posted,) = await until(lambda: space.threads)
    assert "word1" in posted["Message"]
    assert reads(space) == 1


async def test_a_tick_that_was_lost_is_made_up_for(space: Space) -> None:
    """The process that was to read the thread died: sending the form once has it read, sending it again posts it."""
    view = await opened(space, said(0), said(1))
    space.sender.fill(view, {"thread": ["thread"]})
    reply = await space.sender.submit(view, {"subject": "Talk"})
    assert reply.errors == {"thread": sentences.REASONS["thread_unread"]}
    await until(lambda: "will be carried" in hint(space))

    await space.sender.submit(view, {"subject": "Talk"})

    assert "word1" in (await until(lambda: space.threads))[0]["Message"]


async def test_a_form_sent_without_the_thread_is_left_alone(space: Space) -> None:
    """Unticked and sent while the thread was being read: the one message is posted, and its report stays."""
    view = await opened(space, said(0), said(1))
    space.workspace.slow("conversations.replies", 0.6)
    await tick(space)
    await space.sender.submit(view, {"subject": "One", "thread": []})
    (posted,) = await until(lambda: space.threads)
    await completed(space)

    assert "word1" not in posted["Message"]
    assert "/thread/" in space.view_text()


# ── drawn by two at once, or by half ─────────────────────────────────────────


async def test_more_options_come_although_the_form_was_just_redrawn(space: Space) -> None:
    """The thread came into the form while the finger was on the button: both are there in the end."""
    view = await opened(space, said(0), said(1))
    drawn = drawings(space)
    space.workspace.slow("views.update", 0.3)
    await tick(space)
    await until(lambda: drawings(space) > drawn)
    await space.sender.press(view, "more_options")
    await until(lambda: block(space, "guests") and "will be carried" in hint(space))


async def test_a_board_that_is_away_takes_no_choice_out_of_the_form(redis_url: str, redis: Redis) -> None:
    """Location and group were chosen, then the board went away and the thread came: both choices stand, and cross."""
    async with open_space(redis_url) as space:
        space.workspace.scopes += HISTORY
        space.board.add_business(ANNEX, "Annex", "annex")
        for record in space.board.coworkers.values():
            record["Businesses"] = [HALL, ANNEX]
        view = await opened(space, said(0), said(1))
        await space.sender.choose(view, "location", "location", str(HALL))
        await until(lambda: options(space, "group"))
        await completed(space)
        space.sender.fill(view, {"group": "12"})
        space.board.down = True
        await redis.delete(*[key async for key in redis.scan_iter("*") if "groups:" in key or "locations" in key])

        await read(space)

        space.board.down = False
        draft = await sent(space, {})
        assert (draft.location, draft.group) == (HALL, 12)


async def test_a_store_that_is_away_takes_no_file_out_of_the_form(tmp_path: Path) -> None:
    """What cannot be drawn whole is not drawn: the boxes of the files stay in the form."""
    with contextlib.ExitStack() as running:
        url = running.enter_context(embedded(tmp_path))
        async with open_space(url, files=True, worker=False) as space:
            space.workspace.scopes += HISTORY
            await opened(space, said(0, picture(space, "F1")), said(1))
            running.close()
            await tick(space)
            await completed(space)
            assert options(space, "files") == ["F1"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ANY | st.sampled_from(NAMES), max_size=5), max_size=6))
def test_whatever_an_open_form_shows_it_can_be_drawn_again(blocks: list[dict[str, Any]]) -> None:
    """Blocks of any content, where ours should be: the form is read and drawn, and nothing raises."""
    view, seal = {"id": "V1", "blocks": blocks}, Seal.of("xoxb-demo")
    assert form_view(read_open(view, ANA, "T0BRIDGE", seal), seal)["type"] == "modal"
