"""The report reaches the person alone, by the next way until one works, or the record says untold."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.demo.nexudus.faults import Fault
from bridge.language import sentences
from bridge.post.draft import Draft, Origin
from bridge.telling import blocks
from tests.support.signed import command
from tests.support.space import ANA, BEN, Space, answer_text, open_space, until, until_async


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url, nexudus_timeout=3, longest_wait=1) as opened:
        await opened.sender.command(ANA, "post Warm | up")
        opened.board.threads.clear()
        yield opened


async def told(space: Space, subject: str, user: str = ANA) -> Any:
    async def find() -> Any:
        latest = await space.bridge.outbox.latest(space.workspace.team_id, user, 9)
        return next((each for each in latest if each.draft.subject == subject and each.told), None)

    return await until_async(find, 20)


def slow(space: Space) -> None:
    """Slow enough that the answer itself can only be an interim one."""
    space.board.misbehave(Fault.SLOW, value=1.6)


def slow_to_refuse(space: Space) -> None:
    """Slow in finding who Ben is, and then it takes nothing from him."""
    space.board.misbehave(Fault.SLOW, on="GET /api/spaces/coworkers", value=1.6)
    space.board.misbehave(Fault.UNSUCCESSFUL, errors=[{"Message": "No", "PropertyName": "Subject"}])


async def test_the_form_itself_becomes_the_report(space: Space) -> None:
    """A slow post: the form says that it is kept, then turns into the report with the link."""
    slow(space)
    await space.sender.command(ANA, "Slow")
    await space.sender.submit(space.view()["id"], {"message": "m"})
    assert "Kept, and on its way" in space.view_text()
    assert (await told(space, "Slow")).told == "form"
    assert f"/thread/{space.threads[0]['Id']}/" in space.view_text()


async def test_a_post_that_waits_can_be_cancelled_once_its_form_is_closed(space: Space) -> None:
    """`status` offers the way out that the form had, for what is surely not sent and for nothing else."""
    space.board.misbehave(Fault.THROTTLE_429, value=60)
    await space.sender.command(ANA, "Closed")
    view = space.view()["id"]
    await space.sender.submit(view, {"message": "m"})
    await space.sender.close(view)
    standing = (await space.sender.command(ANA, "status")).json
    assert str(standing).count(blocks.CANCEL) == 1, "the one that was posted cannot be cancelled"

    await space.sender.press(standing | {"user": ANA}, blocks.CANCEL)

    await until(lambda: any("Was not posted" in text for text in space.heard(ANA)))
    assert space.threads == []


async def test_whom_slack_gave_up_on_is_told_by_the_worker(space: Space) -> None:
    """Slack hangs up before the answer (we were frozen, or starved): an answer that nobody reads tells nobody."""
    space.board.misbehave(Fault.SLOW, value=0.4)
    space.sender.patience = 0.1
    assert (await space.sender.command(ANA, "post Unheard | Body")).trouble == "operation_timeout"
    assert (await told(space, "Unheard")).told == "response_url"
    assert sum("Posted" in text for text in space.heard(ANA)) == 1


async def test_an_answer_that_may_have_come_too_late_is_not_counted_on(space: Space) -> None:
    """A request that lay on its way for three seconds: Slack may give up while the answer leaves, so a worker tells."""
    body = command(space, "post Belated | Body")

    reply = await space.sender.raw(body, space.sender.sign(body, time.time() - 3))

    assert "Posted" in answer_text(reply)
    assert (await told(space, "Belated")).told == "response_url"
    assert len(space.threads) == 1


async def test_a_form_closed_early_is_no_way(space: Space) -> None:
    """The person closes the form while it waits: the report comes through the command's response_url."""
    slow(space)
    await space.sender.command(ANA, "Closed")
    view = space.view()["id"]
    await space.sender.submit(view, {"message": "m"})
    await space.sender.close(view)
    assert (await told(space, "Closed")).told == "response_url"
    assert any("Posted" in text for text in space.heard(ANA))


async def test_a_response_url_that_says_no_with_200_told_nobody(space: Space) -> None:
    """Slack's errors often come with status 200 and `ok: false`: then the next way is tried."""
    slow(space)
    space.workspace.fail("hooks", "internal_error", None)
    await space.sender.command(ANA, "post Denied | Body")
    assert (await told(space, "Denied")).told == "ephemeral"


async def test_a_dead_response_url_leads_to_an_ephemeral(space: Space) -> None:
    """A response_url that does not answer: told in the channel, to that person only."""
    slow(space)
    space.workspace.dead_hooks = True
    await space.sender.command(ANA, "post Dead | hook")
    assert (await told(space, "Dead")).told == "ephemeral"
    assert [each["user"] for each in space.workspace.ephemerals] == [ANA]


async def test_a_bot_that_is_not_in_the_channel_writes_directly(space: Space) -> None:
    """Neither response_url nor ephemeral: a direct message carries the report."""
    slow(space)
    space.workspace.dead_hooks = True
    await space.sender.command(ANA, "post Direct | message", channel="C2")
    assert (await told(space, "Direct")).told == "message"
    assert any("Posted" in str(each) for each in space.workspace.dms[ANA])


async def test_without_any_way_the_record_says_untold(space: Space) -> None:
    """Every way fails for good: the thread stands once, and the record says untold."""
    slow(space)
    space.workspace.dead_hooks = True
    space.workspace.fail("chat.postMessage", "messages_tab_disabled", times=None)
    await space.sender.command(ANA, "post Nobody | hears", channel="C2")
    entry = await told(space, "Nobody")
    assert entry.told == "untold"
    assert entry.state == "posted"
    assert len(space.threads) == 1


async def test_telling_again_never_posts_again(space: Space) -> None:
    """Slack is away when the outcome is to be told: it is told later, and the board is left alone."""
    slow(space)
    await space.sender.command(ANA, "post Later | told")
    space.workspace.down = True
    await until(lambda: space.threads)
    await asyncio.sleep(2.5)
    space.workspace.down = False
    assert (await told(space, "Later")).told
    assert len(space.threads) == 1


@pytest.mark.parametrize(("user", "make_slow", "said"), [
    (ANA, slow, sentences.POSTED), (BEN, slow_to_refuse, sentences.REFUSED),
])  # fmt: skip
async def test_an_interim_answer_never_has_the_last_word(
    space: Space, user: str, make_slow: Callable[[Space], None], said: str
) -> None:
    """The worker's report reaches Slack before the interim answer of a web process that is gone: it is told again."""
    make_slow(space)
    await space.sender.command(user, "Race")
    view = space.view()["id"]
    await space.sender.submit(view, {"message": "m"})
    interim = space.view()
    await until(lambda: said in space.view_text())

    space.workspace.replace_view(view, interim)

    assert (await told(space, "Race", user)).told == "form"
    assert said in space.view_text()


async def test_a_refused_form_that_is_open_again_is_left_alone(space: Space) -> None:
    """Told once more, the refusal would cover what is being mended: who pressed its button knows of it."""
    slow_to_refuse(space)
    await space.sender.command(BEN, "Mended")
    view = space.view()["id"]
    await space.sender.submit(view, {"message": "m"})
    await until(lambda: sentences.REFUSED in space.view_text())

    await space.sender.press(view, blocks.REOPEN)

    await until(lambda: space.view()["callback_id"] == blocks.FORM)
    assert (await told(space, "Mended", BEN)).told == "button"
    await asyncio.sleep(4)
    assert space.view()["callback_id"] == blocks.FORM


async def test_words_are_blanked_once_posted_and_told(space: Space) -> None:
    """After the report nothing of the message is left in Redis; a refused one keeps it for another try."""
    await space.sender.command(ANA, "post Blank | unmistakable-words")
    space.board.misbehave(Fault.UNSUCCESSFUL, errors=[{"Message": "No", "PropertyName": "Subject"}])
    await space.sender.command(ANA, "post Refused | kept-for-later")
    await told(space, "Blank")
    await told(space, "Refused")
    everything = [str(await space.redis.hgetall(key)) async for key in space.redis.scan_iter("*draft:*")]
    assert not any("unmistakable-words" in each for each in everything)
    assert any("kept-for-later" in each for each in everything)


def test_a_blanked_draft_names_nobody_else() -> None:
    """What `status` shows is left of a posted draft: no guest, no author, nobody whose id stood in the words."""
    draft = Draft(Origin("T1", ANA, 0.0), "s", ({"mrkdwn": "x"},), guests=(BEN,), credit=BEN, unnamed=(BEN,))
    assert BEN in draft.to_json()
    assert BEN not in draft.blanked().to_json()


async def test_a_foreign_response_url_is_never_called(space: Space) -> None:
    """A response_url outside of Slack's hosts and the configured API is not followed."""
    api = space.bridge.desk.api
    for url in (
        "https://evil.example/hook",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        f"http://127.0.0.1:{space.workspace_server.port + 1}/hooks/x",
        "https://hooks.slack.com:8443/x",
        "//hooks.slack.com/x",
        "https://[::1",
    ):
        assert not api.is_slacks(url), url
    for url in (
        "https://hooks.slack.com/commands/1",
        "https://hooks.slack-gov.com/x",
        f"{space.workspace.url}/hooks/x",
    ):
        assert api.is_slacks(url), url


async def test_somebody_elses_post_cannot_be_cancelled(space: Space) -> None:
    """Cancel carries a draft's id; pressed by somebody else it does nothing, and they hear so."""
    await space.stop_worker()
    await space.sender.command(ANA, "post Mine | not yours")
    (entry, *_) = await space.bridge.outbox.latest(space.workspace.team_id, ANA)

    await space.bridge.desk.cancel({"team": space.workspace.team_id, "user": BEN}, entry.id, None)

    again = await space.bridge.outbox.get(entry.id)
    assert again is not None
    assert again.state == "kept"
    assert space.workspace.dms[BEN]


async def test_a_web_process_that_dies_while_waiting_forgets_nobody(space: Space) -> None:
    """The web process promised to tell and died: the worker tells when that time is over."""
    origin = Origin(space.workspace.team_id, ANA, time.time(), channel="C1")
    await space.bridge.outbox.put("k", Draft(origin, "Orphan", ({"mrkdwn": "m"},)), watch=1.5)
    assert (await told(space, "Orphan")).told == "ephemeral"
    assert len(space.threads) == 1


async def test_every_key_expires_or_is_accounted_for(space: Space) -> None:
    """After posts, forms and refusals only the queue's own few keys have no end."""
    await space.sender.command(ANA, "Form")
    await space.sender.submit(space.view()["id"], {"message": "m"})
    space.board.misbehave(Fault.UNSUCCESSFUL, errors=[{"Message": "No", "PropertyName": "Subject"}])
    await space.sender.command(ANA, "post Refused | m")
    await told(space, "Refused")
    endless = {key.rsplit("}:", 1)[1] async for key in space.redis.scan_iter("*") if await space.redis.ttl(key) == -1}
    assert endless <= {"due", "failed", "wake", "client_id"}
