"""The form: opened from the payload alone, completed afterwards, never losing what was typed."""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.form.signed_metadata import Seal
from bridge.form.view import Form, form_view
from bridge.language import sentences
from bridge.post.draft import Draft, Origin
from bridge.store.embedded import embedded
from tests.support.space import ANA, ANNEX, BEN, CARL, HALL, Space, answer_text, open_space, until


def rich(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}]


def message(text: str, user: str = BEN, ts: str = "1700000000.000100", **more: Any) -> dict[str, Any]:
    blocks = rich({"type": "text", "text": text})
    return {"type": "message", "user": user, "text": text, "ts": ts, "blocks": blocks, **more}


def block(space: Space, name: str) -> dict[str, Any] | None:
    return next((each for each in space.view()["blocks"] if each.get("block_id") == name), None)


def options(space: Space, name: str) -> list[str]:
    found = block(space, name)
    return [each["value"] for each in found["element"]["options"]] if found else []


async def completed(space: Space, name: str = "group") -> None:
    await until(lambda: block(space, name))


async def test_the_form_has_the_contracts_fields(space: Space) -> None:
    """block_id and action_id are the field's name; the digest is chosen; more options are behind their button."""
    await space.sender.global_shortcut(ANA)
    await completed(space)
    inputs = [each for each in space.view()["blocks"] if each["type"] == "input"]
    assert [each["block_id"] for each in inputs] == ["subject", "message", "group", "tags", "delivery"]
    assert all(each["element"]["action_id"] == each["block_id"] for each in inputs)
    assert block(space, "delivery")["element"]["initial_option"]["value"] == "digest"  # type: ignore[index]
    assert space.view()["callback_id"] == "community_post"


async def test_more_options_keep_what_was_typed(space: Space) -> None:
    """Pressing the button adds private and guests; the other fields keep their ids and so their words."""
    await space.sender.global_shortcut(ANA)
    await completed(space)
    before = [each["block_id"] for each in space.view()["blocks"] if each["type"] == "input"]
    await space.sender.press(space.view()["id"], "more_options")
    await completed(space, "guests")
    after = [each["block_id"] for each in space.view()["blocks"] if each["type"] == "input"]
    assert after == [*before, "private", "guests"]


async def test_a_private_post_names_its_guests_by_their_logins(space: Space) -> None:
    """Private with guests: `Private` is set and `Guests` holds the guests' UserIds."""
    await space.sender.global_shortcut(ANA)
    await completed(space)
    await space.sender.press(space.view()["id"], "more_options")
    await completed(space, "guests")
    reply = await space.sender.submit(
        space.view()["id"], {"subject": "Us", "message": "Only", "private": ["private"], "guests": [BEN, CARL]}
    )
    assert reply.action == "update"
    (thread,) = space.threads
    assert (thread["Private"], thread["Guests"]) == (True, [102, 103])


async def test_private_without_guests_is_told_under_the_field(space: Space) -> None:
    """Nobody could read it: the form says so under guests, and nothing is posted."""
    await space.sender.global_shortcut(ANA)
    await space.sender.press(space.view()["id"], "more_options")
    await completed(space, "guests")
    reply = await space.sender.submit(space.view()["id"], {"subject": "Us", "message": "Only", "private": ["private"]})
    assert "at least one guest" in reply.errors["guests"]
    assert space.threads == []


async def test_who_has_no_name_in_slack_is_credited_as_someone(space: Space) -> None:
    """A profile without any name: the credit says that somebody else said it, and names nobody."""
    ben = space.workspace.users[BEN]
    ben |= {"name": "", "real_name": "", "profile": ben["profile"] | {"display_name": "", "real_name": ""}}
    await space.sender.message_shortcut(ANA, message("The printer is fixed."))
    await space.sender.submit(space.view()["id"], {})
    assert "Originally by someone, shared from Slack by Ana" in space.threads[0]["Message"]


async def test_a_message_is_carried_with_credit_and_link(space: Space) -> None:
    """Somebody else's words from a public channel are credited, with a link back to the message."""
    await space.sender.message_shortcut(ANA, message("The printer is fixed.\nPlease be kind to it."))
    await space.sender.submit(space.view()["id"], {})
    (thread,) = space.threads
    assert thread["Subject"] == "The printer is fixed."
    assert thread["Message"].startswith("The printer is fixed.  \nPlease be kind to it.")
    assert "Originally by Ben" in thread["Message"]
    assert "slack.com/archives/C1/p1700000000000100" in thread["Message"]
    assert thread["UserId"] == 101


async def test_a_private_place_is_warned_about_and_never_linked(space: Space) -> None:
    """A message from a private channel: the form warns, and neither name nor link reaches the board."""
    await space.sender.message_shortcut(ANA, message("Between us"), channel="G1")
    await until(lambda: "not from a public channel" in space.view_text())
    await space.sender.submit(space.view()["id"], {})
    (thread,) = space.threads
    assert "slack.com" not in thread["Message"]
    assert "secret" not in thread["Message"]


async def test_a_message_from_a_private_place_can_be_forbidden(redis_url: str, redis: Redis) -> None:
    """PRIVATE_SOURCES=forbid: such a message is not posted, and the form says why."""
    async with open_space(redis_url, private_sources="forbid") as space:
        await space.sender.message_shortcut(ANA, message("Between us"), channel="G1")
        reply = await space.sender.submit(space.view()["id"], {})
        assert "not from a public channel" in str(reply.errors)
        assert space.threads == []


async def test_a_message_posted_before_says_so(space: Space) -> None:
    """The second form on one message names who posted it and links the thread; posting again is a choice."""
    await space.sender.message_shortcut(ANA, message("Once"))
    await space.sender.submit(space.view()["id"], {})
    link = str(space.threads[0]["Id"])
    await space.sender.message_shortcut(CARL, message("Once"))
    await until(lambda: "posted before" in space.view_text())
    assert f"<@{ANA}>" in space.view_text()
    assert link in space.view_text()
    await space.sender.submit(space.view()["id"], {})
    assert len(space.threads) == 2


async def test_a_private_thread_made_of_a_message_is_told_to_its_author_only(space: Space) -> None:
    """ "Already posted" would betray a private thread to others: they are not told."""
    await space.sender.message_shortcut(ANA, message("Quiet"))
    await space.sender.press(space.view()["id"], "more_options")
    await completed(space, "guests")
    await space.sender.submit(space.view()["id"], {"private": ["private"], "guests": [BEN]})
    assert space.threads[0]["Private"] is True
    await space.sender.message_shortcut(CARL, message("Quiet"))
    await completed(space)
    assert "posted before" not in space.view_text()


async def test_a_board_that_is_away_is_said_in_the_form(redis_url: str, redis: Redis) -> None:
    """Nobody wonders where the groups are, and the note goes when they come."""
    async with open_space(redis_url, nexudus_timeout=1) as space:
        space.workspace.scopes += ",channels:history"
        space.board.down = True
        first = space.workspace.add_thread("C1", [message("Soup"), message("Yes", ts="1700000000.000200")])
        await space.sender.message_shortcut(ANA, first)
        await until(lambda: sentences.PLACES_UNKNOWN.format(why=sentences.FAULTS["board"]) in space.view_text())

        space.board.down = False
        await space.sender.choose(space.view()["id"], "thread", "thread", ["thread"])
        await completed(space)
        assert sentences.FAULTS["board"] not in space.view_text()


async def test_a_slack_that_refuses_us_is_said_in_the_form(space: Space) -> None:
    """The form that lacks its groups because of Slack does not blame the board."""
    space.workspace.fail("users.info", "token_revoked", times=None)
    await space.sender.global_shortcut(ANA)

    await until(lambda: sentences.FAULTS["slack_refused"] in space.view_text())
    assert sentences.FAULTS["board"] not in space.view_text()


async def test_who_may_not_post_reads_so_before_typing(space: Space) -> None:
    """The form of somebody whom the board does not know begins with that, and with what to do."""
    space.workspace.add_user("U0NEW", "New", "new@elsewhere.example")
    await space.sender.global_shortcut("U0NEW")
    await until(lambda: "You cannot post yet" in space.view_text())
    assert "Ask the community team to add it" in str(space.view()["blocks"][0])


def test_a_reason_is_said_once_for_all_its_files() -> None:
    """Files that stay for one reason are listed before it; with several, each has its own."""
    origin = Origin("T0BRIDGE", ANA, 0)

    def staying(*reasons: str) -> str:
        listed = tuple({"id": f"F{n}", "name": f"{n}.png", "reason": each} for n, each in enumerate(reasons))
        return str(form_view(Form(origin, listed=listed), Seal.of("xoxb"))["blocks"])

    assert "0.png, 1.png (this app does not carry files here)" in staying("off", "off")
    assert "0.png (this app does not carry files here), 1.png (it is too large)" in staying("off", "too_large")


async def test_a_long_message_is_attached_whole(space: Space) -> None:
    """Too long for the field: the form says so, and every word stands below what was typed."""
    long = " ".join(f"word{n}" for n in range(1500))
    await space.sender.message_shortcut(ANA, message(long))
    assert "all of it is posted below" in space.view_text()
    await space.sender.submit(space.view()["id"], {"message": "Read this:"})
    (thread,) = space.threads
    assert thread["Message"].startswith("Read this:")
    assert "word1499" in thread["Message"]


async def test_mentions_are_prefilled_as_names(space: Space) -> None:
    """Slack refuses its own mention elements in a prefilled field: they come as text, so that Post works."""
    mention = message("hi", blocks=rich({"type": "user", "user_id": CARL}, {"type": "text", "text": " look"}))
    await space.sender.message_shortcut(ANA, mention)
    assert "user_id" not in str(block(space, "message"))
    reply = await space.sender.submit(space.view()["id"], {"subject": "Hi"})
    assert reply.status == 200
    assert len(space.threads) == 1


async def test_two_locations_ask_where_and_groups_follow(redis_url: str, redis: Redis) -> None:
    """A member of two locations chooses; the groups are those of the chosen one; the thread stands there."""
    async with open_space(redis_url) as space:
        space.board.add_business(ANNEX, "Annex", "annex")
        space.board.add_group(21, ANNEX, "Annex talk", 2)
        for record in space.board.coworkers.values():
            record["Businesses"] = [HALL, ANNEX]
        await space.sender.command(ANA, "Where")
        await completed(space, "location")
        assert options(space, "location") == [str(HALL), str(ANNEX)]
        await space.sender.choose(space.view()["id"], "location", "location", str(ANNEX))
        await until(lambda: options(space, "group") == ["21"])
        await space.sender.submit(space.view()["id"], {"message": "Here", "location": str(ANNEX), "group": "21"})
        (thread,) = space.threads
        assert (thread["BusinessId"], thread["CommunityGroupId"]) == (ANNEX, 21)
        assert "annex.spaces.nexudus.com" in space.view_text()

        await space.sender.command(ANA, "post Where | It opens the form for the choice")
        await completed(space, "location")
        assert len(space.threads) == 1
        assert block(space, "subject")["element"]["initial_value"] == "Where"  # type: ignore[index]


async def test_instant_delivery_is_left_out_for_those_who_may_not(redis_url: str, redis: Redis) -> None:
    """INSTANT_DELIVERY names Ben only: Ana's form has no choice, Ben's has one."""
    async with open_space(redis_url, instant_delivery=frozenset({BEN})) as space:
        await space.sender.global_shortcut(ANA)
        assert block(space, "delivery") is None
        await space.sender.global_shortcut(BEN)
        assert block(space, "delivery") is not None


async def test_with_redis_away_the_form_stays_open_with_its_words(tmp_path: Path) -> None:
    """It cannot be kept, so nothing is promised: the form says so and keeps what was typed."""
    with contextlib.ExitStack() as running:
        url = running.enter_context(embedded(tmp_path))
        async with open_space(url, worker=False) as space:
            await space.sender.command(ANA, "Kept here")
            running.close()
            reply = await space.sender.submit(space.view()["id"], {"message": "My words"})
            assert "cannot keep your post" in reply.errors["message"]
            answer = await space.sender.command(ANA, "post A | B")
            assert "*Was not kept.*" in answer_text(answer)
            opened = await space.sender.command(ANA, "Still opens")
            assert max(reply.seconds, answer.seconds) < 2
            assert opened.seconds < 1
            assert "Still opens" in space.view_text()


async def test_too_long_is_told_and_not_cut(space: Space) -> None:
    """Limits are ours and told under the field with the number of characters."""
    await space.sender.command(ANA, "")
    reply = await space.sender.submit(space.view()["id"], {"subject": "s" * 300, "message": "m", "tags": "a" * 60})
    assert "Too long by 46: the subject may have" in reply.errors["subject"]
    assert "Too long by 10: the tags may have" in reply.errors["tags"]
    assert space.threads == []


async def test_a_person_is_kindly_stopped_above_the_hourly_limit(redis_url: str, redis: Redis) -> None:
    """POSTS_PER_PERSON_PER_HOUR: the next one is refused with a kind word; others are not affected."""
    async with open_space(redis_url, posts_per_person_per_hour=2) as space:
        for n in range(2):
            await space.sender.command(ANA, f"post Number {n} | Body")
        answer = await space.sender.command(ANA, "post Number 3 | Body")
        assert "2 posts this hour" in answer_text(answer)
        await space.sender.command(BEN, "post Mine | Body")
        assert len(space.threads) == 3


async def test_the_words_answer_in_place(space: Space) -> None:
    """help, whoami and status are answered to the person alone."""
    assert "/community post Subject" in answer_text(await space.sender.command(ANA, "help"))
    assert "*Ana* at Hall" in answer_text(await space.sender.command(ANA, "whoami"))
    await space.sender.command(ANA, "post Mine | Body")
    status = await space.sender.command(ANA, "status")
    assert status.json["response_type"] == "ephemeral"
    assert "Mine" in str(status.json["blocks"])
    assert "Posted" in str(status.json["blocks"])


async def test_a_direct_message_is_answered_once(space: Space) -> None:
    """Writing to the bot is answered with what it can do, also when Slack sends the event twice."""
    event = {"type": "message", "channel_type": "im", "channel": "D1", "user": ANA, "text": "hello", "ts": "1.1"}
    await space.sender.event(event, event_id="Ev1")
    await space.sender.event(event, event_id="Ev1")
    await until(lambda: space.workspace.dms.get(ANA))
    assert len(space.workspace.dms[ANA]) == 1


async def test_a_late_refusal_gives_the_words_back(redis_url: str, redis: Redis) -> None:
    """A refusal that came too late for the form offers it again, with every word in it; sent again, it is posted."""
    async with open_space(redis_url, nexudus_timeout=5) as space:
        await space.sender.command(ANA, "Groups")
        await completed(space)
        space.board.groups[11]["GroupAccess"] = 3
        await redis.delete(f"{space.settings.prefix}groups:{HALL}")
        space.board.delay = 0.8
        await space.sender.submit(space.view()["id"], {"message": "My words", "tags": "a, b", "group": "11"})
        await until(lambda: "Was not posted" in space.view_text())
        space.board.behave()

        await space.sender.press(space.view()["id"], "reopen_form")
        await until(lambda: block(space, "message"))
        assert "Only members of that group may post in it" in str(space.view()["blocks"][0])
        assert block(space, "subject")["element"]["initial_value"] == "Groups"  # type: ignore[index]
        assert block(space, "tags")["element"]["initial_value"] == "a, b"  # type: ignore[index]
        await space.sender.submit(space.view()["id"], {})
        (thread,) = space.threads
        assert thread["Message"] == "My words"


@pytest.mark.parametrize(
    ("below", "note"), [((), sentences.ATTACHED), (({"original": {"text": "whole"}},), sentences.NOT_ATTACHED)]
)
async def test_a_reopened_form_says_where_long_words_went(
    space: Space, below: tuple[dict[str, Any], ...], note: str
) -> None:
    """Words with more markup than Slack takes back into a field: attached where there is room, and told in any case."""
    origin = Origin(space.workspace.team_id, ANA, time.time())
    draft = Draft(origin, "S", ({"mrkdwn": "*a* _b_ " * 1900}, *below))
    kept = await space.bridge.outbox.put("k", draft)
    entry = await space.bridge.outbox.get(kept.id)
    assert entry is not None

    form = await space.bridge.desk.prefill.again(entry, origin)

    assert form.notes[-1] == note
    assert form.original
    found = await space.bridge.desk.prefill.sources.stash.read(form.original)
    assert found is not None
    assert found["text"].startswith("whole" if below else "*a* _b_")


async def test_a_reopened_form_holds_everything(space: Space) -> None:
    """Mentions by name and the attached original come back with the form after a refusal."""
    origin = Origin(space.workspace.team_id, ANA, time.time(), channel="C1", message_ts="1.1")
    typed = rich({"type": "text", "text": "see "}, {"type": "user", "user_id": CARL})[0]
    draft = Draft(origin, "S", ({"rich_text": typed}, {"original": message("whole")}), credit=BEN, left=("a.png",))
    kept = await space.bridge.outbox.put("k", draft)
    entry = await space.bridge.outbox.get(kept.id)
    assert entry is not None

    form = await space.bridge.desk.prefill.again(entry, origin)

    assert "@Carl" in str(form.message)
    assert (form.credit, form.left) == (BEN, ("a.png",))
    assert form.original is not None
    assert "whole" in str(await space.redis.get(space.settings.prefix + form.original))


async def test_a_sent_form_is_not_overwritten_by_its_late_furniture(redis_url: str, redis: Redis) -> None:
    """The board takes long over the groups and the post is told first: the report stays."""
    async with open_space(redis_url, nexudus_timeout=5) as space:
        space.board.delay = 0.6
        await space.sender.command(ANA, "Quick")
        await space.sender.submit(space.view()["id"], {"message": "press"})
        await until(lambda: "/thread/" in space.view_text(), 20)
        space.board.delay = 0
        await asyncio.gather(*space.bridge.desk.tasks)
        await asyncio.sleep(0.5)
        assert "/thread/" in space.view_text()


async def test_more_options_do_not_wait_for_the_board(redis_url: str, redis: Redis) -> None:
    """With a board that does not answer, the button shows its fields at once."""
    async with open_space(redis_url, nexudus_timeout=30) as space:
        space.board.delay = 20
        await space.sender.global_shortcut(ANA)
        await space.sender.press(space.view()["id"], "more_options")
        await completed(space, "guests")
        space.board.delay = 0


async def test_a_command_longer_than_a_field_goes_on_in_the_next_one(space: Space) -> None:
    """What was typed behind the command is never cut: 3,000 characters are the subject, the rest is the message."""
    rest = "b" * 3500 + "and the <rest> & more"
    await space.sender.command(ANA, "a" * 3000 + rest)

    blocks = {each["block_id"]: each for each in space.view()["blocks"] if each["type"] == "input"}
    assert blocks["subject"]["element"]["initial_value"] == "a" * 3000
    assert rest in str(blocks["message"]["element"]["initial_value"])


async def test_a_long_refused_command_gives_all_its_words_back(space: Space) -> None:
    """A refusal shows everything that was typed, over as many sections as it needs."""
    body = " ".join(f"word{n}" for n in range(700))
    reply = await space.sender.command(ANA, f"post {'s' * 300} | {body}")

    sections = [each["text"]["text"] for each in json.loads(reply.text)["blocks"]]
    assert all(len(text) <= 3000 for text in sections)
    assert body in "".join(sections)
