"""Nothing lost, nothing twice: the board misbehaves, and every post still ends as one thread or an honest word."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge import metrics
from bridge.delivery import decision
from bridge.delivery.board_health import BoardHealth
from bridge.demo.nexudus.faults import Fault
from bridge.files.queue import FileQueue
from bridge.language import sentences
from bridge.nexudus.wire import Unavailable
from bridge.post.draft import Draft, Origin, Outcome
from bridge.post.entry import Entry
from tests.support.space import ANA, BEN, CARL, Space, answer_text, open_space, until, until_async

THREADS = "/api/community/communitythreads"
POST = f"POST {THREADS}"


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(
        redis_url, nexudus_timeout=0.4, nexudus_search_lag=0.2, longest_wait=0.5, lease=1.5, still_trying_after=0.5
    ) as opened:
        await opened.sender.command(CARL, "post Warm | up")  # tokens and groups are known from here on
        await ended(opened, CARL)
        opened.board.threads.clear()
        yield opened


def posts(space: Space) -> list[Any]:
    return [seen for seen in space.board.seen(POST) if seen.method == "POST"]


async def ended(space: Space, user: str, count: int = 1) -> list[Any]:
    """A person's drafts once all of them are told."""

    async def all_told() -> Any:
        latest = await space.bridge.outbox.latest(space.workspace.team_id, user, 50)
        return latest if len(latest) == count and all(each.told for each in latest) else None

    return list(await until_async(all_told, 25))


@pytest.mark.parametrize(
    "fault",
    [
        Fault.HANGUP_AFTER,
        Fault.SILENT_AFTER,
        Fault.OOPS_AFTER,
        Fault.OOPS_400_AFTER,
        Fault.HTML_200_AFTER,
        Fault.HANGUP_BEFORE,
        Fault.SILENT_BEFORE,
        Fault.OOPS_BEFORE,
        Fault.OOPS_400,
        Fault.HTML_200,
        Fault.FORBIDDEN_HTML,
    ],
)
async def test_a_doubtful_answer_ends_as_one_thread(space: Space, fault: Fault) -> None:
    """Whether or not the board created the thread before it failed to say so, exactly one stands there, and is told."""
    space.board.misbehave(fault)

    reply = await space.sender.command(ANA, "post Quiz night | Thursday at eight")

    (entry,) = await ended(space, ANA)
    assert len(space.threads) == 1
    assert entry.outcome.ending == "posted"
    assert entry.outcome.thread == space.threads[0]["Id"]
    assert any(str(space.threads[0]["Id"]) in text for text in [answer_text(reply), *space.heard(ANA)])


@pytest.mark.parametrize("fault", [Fault.HANGUP_AFTER, Fault.SILENT_AFTER])
async def test_what_the_board_has_is_never_sent_again(space: Space, fault: Fault) -> None:
    """A thread that was accepted is found by looking: the board is asked to create it only once."""
    before = len(posts(space))
    space.board.misbehave(fault)

    await space.sender.command(ANA, "post Quiz night | Thursday at eight")
    await ended(space, ANA)

    assert len(posts(space)) - before == 1


async def test_the_first_early_look_comes_in_half_a_second(space: Space) -> None:
    """An accepted post whose answer was lost is found so soon that the person reads its link in the answer itself."""
    waits = []
    for nth in range(3):  # a machine that has more to do may be late once
        space.board.misbehave(Fault.HANGUP_AFTER)
        reply = await space.sender.command(ANA, f"post Quiz night {nth} | Thursday at eight")
        sent = posts(space)[-1].at
        waits.append(min(seen.at for seen in space.board.requests if seen.at > sent + 0.1) - sent)
        assert str(space.threads[-1]["Id"]) in answer_text(reply)
    assert decision.EARLY_LOOKS[0] <= min(waits) < 0.8


@pytest.mark.parametrize("step", ["put back", "telling", "files"])
async def test_what_is_given_back_wakes_a_worker(space: Space, step: str) -> None:
    """An idle worker sleeps until what was due when it looked: what is put off for less calls it."""
    await space.stop_worker()
    outbox, origin = space.bridge.outbox, Origin(space.workspace.team_id, ANA, time.time())
    await outbox.put("woken", Draft(origin, "Woken", ({"mrkdwn": "Body"},)))
    entry = await outbox.claim()
    assert isinstance(entry, Entry)
    queue = FileQueue.of(outbox).outbox if step == "files" else outbox
    for wake in ("wake", "attach-wake"):
        await outbox.redis.delete(outbox.key(wake))

    async with asyncio.timeout(1.5), asyncio.TaskGroup() as tasks:
        tasks.create_task(queue.wait(5))
        if step == "put back":
            await outbox.put_back(entry, 0.5)
        elif step == "telling":
            await outbox.tell_later(entry, 0.5)
        else:
            await outbox.note(entry, attach_claim=entry.claim)
            await FileQueue.of(outbox).save(entry, [{"state": "waiting"}], delay=0.5)


@pytest.mark.parametrize("fault", [Fault.OOPS_BEFORE, Fault.OOPS_400])
async def test_what_the_board_answered_is_repeated_within_seconds(redis_url: str, redis: Redis, fault: Fault) -> None:
    """Whoever has answered works no longer: two clear looks, the last later than lists may lag, and it is sent again.

    With the timeout of every day a call that fell silent would be looked for more than half a minute.
    """
    async with open_space(redis_url, nexudus_timeout=15, nexudus_search_lag=1) as space:
        await space.sender.command(ANA, "post Warm | up")
        space.board.misbehave(fault)
        await space.sender.command(ANA, "post Answered | with a no")
        await until(lambda: len(space.threads) == 2, 8)
        second, first = [seen.at for seen in reversed(posts(space)[-2:])]
        looks = [seen.at for seen in space.board.seen(f"GET {THREADS}") if first < seen.at < second]
        assert len(looks) >= 2 and second - first >= 2
        assert looks[-1] - looks[0] > 1
        await ended(space, ANA, 2)


async def test_a_late_list_is_waited_for_after_an_answer_too(redis_url: str, redis: Redis) -> None:
    """500 "Ooops", although it worked, and the lists show it only a second later: found, not sent again."""
    async with open_space(redis_url, nexudus_timeout=15, nexudus_search_lag=1) as space:
        await space.sender.command(ANA, "post Warm | up")
        space.board.search_lag = 1.5
        space.board.misbehave(Fault.OOPS_AFTER)
        await space.sender.command(ANA, "post Answered | late")
        await ended(space, ANA, 2)
        assert len(space.threads) == 2


async def test_only_the_call_that_was_answered_counts_as_answered(space: Space) -> None:
    """An answer to one send says nothing about a later one that fell silent, nor about one whose worker died."""
    await space.stop_worker()
    outbox, origin = space.bridge.outbox, Origin(space.workspace.team_id, ANA, time.time())
    await outbox.put("answered", Draft(origin, "Answered", ({"mrkdwn": "Body"},)))
    for answered in (True, False):
        entry = await outbox.claim()
        assert isinstance(entry, Entry)
        assert await outbox.sending(entry, {"a": 1}, {}, "alike", 60) == "ok"
        await outbox.put_back(entry, 0, called=True, answered=answered, failed=True)
        again = await outbox.get(entry.id)
        assert again and again.sent and (again.answered == again.sent) is answered
        await asyncio.sleep(0.01)
    assert again and (again.failures, again.sends) == (2, 2)


async def test_looks_and_named_waits_raise_no_wait(space: Space) -> None:
    """A look in doubt, and being asked to wait, are no failures: the ladder of waits counts sends that failed."""
    space.board.misbehave(Fault.THROTTLE_429, value=0.3)
    space.board.misbehave(Fault.HANGUP_BEFORE)
    space.board.misbehave(Fault.THROTTLE_429, times=2, on=f"GET {THREADS}", value=0.3)

    await space.sender.command(ANA, "post Often | looked for")

    (entry,) = await ended(space, ANA)
    assert (entry.failures, entry.sends) == (1, 2)


async def test_a_turn_that_is_not_free_keeps_the_clear_looks(space: Space) -> None:
    """Looked for twice, and then its turn is a second off: it is sent when its turn comes, not looked for all over."""
    await space.stop_worker()
    outbox, origin = space.bridge.outbox, Origin(space.workspace.team_id, ANA, time.time())
    await outbox.put("turn", Draft(origin, "Turn", ({"mrkdwn": "Body"},)))
    entry = await outbox.claim()
    assert isinstance(entry, Entry)
    await outbox.sending(entry, {"a": 1}, {}, "alike", 60)
    await outbox.put_back(entry, 0, called=True, failed=True, looks=1)
    doubted = await outbox.claim()
    assert isinstance(doubted, Entry)
    await asyncio.sleep(0.01)
    await outbox.sending(doubted, {"a": 1}, {}, "alike", 60)
    await outbox.put_back(doubted, 0, void=True, looks=doubted.looks)
    again = await outbox.get(entry.id)
    assert again and (again.state, again.sends, again.looks, again.sent) == ("sending", 1, 1, doubted.sent)


async def test_a_lagging_search_does_not_lead_to_a_second_thread(space: Space) -> None:
    """The board's lists show a new thread only a second later; it is waited for, not repeated."""
    space.board.search_lag = 1.2
    space.board.misbehave(Fault.HANGUP_AFTER)

    await space.sender.command(ANA, "post Slow index | The list lags")
    await ended(space, ANA)

    assert len(space.threads) == 1


async def test_a_list_that_ignores_its_filters_is_compared_here(space: Space) -> None:
    """With filters ignored, somebody else's thread of the same subject is never adopted."""
    space.board.unfiltered = True
    space.board.add_thread(BusinessId=1421021016, UserId=102, Subject="Quiz night", Message="Thursday at eight")
    space.board.misbehave(Fault.HANGUP_BEFORE)

    await space.sender.command(ANA, "post Quiz night | Thursday at eight")

    (entry,) = await ended(space, ANA)
    assert space.board.threads[entry.outcome.thread]["UserId"] == 101
    assert len(space.threads) == 2


async def test_failing_looks_never_count_as_having_seen_nothing(space: Space) -> None:
    """While the lists fail nothing is sent again; when they work again the thread is found."""
    space.board.fail_lists = True
    space.board.misbehave(Fault.HANGUP_AFTER)
    before = len(posts(space))

    await space.sender.command(CARL, "post Blind | Cannot look")
    asked = len(space.board.requests)
    await until(lambda: len([seen for seen in space.board.requests[asked:] if seen.method == "GET"]) >= 3)
    assert len(posts(space)) - before == 1
    space.board.fail_lists = False

    await ended(space, CARL, 2)
    assert len(space.threads) == 1


async def test_identical_words_twice_are_two_threads(space: Space) -> None:
    """The same person says the same twice and the first answer is lost: two posts, two threads, two reports."""
    space.board.misbehave(Fault.HANGUP_AFTER)

    await asyncio.gather(
        space.sender.command(ANA, "post Same | Words"),
        space.sender.command(ANA, "post Same | Words"),
    )

    entries = await ended(space, ANA, 2)
    assert len(space.threads) == 2
    assert {each.outcome.thread for each in entries} == set(space.board.threads)


async def test_near_twins_take_turns_too(space: Space) -> None:
    """The same words for two groups: the thread of one is never taken for the other's."""
    space.board.misbehave(Fault.HANGUP_BEFORE)
    space.board.misbehave(Fault.HANGUP_AFTER)
    for group in ("11", "12"):
        await space.sender.command(ANA, "Near")
        await until(lambda: any(each.get("block_id") == "group" for each in space.view()["blocks"]))
        await space.sender.submit(space.view()["id"], {"message": "twins", "group": group})

    entries = await ended(space, ANA, 2)
    told = {each.draft.group: each.outcome.thread for each in entries}
    assert {group: space.board.threads[thread]["CommunityGroupId"] for group, thread in told.items()} == {
        11: 11,
        12: 12,
    }
    assert len(space.threads) == 2


@pytest.mark.parametrize("blind", ["a read that is refused", "words that the board changed"])
async def test_a_look_that_cannot_tell_is_not_clear(redis_url: str, redis: Redis, blind: str) -> None:
    """A thread that may be ours but cannot be compared is never posted again: it may have been posted."""
    quick: dict[str, Any] = {"nexudus_timeout": 0.3, "nexudus_search_lag": 0.2, "patience": 6.0, "longest_wait": 1}
    async with open_space(redis_url, **quick) as space:
        await space.sender.command(ANA, "post Warm | up")
        space.board.misbehave(Fault.HANGUP_AFTER)
        if blind.startswith("a read"):
            space.board.missing_roles.add("CommunityThread-Read")
        asking = asyncio.create_task(space.sender.command(ANA, "post Blurred | words"))
        if not blind.startswith("a read"):
            blurred = await until(lambda: [each for each in space.threads if each["Subject"] == "Blurred"])
            blurred[0]["Message"] = "w?rds"
        await asking

        entry, _ = await ended(space, ANA, 2)
        assert entry.state == "unsure"
        assert len(space.threads) == 2


async def test_nothing_is_sent_after_its_time(space: Space) -> None:
    """A worker that is held up between its mark and the call has been replaced: it does not send any more."""
    before = len(posts(space))
    with pytest.raises(Unavailable):
        await space.bridge.delivery.board.create_thread({"Subject": "Late"}, time.monotonic() - 0.01)
    assert len(posts(space)) == before


async def test_the_mark_before_the_call_renews_the_lease(space: Space) -> None:
    """A worker whose renewals failed marks at the last moment: nobody takes the draft over while it makes the call."""
    await space.stop_worker()
    outbox, origin = space.bridge.outbox, Origin(space.workspace.team_id, ANA, time.time())
    kept = await outbox.put("late", Draft(origin, "Late", ({"mrkdwn": "Body"},)))
    entry = await outbox.claim()
    assert isinstance(entry, Entry) and entry.id == kept.id
    await asyncio.sleep(1.2)
    assert await outbox.sending(entry, {}, {}, "alike", 60) == "ok"
    await asyncio.sleep(0.6)
    assert not isinstance(await outbox.claim(), Entry)


async def test_an_unreadable_record_is_set_aside(space: Space) -> None:
    """What another version wrote and this one cannot read stops nobody else's post."""
    prefix = space.settings.prefix
    await space.redis.hset(f"{prefix}draft:odd-1", mapping={"id": "odd-1", "state": "kept", "draft": "{}"})
    await space.redis.zadd(f"{prefix}due", {"odd-1": 1})

    await space.sender.command(ANA, "post Beside | it")

    await ended(space, ANA)
    assert await space.redis.zscore(f"{prefix}failed", "odd-1")
    assert len(space.threads) == 1


@pytest.mark.parametrize("trouble", ["away", "rejected"])
async def test_what_a_dead_process_noted_is_cleared_by_another(space: Space, trouble: str) -> None:
    """A process that knew of no trouble asks for the one that noted it, and died: for /readyz it is over."""
    await space.redis.set(f"{space.settings.prefix}{trouble}", trouble, ex=600)
    bridge = space.bridge
    assert (await space.sender.client.get(f"{space.url}/readyz")).json()["board"] != "ok"

    keeping = asyncio.create_task(BoardHealth(bridge.outbox).keep(bridge.board.businesses, bridge.login_refused))
    await until_async(bridge.delivery.board_health.is_open)
    keeping.cancel()

    assert (await space.sender.client.get(f"{space.url}/readyz")).json()["board"] == "ok"


async def test_a_login_mended_in_a_quiet_space_is_ready_again(space: Space) -> None:
    """Nobody posts: the worker asks by itself, says at once that the login is rejected, and forgets it when mended."""

    async def ready(status: int) -> bool:
        return (await space.sender.client.get(f"{space.url}/readyz")).status_code == status

    space.board.expire_access_tokens()
    space.board.expire_refresh_tokens()
    space.board.must_reset_password = True
    bridge = space.bridge
    started = BoardHealth(bridge.outbox)
    started.doubt()
    keeping = started.keep(bridge.board.businesses, bridge.login_refused, pause=0.05)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(keeping)
        await until_async(partial(ready, 503))
        space.board.must_reset_password = False
        # Else the login is spared for a minute, so as not to be locked out.
        await space.redis.delete(f"{space.settings.prefix}login_refused")
        await until_async(partial(ready, 200))
        watching.cancel()
    assert space.threads == []


async def test_a_replayed_request_does_not_post_what_was_refused(space: Space) -> None:
    """The very same request again after a refusal has no second effect; a new press of the button has."""
    errors = [{"Message": "No", "PropertyName": "Subject"}]
    space.board.misbehave(Fault.UNSUCCESSFUL, errors=errors)
    draft = Draft(Origin(space.workspace.team_id, ANA, time.time()), "Once", ({"mrkdwn": "more"},))
    outbox = space.bridge.outbox
    assert (await outbox.put("k", draft, nonce="press 1")).disposition == "kept"
    await ended(space, ANA)
    assert (await outbox.put("k", draft, nonce="press 1")).disposition == "already kept"
    assert (await outbox.put("k", draft, nonce="press 2")).disposition == "kept again"
    await until(lambda: space.threads)


async def test_a_worker_killed_between_posting_and_noting_leaves_one_thread(space: Space) -> None:
    """kill -9 after the board took it: the next worker finds the thread instead of sending it again."""
    space.board.misbehave(Fault.SILENT_AFTER)
    asking = asyncio.create_task(space.sender.command(ANA, "post Killed | In between"))
    await until(lambda: space.threads)
    await space.stop_worker()
    await asking

    space.start_worker()

    (entry,) = await ended(space, ANA)
    assert entry.outcome.thread == space.threads[0]["Id"]
    assert len(space.threads) == 1


async def test_a_draft_that_kills_its_worker_reaches_the_dead_letters(space: Space) -> None:
    """Deliveries are counted too: after five that never came back the person hears that it was not posted."""
    await space.stop_worker()
    await space.sender.command(ANA, "post Poison | Pill")
    (entry,) = await space.bridge.outbox.latest(space.workspace.team_id, ANA)
    await space.redis.hset(f"{space.settings.prefix}draft:{entry.id}", "stuck", decision.MOST_STUCK)

    space.start_worker()

    (entry,) = await ended(space, ANA)
    assert (entry.outcome.ending, entry.outcome.reason) == ("unposted", "worker_died")
    assert space.threads == []


@pytest.mark.parametrize("fault", [Fault.THROTTLE_429, Fault.THROTTLE_429_BODY, Fault.THROTTLE_409])
async def test_nothing_is_sent_before_retry_after(space: Space, fault: Fault) -> None:
    """Asked to wait two seconds, no call to that address, be it anybody's, comes earlier, and the next not much later.

    Who somebody is can be asked meanwhile: a pause stops one endpoint.
    """
    space.board.misbehave(fault, value=2)
    await space.sender.command(ANA, "post Patience | One")
    asked = posts(space)[-1].at
    await space.sender.command(BEN, "post Patience | Two")

    await ended(space, ANA)
    await ended(space, BEN)

    calls = [(seen.at - asked, seen.path) for seen in space.board.requests if seen.at > asked + 0.05]
    assert 1.95 <= min(at for at, path in calls if path == THREADS) < 3.5
    assert any(at < 1.9 for at, path in calls if path != THREADS)
    assert len(space.threads) == 2


async def test_the_board_says_no_under_its_own_fields(space: Space) -> None:
    """Errors[].PropertyName stands under the form's field, and what was typed stays."""
    errors = [{"AttemptedValue": "x", "Message": "Tags are too many", "PropertyName": "Tags"}]
    space.board.misbehave(Fault.UNSUCCESSFUL, errors=errors)
    await space.sender.command(ANA, "Refused")

    reply = await space.sender.submit(space.view()["id"], {"message": "Words"})

    assert "Tags are too many" in reply.errors["tags"]
    assert space.threads == []
    again = await space.sender.submit(space.view()["id"], {"message": "Words"})
    assert again.action == "update"
    assert len(space.threads) == 1


async def test_two_workers_and_an_expired_token_refresh_once(space: Space, redis_url: str) -> None:
    """However many posts meet an expired token, the board sees one refresh."""
    second = asyncio.create_task(space.bridge.delivery.run(space.bridge.desk.installation.is_closed))
    before = space.board.token_requests
    space.board.expire_access_tokens()

    await asyncio.gather(*(space.sender.command(ANA, f"post Token {n} | Body") for n in range(6)))
    await ended(space, ANA, 6)

    assert space.board.token_requests - before == 1
    assert len(space.threads) == 6
    second.cancel()


async def test_a_rejected_login_keeps_everything_and_is_not_hammered(space: Space) -> None:
    """A changed password: posts are kept, /readyz says so, and after it is mended they arrive."""
    space.board.expire_access_tokens()
    space.board.expire_refresh_tokens()
    space.board.must_reset_password = True
    before = space.board.token_requests

    await space.sender.command(ANA, "post Locked out | Later")
    await asyncio.sleep(2)

    assert space.board.token_requests - before <= 2
    assert (await space.sender.client.get(f"{space.url}/readyz")).status_code == 503
    assert space.threads == []


async def test_patience_ends_with_was_not_when_nothing_was_sent(redis_url: str, redis: Redis) -> None:
    """A board that was never reached: the person hears that it was not posted, and may try again."""
    async with open_space(redis_url, patience=1.0, nexudus_timeout=0.3) as space:
        space.board.down = True
        await space.sender.command(ANA, "post Never | Reached")
        (entry,) = await ended(space, ANA)
        assert (entry.state, entry.outcome.reason) == ("unposted", "patience")
        assert any("Was not posted" in text for text in space.heard(ANA))


@pytest.mark.parametrize("sent", [False, True])
async def test_no_wait_outlasts_patience(redis_url: str, redis: Redis, sent: bool) -> None:
    """Asked to come back in an hour, before it is sent or while it is looked for: the person hears the end in time."""
    async with open_space(redis_url, patience=3.0, nexudus_timeout=0.3) as space:
        await space.sender.command(ANA, "post Warm | up")
        if sent:
            space.board.misbehave(Fault.HANGUP_BEFORE)
            space.board.misbehave(Fault.THROTTLE_429, on="GET /api/community/communitythreads", value=3600)
        else:
            space.board.misbehave(Fault.THROTTLE_429, value=3600)
        await space.sender.command(ANA, "post Never | Reached")
        entry, _ = await ended(space, ANA, 2)
        assert (entry.state, entry.outcome.reason) == ("unsure" if sent else "unposted", "patience")


async def test_patience_ends_with_may_not_have_been_when_in_doubt(redis_url: str, redis: Redis) -> None:
    """Sent, never answered, never found out: the person hears exactly that. Found later, it is told."""
    async with open_space(redis_url, patience=2.0, nexudus_timeout=0.3) as space:
        await space.sender.command(ANA, "post Warm | up")
        space.board.misbehave(Fault.HANGUP_AFTER)
        space.board.fail_lists = True
        await space.sender.command(ANA, "post In | Doubt")
        entry, _ = await ended(space, ANA, 2)
        assert entry.state == "unsure"
        assert any("May not have been posted" in text for text in space.heard(ANA))

        space.board.fail_lists = False
        await space.redis.zadd(f"{space.settings.prefix}due", {entry.id: time.time() * 1000})
        await until(lambda: any("after all" in text for text in space.heard(ANA)))
        assert len(space.threads) == 2


async def test_the_waiting_person_hears_within_the_quiet_time(redis_url: str, redis: Redis) -> None:
    """With the timeout of every day, "Checking" is said after the quiet seconds, not after all looks; once only."""
    async with open_space(redis_url, nexudus_timeout=15, still_trying_after=3) as space:
        await space.sender.command(ANA, "post Warm | up")
        space.board.misbehave(Fault.HANGUP_BEFORE)
        space.board.fail_lists = True
        await space.sender.command(ANA, "post Heard | Soon")
        kept = time.monotonic()
        await until(lambda: [text for text in space.heard(ANA) if "Checking" in text])
        assert time.monotonic() - kept < 5
        await asyncio.sleep(1.5)
        assert len([text for text in space.heard(ANA) if "Checking" in text]) == 1


async def test_a_long_wait_is_told_before_it_begins(redis_url: str, redis: Redis) -> None:
    """Asked to come back in a minute, bridge tells the person now that it is still trying, with a way to cancel."""
    async with open_space(redis_url) as space:
        await space.sender.command(ANA, "post Warm | up")
        space.board.misbehave(Fault.THROTTLE_429, value=60)
        await space.sender.command(ANA, "post Told | Now")
        await until(lambda: [text for text in space.heard(ANA) if "still trying" in text], 4)


async def test_cancelling_works_while_it_is_surely_not_sent(space: Space) -> None:
    """While the board is away the person is offered Cancel; pressed, nothing is posted and they are told."""
    space.board.down = True
    await space.sender.command(ANA, "post Changed | My mind")
    offered = await until(lambda: [m for ms in space.workspace.responses.values() for m in ms if "Cancel" in str(m)])

    await space.sender.press(offered[-1], "cancel_draft")
    space.board.down = False

    (entry,) = await ended(space, ANA)
    assert entry.state == "cancelled"
    assert any("Was not posted" in text for text in space.heard(ANA))
    assert space.threads == []


async def test_a_slow_board_costs_no_acknowledgement(redis_url: str, redis: Redis) -> None:
    """The board takes four seconds: forms open within one, all is acknowledged within two, all arrives."""
    async with open_space(redis_url, nexudus_timeout=30) as space:
        space.board.delay = 4
        opened = await space.sender.command(ANA, "Slow")
        posted = await space.sender.command(BEN, "post Slow | Board")
        sent = await space.sender.submit(space.view()["id"], {"message": "Words"})
        whoami = await space.sender.command(CARL, "whoami")
        assert opened.seconds < 1
        assert max(posted.seconds, sent.seconds, whoami.seconds) < 2
        assert "Kept" in answer_text(posted)
        space.board.delay = 0
        await until(lambda: len(space.threads) == 2, 50)
        await ended(space, ANA)
        await ended(space, BEN)


async def test_no_board_at_all_keeps_posts_of_people_never_seen(redis_url: str, redis: Redis) -> None:
    """Nothing is known of anybody and the board is down: forms open, posts are kept, and arrive once it is back."""
    async with open_space(redis_url, nexudus_timeout=1) as space:
        await space.board_server.stop()
        opened = await space.sender.command(ANA, "Dark")
        sent = await space.sender.submit(space.view()["id"], {"message": "Words"})
        posted = await space.sender.command(BEN, "post Dark | Board")
        assert opened.seconds < 1
        assert max(sent.seconds, posted.seconds) < 2
        await space.board_server.start()
        await ended(space, ANA)
        await ended(space, BEN)
        assert len(space.threads) == 2
        assert any("Posted" in text for text in space.heard(BEN))
        assert str(next(t["Id"] for t in space.threads if t["UserId"] == 101)) in space.view_text()


async def test_a_thread_that_another_draft_holds_is_never_claimed_too(space: Space) -> None:
    """Whatever the board answers: the second draft ends as "may not have been", and its person is told."""
    await space.sender.command(BEN, "post First | Mine")
    (first,) = await ended(space, BEN)
    outbox = space.bridge.outbox
    draft = Draft(Origin(space.workspace.team_id, ANA, time.time()), "Second", ({"mrkdwn": "words"},))
    await space.stop_worker()
    await outbox.put("second", draft)
    claimed = await outbox.claim()
    assert isinstance(claimed, Entry)
    counted = metrics.OUTCOMES.labels("unsure", "several")._value.get()

    await space.bridge.delivery._end(claimed, Outcome("posted", thread=first.outcome.thread, link="https://x"))

    (second,) = await ended(space, ANA)
    assert (second.state, second.outcome.reason) == ("unsure", "several")
    assert metrics.OUTCOMES.labels("unsure", "several")._value.get() == counted + 1
    assert any("May not have been posted" in text for text in space.heard(ANA))


@pytest.mark.parametrize(
    ("trouble", "noted", "said"),
    [
        ("token_revoked", "slack token", "slack_refused"),
        ("missing_scope", "slack refused", "slack_refused"),
        (503, "slack away", "slack"),
    ],
)
async def test_slacks_trouble_is_told_as_slacks(space: Space, trouble: str | int, noted: str, said: str) -> None:
    """While Slack does not say who somebody is, their post waits, who reads of it reads of Slack, and it arrives."""
    await space.redis.delete(f"{space.settings.prefix}slack:{ANA}")
    space.workspace.fail("users.info", trouble, times=None)

    await space.sender.command(ANA, "post Of Ana | Words")
    await until(lambda: any(sentences.FAULTS[said] in text for text in whole(space)))

    (entry,) = await space.bridge.outbox.latest(space.workspace.team_id, ANA)
    assert (entry.last_error, entry.sends) == (noted, 0)
    assert not any("reach the board" in text for text in whole(space))
    space.workspace.behave()
    (entry,) = await ended(space, ANA)
    assert entry.outcome.ending == "posted"


def whole(space: Space) -> list[str]:
    """Every message that went to a response_url, with its blocks."""
    return [str(each) for messages in space.workspace.responses.values() for each in messages]


async def test_patience_with_slack_ends_as_slacks(redis_url: str, redis: Redis) -> None:
    """Slack never said who somebody is: that is what they read when it is given up, not that the board was away."""
    async with open_space(redis_url, patience=1.0) as space:
        space.workspace.fail("users.info", "token_revoked", times=None)
        await space.sender.command(ANA, "post Never | Known")
        (entry,) = await ended(space, ANA)

    assert (entry.state, entry.outcome.reason) == ("unposted", "patience_slack")
