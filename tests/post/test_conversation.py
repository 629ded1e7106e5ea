"""Whole conversations: read when somebody chooses them, told honestly, and never somebody else's to fetch."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bridge.form.signed_metadata import Seal
from bridge.form.view import FormMemory
from bridge.language import sentences
from bridge.post.conversation import Conversation, hiding_names, in_order
from bridge.post.draft import Draft, Origin, compose_message
from bridge.words.names import Names
from tests.support.shown import COMMONMARK
from tests.support.space import ANA, BEN, CARL, Space, open_space, until

HISTORY = ",channels:history,groups:history"
START = 1700000000
BLOCK = "thread"


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url) as opened:
        opened.workspace.scopes += HISTORY
        yield opened


def said(number: int, text: str, user: str = BEN, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": f"{START + 60 * number}.000100", **more}


def thread(space: Space, replies: int, channel: str = "C1") -> dict[str, Any]:
    people = (BEN, CARL, ANA)
    messages = [said(number, f"word{number} of many", people[number % 3]) for number in range(replies + 1)]
    return space.workspace.add_thread(channel, messages)


def hint(space: Space) -> str:
    return str(next(each["hint"]["text"] for each in space.view()["blocks"] if each.get("block_id") == BLOCK))


async def choose(space: Space, message: dict[str, Any], channel: str = "C1", user: str = ANA) -> str:
    """Opens the form on a message and ticks the whole thread; answers what the form then says of it."""
    await space.sender.message_shortcut(user, message, channel)
    before = hint(space)
    await space.sender.choose(space.view()["id"], BLOCK, BLOCK, ["thread"])
    await until(lambda: hint(space) != before)
    return hint(space)


async def test_a_thread_crosses_whole(space: Space) -> None:
    """Sixty replies: every word under its speaker and time, in order, credited; and nothing stays behind."""
    told = await choose(space, thread(space, 60))
    assert "60 of 60 replies" in told
    assert "Ben, Carl, Ana" in told

    await space.sender.submit(space.view()["id"], {"subject": "Talk"})

    (posted,) = space.threads
    at = [posted["Message"].index(f"word{number} of") for number in range(61)]
    assert at == sorted(at)
    assert posted["Message"].count("word0 of") == 1
    assert "**Ben** · 14 Nov 2023, 23:13" in posted["Message"]
    assert "A conversation in Slack, shared by Ana" in posted["Message"]
    assert "Not carried" not in space.view_text()


async def test_lines_of_a_thread_stay_lines(space: Space) -> None:
    """What was written on two lines is read on two lines, and code keeps the spaces at its end."""
    fence = chr(96) * 3
    lines = said(0, f"Monday: soup\nTuesday: pasta\n{fence}a  \nb{fence}", thread_ts=f"{START}.000100", reply_count=1)
    first = space.workspace.add_thread("C1", [lines, said(1, "Yes\n\nplease")])
    await choose(space, first)
    await space.sender.submit(space.view()["id"], {"subject": "Menu"})
    (thread,) = await until(lambda: space.threads)
    shown = COMMONMARK.render(thread["Message"])
    assert "Monday: soup<br />\nTuesday: pasta" in shown
    assert "<code>a  \nb\n</code>" in shown
    assert "Yes<br />\n" in shown or "<p>Yes</p>\n<p>please</p>" in shown


async def test_a_thread_is_read_page_by_page(space: Space) -> None:
    """Slack gives 15 at a time, each page beginning with the same first message: all cross, once."""
    space.workspace.reply_page = 15
    await choose(space, thread(space, 40))

    await space.sender.submit(space.view()["id"], {"subject": "Talk"})

    text = (await until(lambda: space.threads))[0]["Message"]
    assert all(text.count(f"word{number} of") == 1 for number in range(41))


async def test_a_long_thread_says_how_much_of_it_crosses(redis_url: str, redis: Redis) -> None:
    """Above the limit the form, the post and the report all say the same honest number."""
    async with open_space(redis_url, thread_replies_max=60) as space:
        space.workspace.scopes += HISTORY
        assert "60 of 84 replies" in await choose(space, thread(space, 84))

        await space.sender.submit(space.view()["id"], {"subject": "Talk"})

        text = (await until(lambda: space.threads))[0]["Message"]
        assert "word60 of" in text
        assert "word61 of" not in text
        assert "The first 60 of 84 replies" in text
        assert "24 of 84 replies" in space.view_text()


async def test_a_thread_too_long_for_a_post_is_cut_between_messages(redis_url: str, redis: Redis) -> None:
    """The length of a post is a limit too: whole messages only, and the number told is the number carried."""
    async with open_space(redis_url, message_max=3000) as space:
        space.workspace.scopes += HISTORY
        messages = [said(number, f"word{number} " + "so " * 60) for number in range(30)]
        told = await choose(space, space.workspace.add_thread("C1", messages))

        await space.sender.submit(space.view()["id"], {"subject": "Talk"})

        text = (await until(lambda: space.threads))[0]["Message"]
        carried = sum(f"word{number} " in text for number in range(30)) - 1
        assert 0 < carried < 29
        assert f"{carried} of 29 replies" in told
        assert f"The first {carried} of 29" in text


async def test_a_first_page_alone_is_better_than_nothing(space: Space) -> None:
    """Slack allows one page and then asks for a minute: what was read is offered, with the true count."""
    space.workspace.reply_page = 15
    message = thread(space, 40)
    read = space.workspace._methods["conversations.replies"]

    def once(args: dict[str, Any]) -> dict[str, Any]:
        space.workspace.ratelimit("conversations.replies", 60, times=None)
        return read(args)

    space.workspace._methods["conversations.replies"] = once
    assert "14 of 40 replies" in await choose(space, message)


@pytest.mark.parametrize(
    ("channel", "scopes", "says"),
    [
        ("C1", "", "may not read threads"),
        ("C2", HISTORY, "/invite"),
        ("G1", HISTORY, "/invite"),
        ("D0BEN", HISTORY, "direct messages"),
    ],
)
async def test_a_thread_that_cannot_be_read_leaves_the_one_message(
    space: Space, channel: str, scopes: str, says: str
) -> None:
    """The form says what to do; sent with the thread it stays open, sent without it carries the message."""
    space.workspace.scopes = space.workspace.scopes.removesuffix(HISTORY) + scopes
    assert says in await choose(space, thread(space, 3, channel), channel)

    reply = await space.sender.submit(space.view()["id"], {"subject": "Talk"})
    assert "untick" in reply.errors["thread"]
    await space.sender.submit(space.view()["id"], {"subject": "Talk", "thread": []})

    assert (await until(lambda: space.threads))[0]["Message"].startswith("word0 of many")
    assert "word1" not in (await until(lambda: space.threads))[0]["Message"]


async def test_nothing_is_read_that_nobody_chose(space: Space) -> None:
    """The thread is other people's words: opening and sending a form without choosing it fetches none of them."""
    await space.sender.message_shortcut(ANA, thread(space, 3))
    await space.sender.submit(space.view()["id"], {"subject": "Talk"})
    assert "word1" not in (await until(lambda: space.threads))[0]["Message"]
    assert [each for each in space.workspace.calls if each.method == "conversations.replies"] == []


async def test_what_was_read_is_what_crosses(space: Space) -> None:
    """Edits and new replies after the choice do not reach the board: it crosses as the form said."""
    message = thread(space, 3)
    await choose(space, message)
    space.workspace.threads["C1", message["ts"]][1]["text"] = "changed meanwhile"
    space.workspace.down = True

    await space.sender.submit(space.view()["id"], {"subject": "Talk"})

    space.workspace.down = False
    await until(lambda: space.threads)
    assert "word1 of" in (await until(lambda: space.threads))[0]["Message"]


async def test_words_typed_above_stand_before_the_thread(space: Space) -> None:
    """The prefilled message is part of the thread and not repeated; other words introduce it."""
    await choose(space, thread(space, 2))
    await space.sender.submit(space.view()["id"], {"subject": "Talk", "message": "Read this, please"})
    text = (await until(lambda: space.threads))[0]["Message"]
    assert text.startswith("Read this, please\n\n**Ben**")
    assert text.count("word0 of") == 1


async def test_a_message_beyond_the_cut_is_carried_all_the_same(redis_url: str, redis: Redis) -> None:
    """The shared message is the thread's last and too far down to be carried with it: it stands above."""
    async with open_space(redis_url, thread_replies_max=5) as space:
        space.workspace.scopes += HISTORY
        first = thread(space, 9)
        last = space.workspace.threads["C1", first["ts"]][-1]
        await choose(space, last)
        await space.sender.submit(space.view()["id"], {"subject": "Talk"})
        assert (await until(lambda: space.threads))[0]["Message"].startswith("word9 of many")
        assert "word5 of" in (await until(lambda: space.threads))[0]["Message"]


async def test_nobody_is_named_when_the_sharer_chooses_so(space: Space) -> None:
    """Unticked credit: speakers are numbered, mentions name nobody, no link leads back, only the sharer is named."""
    messages = [said(0, f"ask <@{CARL}|carl>"), said(1, "me?", CARL), said(2, "fine", ANA)]
    await choose(space, space.workspace.add_thread("C1", messages))

    await space.sender.submit(space.view()["id"], {"subject": "Talk", "credit": []})

    text = (await until(lambda: space.threads))[0]["Message"]
    assert "**Person 1**" in text
    assert "ask @Person 2" in text
    assert "**Ana**" in text
    assert not any(name in text for name in ("Ben", "Carl", "carl", "slack.com"))


async def test_a_single_message_can_stay_without_a_name(space: Space) -> None:
    """Somebody else's message with credit unticked: neither name nor link; ticked it says both who and by whom."""
    for credit in ([], ["credit"]):
        await space.sender.message_shortcut(ANA, said(0, "Soup at noon"))
        await space.sender.submit(space.view()["id"], {"subject": "Soup", "credit": credit})
    without, named = (each["Message"] for each in space.threads)
    assert "Ben" not in without
    assert "slack.com" not in without
    assert "shared by Ana without names" in without
    assert "Originally by Ben, shared from Slack by Ana" in named


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("long", [False, True])
async def test_no_link_and_no_mention_names_the_author_either(space: Space, whole: bool, long: bool) -> None:
    """Without names: a profile's link, a mention of the author, in a message, an original or a thread, name nobody."""
    link = "https://harbour.slack.com/team/U0BEN"
    text = f"<{link}|Ben here> <{link}> `{link}` <@{BEN}|ben> <slack://user?team=T1&id=U0BEN>" + " so" * 1200 * long
    message = said(0, text)
    if whole:
        await choose(space, space.workspace.add_thread("C1", [message, said(1, link, CARL)]))
    else:
        await space.sender.message_shortcut(ANA, message)
    view = space.view()["id"]
    field: Any = {"message": {"type": "rich_text", "elements": []}} if long else {}
    await space.sender.submit(view, {"subject": "Talk", "credit": []} | field)

    carried = (await until(lambda: space.threads))[0]["Message"]
    assert "someone" in carried
    assert not [name for name in ("U0BEN", "Ben here", "team/", "@ben") if name in carried]


async def test_the_own_message_has_no_credit_to_give(space: Space) -> None:
    """Words of one's own are neither credited nor asked about."""
    await space.sender.message_shortcut(ANA, said(0, "Mine", ANA))
    assert "credit" not in [each.get("block_id") for each in space.view()["blocks"]]


@pytest.mark.parametrize("channel", ["G1", "D0BEN", "C9"])
async def test_leaving_a_private_place_is_said_before_the_fields(space: Space, channel: str) -> None:
    """From a private channel, a direct message and a shared one: nobody has to look for the warning to see it."""
    space.workspace.add_channel("C9", "partners", members=[ANA, space.workspace.bot_user_id], ext_shared=True)
    await space.sender.message_shortcut(ANA, thread(space, 2, channel), channel)
    first = space.view()["blocks"][0]
    assert "not from a public channel" in first["text"]["text"]
    assert "everybody's words: please ask them first" in first["text"]["text"]


async def test_the_warning_is_there_before_anybody_could_press(space: Space) -> None:
    """With a Slack that is slow to say what a channel is, the form opens with the warning and loses it later."""
    space.workspace.slow("conversations.info", 0.6)
    await space.sender.message_shortcut(ANA, said(0, "Soup"))
    assert "not from a public channel" in space.view_text()
    await until(lambda: "not from a public channel" not in space.view_text())


async def test_a_public_place_is_not_warned_about(space: Space) -> None:
    """No false alarm where everybody in the workspace can read it anyway."""
    await space.sender.message_shortcut(ANA, said(0, "Soup"))
    await asyncio.gather(*space.bridge.desk.tasks)
    assert "not from a public channel" not in space.view_text()


# ── nobody fetches what they may not see ─────────────────────────────────────


def forged(space: Space, sealed: str, **change: Any) -> str:
    memory = json.loads(space.bridge.desk.open_forms.seal.open(sealed) or "")
    return json.dumps(memory | change)


@pytest.mark.parametrize("seal", ["none", "old", "another key"])
async def test_a_forged_memory_makes_bridge_read_nothing(space: Space, seal: str) -> None:
    """Another channel and time in private_metadata: no thread is read, whatever stands before the JSON."""
    secret = thread(space, 3, "G1")
    space.workspace.channels["G1"].members.add(space.workspace.bot_user_id)
    await space.sender.message_shortcut(CARL, thread(space, 2))
    live = space.workspace.views[space.view()["id"]]
    origin = {"team": "T0BRIDGE", "user": CARL, "asked_at": 1.0, "channel": "G1", "thread_ts": secret["ts"]}
    text = forged(space, live["private_metadata"], origin=origin)
    old = live["private_metadata"][: len(live["private_metadata"]) - len(text)]
    marks = {"none": "", "old": old[:40], "another key": Seal.of("xoxb-other").close(text)[:40]}
    live["private_metadata"] = marks[seal] + text

    await space.sender.choose(live["id"], BLOCK, BLOCK, ["thread"])
    await asyncio.gather(*space.bridge.desk.tasks)
    await space.sender.submit(live["id"], {"subject": "Mine", "message": "Mine"})

    assert [each.args for each in space.workspace.calls if each.method == "conversations.replies"] == []
    assert "word1" not in str(space.threads)


async def test_a_kept_thread_is_nobody_elses(space: Space) -> None:
    """Ben sends the form in which Ana chose a thread of her private channel: what he typed is all that he posts."""
    space.workspace.channels["G1"].members.add(space.workspace.bot_user_id)
    await choose(space, thread(space, 3, "G1"), "G1")
    await space.sender.submit(space.view()["id"], {"subject": "Mine", "message": "Mine"}, user=BEN)
    assert [each["Message"] for each in space.threads] == ["Mine"]


async def test_a_form_from_before_a_new_key_says_so(space: Space) -> None:
    """A seal of ours that does not hold any more drops nothing in silence: the form stays open and says why."""
    await choose(space, thread(space, 3))
    live = space.workspace.views[space.view()["id"]]
    live["private_metadata"] = Seal.of("xoxb-older").close(
        str(space.bridge.desk.open_forms.seal.open(live["private_metadata"]))
    )
    reply = await space.sender.submit(live["id"], {"subject": "Talk"})
    assert "This form is too old" in reply.errors["message"]
    assert space.threads == []


# ── as text ──────────────────────────────────────────────────────────────────


def test_a_conversation_survives_what_slack_may_send() -> None:
    """Odd times, apps, deleted messages, files alone and messages without words: each is shown, none raises."""
    messages = in_order([
        {"ts": "x", "user": BEN, "text": "no time"},
        {"ts": "9" * 40, "user": BEN, "text": "far"},
        {"ts": "1700000060.1", "subtype": "bot_message", "username": "deploy*bot*", "text": "shipped"},
        {"ts": "1700000120.1", "user": "USLACKBOT", "subtype": "tombstone", "text": "This message was deleted."},
        {"ts": "1700000180.1", "user": CARL, "text": "", "files": [{"name": "plan.pdf"}, None]},
        {"ts": "1700000180.1", "user": CARL, "text": "", "files": [{"name": "plan.pdf"}]},
    ])  # fmt: skip
    talk = Conversation.from_json(json.loads(json.dumps(Conversation(messages, 7, "No/Where").to_json())))
    text = talk.markdown(Names(users={BEN: "Ben"}))
    told = "no time", "far", "deploy\\*bot\\*", "shipped", "was deleted", "File in Slack: plan.pdf", "Times: UTC"
    assert [part for part in told if part not in text] == []
    assert (talk.carried, talk.left) == (4, 3)
    assert text.count("plan.pdf") == 1


FIELDS = ("ts", "user", "text", "blocks", "attachments", "files", "username", "bot_profile", "subtype")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=6), max_size=5), st.integers(1, 400))
def test_no_thread_is_too_odd_and_every_cut_fits(messages: list[dict[str, Any]], room: int) -> None:
    """Any JSON where Slack puts messages: no error, through the store and back, and a cut one fits its room."""
    talk = Conversation(in_order(messages), len(messages))
    again = Conversation.from_json(json.loads(json.dumps(talk.to_json())))
    names = hiding_names(again, Names(), ANA)
    assert again.markdown(names) == talk.markdown(names)
    cut = talk.within(room, names)
    assert not cut.messages or len(cut.markdown(names)) <= room + 40


async def test_a_thread_in_an_odd_answer_is_no_error(space: Space) -> None:
    """Slack's answer without messages, or with something else in their place: the form says that it did not work."""
    for odd in ({}, {"messages": "x"}, {"messages": [None, 7], "response_metadata": "x"}):
        space.workspace._methods["conversations.replies"] = lambda args, odd=odd: odd  # type: ignore[misc]
        assert "did not let us read" in await choose(space, thread(space, 1))


def test_without_names_the_labels_hold_in_the_mentions_too() -> None:
    """The same person is the same number above their words and inside others'."""
    talk = Conversation(({"ts": "1", "user": BEN, "text": "a"}, {"ts": "2", "user": CARL, "text": f"<@{BEN}>"}), 1)
    text = talk.markdown(hiding_names(talk, Names(users={BEN: "Ben", CARL: "Carl"}), ANA))
    assert "**Person 1**" in text
    assert "@Person 1" in text
    assert "Carl" not in text


async def test_a_private_thread_is_not_read_from_an_old_form(space: Space) -> None:
    """Who has left a private channel since the form opened cannot read on with the bot's eyes."""
    space.workspace.channels["G1"].members.add(space.workspace.bot_user_id)
    messages = [said(0, "word0"), said(1, "SECRET said later", CARL)]
    sources, origin = space.bridge.desk.lookups.sources, Origin(space.workspace.team_id, ANA, time.time() - 601)
    space.workspace.add_thread("G1", messages)
    old = replace(origin, channel="G1", message_ts=messages[0]["ts"], thread_ts=messages[0]["ts"])

    name, told = await sources.read_thread(FormMemory(old))

    assert (name, told) == (None, sentences.THREAD_UNREADABLE["stale"])
    assert not [each for each in space.workspace.calls if each.method == "conversations.replies"]
    fresh, _ = await sources.read_thread(FormMemory(replace(old, asked_at=time.time())))
    assert fresh is not None


def test_nobody_can_put_words_in_a_colleagues_mouth() -> None:
    """A message that imitates a heading, and an app with a person's name, stay what they are."""
    fake = Conversation(({"user": BEN, "ts": "1700000000.1", "text": "hi\n\n*Carl* · 23:13\n\nI resign"},), 0)
    true = Conversation(({"user": BEN, "ts": "1700000000.1", "text": "hi"}, {"user": CARL, "ts": "1700000001.1"}), 1)
    names = Names(users={BEN: "Ben", CARL: "Carl"})
    app = Conversation(({"username": "Carl", "subtype": "bot_message", "ts": "1700000000.1", "text": "hi"},), 0)

    assert "\n**Carl** ·" in true.markdown(names)
    assert "\n**Carl** ·" not in fake.markdown(names)
    assert "Carl (app)" in app.markdown(names)


def test_a_long_thread_costs_no_more_than_what_fits() -> None:
    """Of 201 messages of 12,000 characters only the first few are read: the others could not be carried."""
    long = Conversation(tuple({"user": BEN, "ts": f"17000{n:05}.1", "text": "*so* " * 2400} for n in range(201)), 200)

    began = time.monotonic()
    carried = long.likely(19_000).within(19_000, Names())

    assert len(carried.messages) == 1
    assert len(long.likely(19_000).messages) <= 10
    assert time.monotonic() - began < 2


def test_nobody_is_named_by_an_attachment_either() -> None:
    """Where nobody is to be named, a shared message's author and an app's chosen name stay in Slack too."""
    shared = {"author_name": "Carl Secretname", "author_link": "https://ws.slack.com/team/U0CARL", "text": "his words"}
    first = {
        "user": BEN,
        "ts": "1700000000.1",
        "text": "look",
        "attachments": [shared | {"fallback": "Carl: his words"}],
    }
    bridged = {"username": "Dana (Matrix)", "subtype": "bot_message", "ts": "1700000001.1", "text": "hello"}
    piece = {"conversation": Conversation((first, bridged), 1).to_json()}
    draft = Draft(Origin("T1", ANA, 1.0), "Talk", (piece, {"original": first}), anonymous=True)

    text = compose_message(draft, Names(users={BEN: "Ben", ANA: "Ana"}))

    assert "his words" in text
    assert not [name for name in ("Carl", "Secretname", "U0CARL", "Dana", "Ben") if name in text]
