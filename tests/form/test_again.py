"""What was refused may be filled in again, and is posted once: old buttons and second forms say what became of it."""

import asyncio
from typing import Any

import pytest

from bridge import running, wiring
from bridge.demo.loopback import Loopback
from bridge.demo.nexudus.faults import Fault
from bridge.demo.slack.sender import Sender
from bridge.language import sentences
from bridge.operator import listing
from bridge.telling import blocks
from tests.support.space import ANA, SECRET, Space, answer_text, until, until_async


def refuse(space: Space) -> None:
    """The board will not have the next post."""
    space.board.misbehave(Fault.UNSUCCESSFUL, errors=[{"Message": "No", "PropertyName": "Subject"}])


async def latest(space: Space) -> Any:
    return (await space.bridge.outbox.latest(space.workspace.team_id, ANA, 1))[0]


async def refused_command(space: Space) -> dict[str, Any]:
    """A post that was refused, and the message with its button."""
    refuse(space)
    reply = await space.sender.command(ANA, "post Soup | At noon")
    assert blocks.REOPEN in reply.text
    return {**reply.json, "channel": "C1", "user": ANA}


async def reopened(space: Space, message: dict[str, Any], seen: int = 0) -> str:
    """A form of its own, opened by the button."""
    await space.sender.press(message, blocks.REOPEN)
    await until(lambda: len(space.workspace.views) > seen)
    await until(lambda: not space.bridge.desk.tasks)
    return str(list(space.workspace.views)[-1])


def link(space: Space) -> str:
    (thread,) = space.threads
    return f"/{thread['Id']}"


async def said_so(space: Space, before: int) -> str:
    await until(lambda: len(space.heard(ANA)) > before)
    return space.heard(ANA)[-1]


async def test_a_button_pressed_again_says_that_it_was_posted(space: Space) -> None:
    """After its second try was posted, the button of the first one opens nothing, and says where the post stands."""
    message = await refused_command(space)
    view = await reopened(space, message)
    await space.sender.submit(view, {})
    await until(lambda: space.threads)
    heard = len(space.heard(ANA))

    await space.sender.press(message, blocks.REOPEN)

    said = await said_so(space, heard)
    assert sentences.CANNOT_REOPEN["posted"] in said
    assert link(space) in said
    assert len(space.workspace.views) == 1


async def test_two_forms_of_one_button_are_one_thread(space: Space) -> None:
    """Pressed twice, both forms can be filled in; whoever sends the second one is told where the first one stands."""
    message = await refused_command(space)
    first, second = await reopened(space, message), await reopened(space, message, 1)
    await space.sender.submit(first, {})
    await until(lambda: space.threads)

    for _ in range(2):
        reply = await space.sender.submit(second, {"subject": "Soup, again"})
        assert "on the board already" in reply.errors["subject"]
        assert link(space) in reply.errors["subject"]
    assert len(space.threads) == 1


async def test_two_forms_sent_at_once_to_two_processes_are_one_thread(space: Space, redis_url: str) -> None:
    """Which of the two is posted is decided by the store, not by a process."""
    message = await refused_command(space)
    views = [await reopened(space, message), await reopened(space, message, 1)]
    space.board.delay = 0.3
    async with wiring.build(space.settings, redis_url) as bridge:
        front = Loopback(running.app(bridge))
        ours = space.sender
        other = Sender(space.workspace, SECRET, ours.client, f"{await front.start()}/slack/events")
        try:
            replies = await asyncio.gather(ours.submit(views[0], {}), other.submit(views[1], {}))
        finally:
            await front.stop()

    await until(lambda: space.threads)
    assert sorted(each.action for each in replies) == ["errors", "update"]
    assert len(space.threads) == 1


async def test_a_chain_of_tries_is_one_post(space: Space) -> None:
    """Refused, tried again in a new form, refused, tried again from there and posted: every old button knows."""
    first = await refused_command(space)
    view = await reopened(space, first)
    refuse(space)
    reply = await space.sender.submit(view, {})
    assert reply.errors
    tried = await latest(space)
    again = await reopened(space, first, 1)
    await space.sender.submit(again, {})
    await until(lambda: space.threads)

    for message in (first, {**first, **blocks.report_message(tried, tried.outcome)}):
        heard = len(space.heard(ANA))
        await space.sender.press(message, blocks.REOPEN)
        assert link(space) in await said_so(space, heard)
    reply = await space.sender.submit(view, {})
    assert "on the board already" in reply.errors["subject"]
    assert len(space.threads) == 1


async def test_a_form_corrected_in_place_makes_its_old_button_know(space: Space) -> None:
    """The form itself stayed open and was sent again: a button of the first try, told elsewhere, says so."""
    await space.sender.command(ANA, "Soup")
    view = space.view()["id"]
    refuse(space)
    assert (await space.sender.submit(view, {"message": "At noon"})).errors
    tried = await latest(space)
    message = {**blocks.report_message(tried, tried.outcome), "channel": "C1", "user": ANA, "ts": "1.2"}
    other = await reopened(space, message, 1)
    await space.sender.submit(view, {"message": "At one"})
    await until(lambda: space.threads)
    heard = len(space.heard(ANA))

    await space.sender.press(message, blocks.REOPEN)

    assert link(space) in await said_so(space, heard)
    assert "on the board already" in (await space.sender.submit(other, {})).errors["subject"]
    assert len(space.threads) == 1


async def test_a_try_that_is_under_way_is_waited_for(space: Space) -> None:
    """While the second try is still carried, neither the button nor another form makes a third one."""
    message = await refused_command(space)
    first, second = await reopened(space, message), await reopened(space, message, 1)
    space.board.down = True
    await space.sender.submit(first, {})
    heard = len(space.heard(ANA))

    await space.sender.press(message, blocks.REOPEN)
    said = await said_so(space, heard)
    assert any(sentences.CANNOT_REOPEN[state] in said for state in ("kept", "sending"))
    assert (await space.sender.submit(second, {})).errors == {"subject": sentences.REASONS["tried_waits"]}
    space.board.behave()
    await until(lambda: space.threads)


async def test_a_try_that_was_refused_too_leaves_the_way_open(space: Space) -> None:
    """Only what may stand on the board is in the way: after a second refusal the button opens the form again."""
    message = await refused_command(space)
    view = await reopened(space, message)
    refuse(space)
    assert (await space.sender.submit(view, {})).errors

    other = await reopened(space, message, 1)
    await space.sender.submit(other, {})

    await until(lambda: space.threads)


async def test_a_button_in_a_form_shows_there_what_became_of_it(space: Space) -> None:
    """Where the button stands in a view, the view itself says it."""
    await space.sender.command(ANA, "Soup")
    view = space.view()["id"]
    refuse(space)
    await space.sender.submit(view, {"message": "At noon"})
    tried = await latest(space)
    message = {**blocks.report_message(tried, tried.outcome), "channel": "C1", "user": ANA, "ts": "1.2"}
    await space.sender.submit(await reopened(space, message, 1), {})
    await until(lambda: space.threads)
    space.workspace.replace_view(view, blocks.report_view(tried, tried.outcome))

    await space.sender.press(view, blocks.REOPEN)

    await until(lambda: link(space) in str(space.workspace.views[view]))
    assert sentences.POSTED in str(space.workspace.views[view])


@pytest.mark.parametrize("by", ["button", "form"])
async def test_what_an_operator_tries_again_is_known_too(space: Space, by: str) -> None:
    """`outbox retry` posted it: the person's button and open form say so, and the other way round."""
    message = await refused_command(space)
    view = await reopened(space, message)
    refused = await latest(space)
    await listing.retry(space.bridge.outbox, space.bridge.board.tokens, refused.id)
    await until(lambda: space.threads)
    heard = len(space.heard(ANA))

    if by == "form":
        assert "on the board already" in (await space.sender.submit(view, {})).errors["subject"]
    else:
        await space.sender.press(message, blocks.REOPEN)
        assert link(space) in await said_so(space, heard)
    assert len(space.threads) == 1


async def test_an_operator_does_not_repeat_what_was_tried_again(space: Space) -> None:
    """With another subject by now, only the ledger knows that it is the same post."""
    message = await refused_command(space)
    refused = await latest(space)
    await space.sender.submit(await reopened(space, message), {"subject": "Quite another"})
    await until(lambda: space.threads)

    done = await listing.retry(space.bridge.outbox, space.bridge.board.tokens, refused.id)

    assert (done.ok, len(space.threads)) == (False, 1)
    assert "sent it again" in done.said


async def test_what_was_cancelled_and_tried_again_is_posted_once(space: Space) -> None:
    """A cancelled post has the same button, and the same memory."""
    space.board.down = True
    await space.sender.command(ANA, "post Soup | At noon")
    entry = await latest(space)
    await until_async(lambda: _put_back(space, entry.id))
    assert await space.bridge.outbox.cancel(entry.id, "changed_mind") == "cancelled"
    space.board.behave()
    entry = await latest(space)
    message = {**blocks.report_message(entry, entry.outcome), "channel": "C1", "user": ANA, "ts": "1.2"}
    first, second = await reopened(space, message), await reopened(space, message, 1)
    await space.sender.submit(first, {})
    await until(lambda: space.threads)

    assert "on the board already" in (await space.sender.submit(second, {})).errors["subject"]


async def _put_back(space: Space, id_: str) -> bool:
    entry = await space.bridge.outbox.get(id_)
    return entry is not None and entry.state == "kept"


async def test_what_an_older_bridge_kept_is_known(space: Space) -> None:
    """Records without a word about tries: a form that was sent twice is known by its own key."""
    await space.sender.command(ANA, "Soup")
    view = space.view()["id"]
    refuse(space)
    await space.sender.submit(view, {"message": "At noon"})
    tried = await latest(space)
    await space.sender.submit(view, {"message": "At one"})
    await until(lambda: space.threads)
    message = {**blocks.report_message(tried, tried.outcome), "channel": "C1", "user": ANA, "ts": "1.2"}
    heard = len(space.heard(ANA))

    reply = await space.sender.press(message, blocks.REOPEN)

    assert answer_text(reply) == ""
    assert link(space) in await said_so(space, heard)
