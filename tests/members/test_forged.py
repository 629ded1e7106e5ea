"""A forged origin names nobody else, and what is remembered of people leads nobody astray."""

import contextlib
import json
from typing import Any

import pytest

from bridge.demo.nexudus.faults import CREATE
from bridge.language import sentences
from bridge.words.names import Mentioned
from tests.support.dora import DORA, DORAS, POST, PROFILES, add_dora, add_profile, form, ids, posted, refused, told
from tests.support.space import ANA, BEN, Space, until

# ── forged origins ───────────────────────────────────────────────────────────


async def test_a_claimed_user_name_is_nobodys(space: Space) -> None:
    """`user_name` in a command is not believed: the thread carries the ids of `user_id`."""
    await space.sender.command(BEN, POST, user_name="ana", enterprise_id="E1", enterprise_name="ana")

    assert ids(await posted(space)) == (102, 202)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": {"team": "T0BRIDGE", "user": ANA, "asked_at": 1.0}},
        {"origin": {"team": "T0BRIDGE", "user": ANA, "asked_at": 1.0, "view": "V0OTHER", "channel": "C2"}},
        {"user": ANA, "UserId": 101},
        {"origin": {"team": "T0BRIDGE", "user": ANA, "asked_at": 1.0, "extra": 1}},
        {"origin": ANA},
        {"origin": {"team": {}, "user": [], "asked_at": "x", "channel": {}, "response_url": 7, "message_ts": 1.5}},
        {"credit": {"a": 1}, "original": ["x"], "more": "x"},
        [],
        "text",
        7,
        None,
    ],
    ids=lambda value: json.dumps(value)[:40],
)
async def test_a_forged_memory_names_nobody_else(space: Space, change: Any) -> None:
    """Whatever private_metadata claims, the thread carries the ids of whoever pressed the button."""
    view = await form(space, BEN)
    live = space.workspace.views[view["id"]]
    seal = space.bridge.desk.open_forms.seal
    memory = json.loads(seal.open(view["private_metadata"]) or "")
    live["private_metadata"] = json.dumps({**memory, **change} if isinstance(change, dict) else change)

    reply = await space.sender.submit(view["id"], {"message": "Hi"})

    assert reply.status == 200
    assert ids(await posted(space)) == (102, 202)


async def test_a_form_of_somebody_else_posts_as_the_one_who_sends_it(space: Space) -> None:
    """A form that Ana opened and Ben sends is Ben's."""
    view = await form(space, ANA)

    await space.sender.submit(view["id"], {"message": "Hi"}, user=BEN)

    assert ids(await posted(space)) == (102, 202)


@pytest.mark.parametrize("claim", ["user only", "view installed here", "no team at all"])
async def test_a_form_sent_from_a_foreign_workspace_is_refused(space: Space, claim: str) -> None:
    """In a shared channel an outsider can send a form: their own team counts, not the one that the view names."""
    space.workspace.add_user(DORA, "Dora", "ana@space.example", team_id="T0FOREIGN")
    view = await form(space, ANA)
    payload = space.sender._payload("view_submission", DORA, view["id"])
    if claim == "user only":
        payload["team"] = {"id": space.workspace.team_id, "domain": "harbour"}
    elif claim == "no team at all":
        payload["team"] = None
    live = space.workspace.views[view["id"]]
    space.sender.fill(view["id"], {"message": "Hi"})

    reply = await space.sender.interact(payload | {"view": live, "response_urls": []})

    assert reply.errors == {"subject": sentences.FOREIGN}
    await refused(space, DORA, reply, "foreign")


async def test_a_foreign_user_who_claims_our_team_is_refused_by_slacks_word(space: Space) -> None:
    """When the payload claims our team for a foreign user, users.info is asked and decides."""
    space.workspace.add_user(DORA, "Dora", "ana@space.example", team_id="T0FOREIGN")
    view = await form(space, ANA)
    payload = space.sender._payload("view_submission", DORA, view["id"])
    payload |= {"team": {"id": space.workspace.team_id}, "user": {"id": DORA, "name": "ana"}}
    space.sender.fill(view["id"], {"message": "Hi"})

    reply = await space.sender.interact(payload | {"view": space.workspace.views[view["id"]]})

    await refused(space, DORA, reply, "foreign")


async def test_the_own_words_of_others_stay_theirs(space: Space) -> None:
    """A carried message of Ben's is Ana's post: under her ids, with his name in the credit."""
    message = {"type": "message", "user": BEN, "ts": "1700000000.000100", "text": "Soup at noon"}
    await space.sender.message_shortcut(ANA, message)
    await until(lambda: space.workspace.views)

    await space.sender.submit(space.view()["id"], {"subject": "Soup"})

    thread = await posted(space)
    assert ids(thread) == (101, 201)
    assert "Ben" in thread["Message"]


# ── what is remembered ───────────────────────────────────────────────────────


async def test_a_warm_post_makes_one_call_to_the_board(space: Space) -> None:
    """The second post of a person asks the board nothing: one call, the POST; and Slack at most once."""
    await space.sender.command(ANA, POST)
    await posted(space)
    board, slack = len(space.board.requests), len(space.workspace.calls)

    await space.sender.command(ANA, "post Tea is back | The kettle works again")

    await until(lambda: len(space.threads) == 2)
    assert [each.line for each in space.board.requests[board:]] == [CREATE]
    assert len(space.workspace.calls) - slack <= 1


async def changed(space: Space, user: str, **profile: Any) -> None:
    """Slack's profile changes, and Slack says so."""
    person = space.workspace.users[user]
    person["profile"] |= profile
    reply = await space.sender.event({"type": "user_change", "user": person, "event_ts": "1.0"})
    assert reply.status == 200
    await until(lambda: not space.bridge.desk.tasks)


async def test_a_changed_address_drops_the_mapping(space: Space) -> None:
    """After user_change with another address, the next post asks the board again, and follows the new address."""
    await space.sender.command(ANA, POST)
    await posted(space)
    add_profile(space)
    asked = len(space.board.seen(PROFILES))

    await changed(space, ANA, email=DORAS)
    await space.sender.command(ANA, "post Tea is back | The kettle works again")

    await until(lambda: len(space.threads) == 2)
    assert len(space.board.seen(PROFILES)) > asked
    assert ids(space.threads[1]) == (150, 250)


@pytest.mark.parametrize("flags", [{"deleted": True}, {"is_email_confirmed": False}, {"team_id": "T0FOREIGN"}])
async def test_a_changed_standing_in_slack_drops_the_mapping(space: Space, flags: dict[str, Any]) -> None:
    """After user_change that closes the gate, the next post is refused although the mapping was warm."""
    await space.sender.command(ANA, POST)
    await posted(space)

    space.workspace.users[ANA] |= flags
    await changed(space, ANA)
    reply = await space.sender.command(ANA, "post Tea | It works", team_id=space.workspace.team_id)

    await until(lambda: sentences.REFUSED in told(space, ANA, reply))
    assert len(space.threads) == 1


async def test_a_changed_status_drops_nothing(space: Space) -> None:
    """user_change is noisy: a new status or name leaves the mapping warm."""
    await space.sender.command(ANA, POST)
    await posted(space)
    board = len(space.board.requests)

    await changed(space, ANA, status_text="In a meeting", status_emoji=":calendar:", display_name="Ana B.")
    await space.sender.command(ANA, "post Tea is back | The kettle works again")

    await until(lambda: len(space.threads) == 2)
    assert [each.line for each in space.board.requests[board:]] == [CREATE]


async def test_a_user_change_of_a_stranger_changes_nothing(space: Space) -> None:
    """user_change about somebody nobody asked about is taken note of and no more."""
    board, slack = len(space.board.requests), len(space.workspace.calls)

    await changed(space, BEN, email="other@space.example")

    assert (len(space.board.requests), len(space.workspace.calls)) == (board, slack)


async def test_an_unknown_person_is_not_unknown_for_long(space: Space) -> None:
    """ "Nobody with this address" is believed for a minute at most: who signs up can soon post."""
    add_dora(space)
    await refused(space, DORA, await space.sender.command(DORA, POST), "unknown")

    ttl = await space.redis.pttl(f"{space.settings.prefix}member:{DORA}")

    assert 0 < ttl <= 60_000


async def test_what_is_remembered_holds_no_secret_of_the_board(space: Space) -> None:
    """The board's records carry tokens and salts of people; none of them is kept."""
    add_dora(space)
    add_profile(space)
    del space.board.coworkers[250]
    await space.sender.command(DORA, POST)
    await posted(space)

    kept = [await space.redis.get(key) for key in await space.redis.keys("*member*")]

    assert kept
    assert "never-log-this" not in str(kept)


# ── a board that says no, or nothing ─────────────────────────────────────────


async def test_a_refused_id_is_looked_up_anew_once(space: Space) -> None:
    """401 on the POST while reads work: the mapping is dropped, resolved anew, tried once more, then refused."""
    space.board.coworkers[201]["UserId"] = 555  # a login that is not there

    reply = await space.sender.command(ANA, POST)

    await until(lambda: sentences.REASONS["reference_refused"] in told(space, ANA, reply))
    sent = [each.json["UserId"] for each in space.board.seen(CREATE) if each.method == "POST"]
    # The client itself may ask once more with a fresh token; the attempts are what is counted.
    attempts = [each for each in space.board.seen(PROFILES) if each.query.get("Coworker_Email")]
    assert (space.threads, set(sent), len(attempts)) == ([], {555}, 2)
    assert len(sent) == 2


async def test_a_moved_login_is_found_anew(space: Space) -> None:
    """When a remembered login is gone from the board, the post goes out once under the new one of the same person."""
    await space.sender.command(ANA, POST)
    await posted(space)
    space.board.coworkers[201]["UserId"] = 171
    space.board.users[171] = space.board.users.pop(101) | {"Id": 171}

    await space.sender.command(ANA, "post Tea is back | The kettle works again")

    await until(lambda: len(space.threads) == 2)
    assert ids(space.threads[1]) == (171, 201)


@pytest.mark.parametrize("way", ["down", "lists fail", "slow"])
async def test_a_board_that_is_away_refuses_nobody(space: Space, way: str) -> None:
    """Nobody is told "no" because the board cannot be asked; the post is carried when it can."""
    space.board.down = way == "down"
    space.board.fail_lists = way == "lists fail"
    space.board.delay = 1.5 if way == "slow" else 0.0

    reply = await space.sender.command(ANA, POST)

    assert sentences.REFUSED not in told(space, ANA, reply)
    assert reply.seconds < 2
    space.board.behave()
    assert ids(await posted(space)) == (101, 201)


async def test_a_board_that_is_away_makes_nobody_unknown(space: Space) -> None:
    """A failed look-up is not remembered as "nobody"."""
    space.board.fail_lists = True
    await space.sender.command(ANA, POST)

    assert await space.redis.get(f"{space.settings.prefix}member:{ANA}") is None

    space.board.behave()
    await posted(space)


async def test_the_cache_being_full_of_junk_posts_as_nobody_else(space: Space) -> None:
    """A remembered mapping for another address than Slack's is not used."""
    with contextlib.suppress(Exception):
        await space.sender.command(BEN, POST)
    await posted(space)
    key = f"{space.settings.prefix}member:"
    await space.redis.set(f"{key}{ANA}", str(await space.redis.get(f"{key}{BEN}")))

    await space.sender.command(ANA, "post Tea is back | The kettle works again")

    await until(lambda: len(space.threads) == 2)
    assert ids(space.threads[1]) == (101, 201)


async def test_a_thousand_mentions_hold_nobody_up(space: Space) -> None:
    """Names are looked up for a while and up to a number; when Slack asks for a pause, no further."""
    people = space.bridge.desk.places.people
    before = len(space.workspace.calls)
    found = await people.names(Mentioned(frozenset(f"U0X{n}" for n in range(1000))))
    assert found.users == {}
    assert len(space.workspace.calls) - before <= 100

    space.workspace.ratelimit("users.info", 60, times=None)
    before = len(space.workspace.calls)
    await people.names(Mentioned(frozenset(f"U0Y{n}" for n in range(50))))
    assert len(space.workspace.calls) - before == 1
