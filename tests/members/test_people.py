"""Nobody posts as somebody else: whom Slack's and the board's records are believed to be.

Each trap is asked for with a signed request at the real front; what counts is what stands on the
board afterwards, and which sentence the person was told.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import httpx
import pytest
from redis.asyncio import Redis

from bridge.demo.nexudus.faults import Fault
from bridge.language import sentences
from bridge.members.trusted_email import same_address
from bridge.nexudus.wire import decipher
from bridge.slack.webapi import CallFailed, WebApi
from tests.support.dora import (
    DORA,
    DORAS,
    LOGINS,
    POST,
    PROFILES,
    add_dora,
    add_profile,
    ids,
    posted,
    refused,
    told,
)
from tests.support.space import ANA, BEN, Space, open_space, until

# ── the Slack side ───────────────────────────────────────────────────────────

SLACK_TRAPS: dict[str, tuple[str, dict[str, Any]]] = {
    "another workspace's": ("foreign", {"team_id": "T0FOREIGN"}),
    "a stranger's": ("foreign", {"stranger": True}),
    "a deactivated": ("deleted", {"deleted": True}),
    "a bot's": ("bot", {"is_bot": True}),
    "an unconfirmed": ("unconfirmed", {"confirmed": False}),
    "a mailless": ("no_email", {"email": None}),
    "an empty-mailed": ("no_email", {"email": ""}),
}


@pytest.mark.parametrize(("reason", "flags"), SLACK_TRAPS.values(), ids=SLACK_TRAPS.keys())
async def test_an_address_is_believed_only_from_a_sound_profile(
    space: Space, reason: str, flags: dict[str, Any]
) -> None:
    """A profile that is foreign, gone, a bot's, unconfirmed or without address posts nothing, whoever has its address.

    The request itself claims our own workspace: only Slack's users.info is asked what is true.
    """
    add_profile(space)
    add_dora(space, **flags)

    reply = await space.sender.command(DORA, POST, team_id=space.workspace.team_id)

    await refused(space, DORA, reply, reason)
    assert space.board.seen(PROFILES) == [], "an address that is not believed is not even looked up"


@pytest.mark.parametrize("text", [POST, "Only a subject", "", "whoami", "status"])
async def test_a_foreign_team_gets_nothing_at_all(space: Space, text: str) -> None:
    """A command that comes from another workspace opens no form and looks nobody up."""
    add_profile(space)
    add_dora(space, team_id="T0FOREIGN")

    reply = await space.sender.command(DORA, text)

    assert sentences.FOREIGN in told(space, DORA, reply)
    assert (space.threads, space.workspace.views, space.board.seen(PROFILES)) == ([], {}, [])


async def test_slackbot_is_no_person(space: Space) -> None:
    """Slackbot, whose is_bot is false, is a bot all the same."""
    space.workspace.add_user("USLACKBOT", "Slackbot", DORAS)
    add_profile(space)

    await refused(space, "USLACKBOT", await space.sender.command("USLACKBOT", POST), "bot")


async def test_an_apps_own_user_is_no_person(space: Space) -> None:
    """A user that stands for an app is refused as a bot is."""
    add_dora(space)
    space.workspace.users[DORA]["is_app_user"] = True
    add_profile(space)

    await refused(space, DORA, await space.sender.command(DORA, POST), "bot")


@pytest.mark.parametrize("flag", ["restricted", "ultra_restricted"])
async def test_guests_are_refused_where_the_space_says_so(redis_url: str, redis: Redis, flag: str) -> None:
    """With SLACK_GUESTS=refuse, neither kind of guest posts."""
    async with open_space(redis_url, slack_guests="refuse") as space:
        space.workspace.add_user(
            DORA, "Dora", DORAS, restricted=flag == "restricted", ultra_restricted=flag != "restricted"
        )
        add_profile(space)

        await refused(space, DORA, await space.sender.command(DORA, POST), "guest")


async def test_guests_with_a_board_account_post_by_default(space: Space) -> None:
    """With SLACK_GUESTS=allow, a workspace's guest posts under the account of their own."""
    add_dora(space, ultra_restricted=True)
    add_profile(space)

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 250)


async def test_guests_without_a_board_account_are_unknown(space: Space) -> None:
    """A guest needs an account on the board like everybody else."""
    add_dora(space, restricted=True)

    await refused(space, DORA, await space.sender.command(DORA, POST), "unknown")


@pytest.mark.parametrize("error", ["user_not_found", "user_not_visible"])
async def test_somebody_slack_does_not_show_us_is_foreign(space: Space, error: str) -> None:
    """A user whom Slack will never show us is refused at once, not tried for a day."""
    space.workspace.fail("users.info", error, times=None)

    reply = await space.sender.command("U0NOBODY", POST)

    await refused(space, "U0NOBODY", reply, "foreign")


async def test_an_answer_that_names_no_workspace_is_no_answer(space: Space) -> None:
    """auth.test without a team, as a proxy may answer it, is a Slack that is away: nobody is held to be at home."""
    space.workspace._methods["auth.test"] = lambda _: {}
    async with aiohttp.ClientSession() as session, httpx.AsyncClient() as http:
        api = WebApi("xoxb-demo", space.settings.slack_api_url, session, http)
        with pytest.raises(CallFailed) as failed:
            await api.home()
    assert failed.value.passing


@pytest.mark.parametrize("error", ["ratelimited", "internal_error", 503])
async def test_slack_being_away_is_no_refusal(space: Space, error: str | int) -> None:
    """When users.info does not work just now, the post is kept, and carried when it does."""
    space.workspace.fail("users.info", error, times=1)

    reply = await space.sender.command(ANA, POST)

    assert sentences.REFUSED not in told(space, ANA, reply)
    assert ids(await posted(space)) == (101, 201)


# ── the mapping ──────────────────────────────────────────────────────────────


def _nobody(space: Space) -> None:
    """The board knows no such address."""


def _archived(space: Space) -> None:
    add_profile(space, archived=True)


def _inactive(space: Space) -> None:
    add_profile(space, active=False)


def _login_inactive(space: Space) -> None:
    add_profile(space)["UserActive"] = False


def _without_login(space: Space) -> None:
    add_profile(space, user_id=None)


def _two_accounts(space: Space) -> None:
    add_profile(space)
    add_profile(space, user_id=151, coworker_id=251)


def _two_logins(space: Space) -> None:
    _two_accounts(space)
    space.board.coworkers.clear()


def _a_dead_login(space: Space) -> None:
    add_profile(space, active=False)
    del space.board.coworkers[250]


def _deleted_but_listed(space: Space) -> None:
    # Listed with its Id, yet a single GET of that Id answers 401, as seen live.
    add_profile(space)
    space.board.coworkers[999_250] = space.board.coworkers.pop(250)
    del space.board.users[150]


def _contained_in_an_admins(space: Space) -> None:
    # User_Email finds what merely contains the address.
    add_profile(space, email=f"not.{DORAS}.example")["Email"] = "other@space.example"
    space.board.users[150]["IsAdmin"] = True


def _contained_in_a_profiles(space: Space) -> None:
    space.board.unfiltered = True
    add_profile(space, email=f"x{DORAS}")


def _list_ignores_its_filter(space: Space) -> None:
    space.board.unfiltered = True


def _record_changed_since_listed(space: Space) -> None:
    # Still listed by the old address; the record itself says another one.
    record = add_profile(space)
    space.board.coworkers[999_250] = dict(record)
    record["Email"] = "elsewhere@space.example"
    del space.board.users[150]


def _long_s(space: Space) -> None:
    # U+017F folds to "s": somebody else's mailbox, equal only to a careless comparison.
    space.workspace.users[DORA]["profile"]["email"] = "dora@\u017fpace.example"
    add_profile(space)


def _sharp_s(space: Space) -> None:
    space.workspace.users[DORA]["profile"]["email"] = "wei\u00df@space.example"
    add_profile(space, email="weiss@space.example")


MAPPING_TRAPS: dict[str, tuple[str, Callable[[Space], None]]] = {
    "unknown": ("unknown", _nobody),
    "archived": ("archived", _archived),
    "inactive": ("inactive", _inactive),
    "login inactive": ("inactive", _login_inactive),
    "without login": ("no_login", _without_login),
    "two accounts": ("ambiguous", _two_accounts),
    "two logins": ("ambiguous", _two_logins),
    "a dead login": ("inactive", _a_dead_login),
    "deleted, still listed": ("profile_unreadable", _deleted_but_listed),
    "contained in an admin's": ("unknown", _contained_in_an_admins),
    "contained in a profile's": ("unknown", _contained_in_a_profiles),
    "list ignores its filter": ("unknown", _list_ignores_its_filter),
    "record changed since listed": ("unknown", _record_changed_since_listed),
    "long s": ("unknown", _long_s),
    "sharp s": ("unknown", _sharp_s),
}


@pytest.mark.parametrize(("reason", "trap"), MAPPING_TRAPS.values(), ids=MAPPING_TRAPS.keys())
async def test_nobody_is_guessed(space: Space, reason: str, trap: Callable[[Space], None]) -> None:
    """Whoever is not exactly one living account with a login of their own posts nothing, and is told why."""
    add_dora(space)
    trap(space)

    await refused(space, DORA, await space.sender.command(DORA, POST), reason)


@pytest.mark.parametrize(
    ("in_slack", "on_the_board"),
    [("DORA@Space.Example", DORAS), (DORAS, "Dora@SPACE.example"), (f" {DORAS}", f"{DORAS} ")],
)
async def test_the_case_of_an_address_does_not_matter(space: Space, in_slack: str, on_the_board: str) -> None:
    """An address that differs in case or in outer blanks is the same address."""
    space.board.unfiltered = True
    add_dora(space, in_slack)
    add_profile(space, on_the_board)

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 250)


async def test_a_list_that_ignores_its_filter_yields_only_oneself(space: Space) -> None:
    """Although the board answers with everybody, the thread carries the actor's own ids."""
    space.board.unfiltered = True

    await space.sender.command(BEN, POST)

    assert ids(await posted(space)) == (102, 202)


async def test_what_another_board_said_is_not_believed(space: Space) -> None:
    """BRIDGE_ACCOUNT kept while NEXUDUS_URL changes: the same ids may be other people's over there."""
    await space.sender.command(ANA, "post Warm | up")
    key = f"{space.settings.prefix}member:{ANA}"
    said = json.loads(str(await space.redis.get(key)))
    said["profiles"][0] |= {"user": 102, "coworker": 202}
    await space.redis.set(key, json.dumps(said | {"board": "https://another.example"}), keepttl=True)

    await space.sender.command(ANA, "post Here | Words")

    assert [ids(each) for each in await until(lambda: len(space.threads) == 2 and space.threads)] == [(101, 201)] * 2


async def test_a_login_that_can_only_be_listed_still_posts(space: Space) -> None:
    """Without the role User-Read the list's own record of a living login is enough."""
    add_dora(space)
    add_profile(space)
    del space.board.coworkers[250]
    space.board.missing_roles.add("User-Read")

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, None)


async def test_a_login_without_profile_posts_under_itself(space: Space) -> None:
    """Staff have a login alone: their thread has its UserId and no CoworkerId."""
    add_dora(space)
    add_profile(space)
    del space.board.coworkers[250]
    space.board.users[150]["IsAdmin"] = True

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, None)


async def test_a_deleted_profiles_login_is_no_way_round_the_profile(space: Space) -> None:
    """Where a profile is listed that cannot be read any more, its login alone is not taken for a member of staff."""
    add_dora(space)
    add_profile(space, can_access=False)
    space.board.coworkers[999_250] = space.board.coworkers.pop(250)

    reply = await space.sender.command(DORA, POST)
    await until(lambda: told(space, DORA, reply))

    assert space.threads == []


async def test_a_role_that_we_lack_opens_no_door(space: Space) -> None:
    """Without the role Coworker-Read nobody's CanAccessCommunity can be read, so nobody gets past it."""
    add_dora(space)
    add_profile(space, can_access=False)
    space.board.missing_roles.add("Coworker-Read")

    reply = await space.sender.command(DORA, POST)
    await until(lambda: told(space, DORA, reply))

    assert space.threads == []


async def test_a_profile_that_may_not_use_the_board(space: Space) -> None:
    """CanAccessCommunity false ends in a refusal that names the location: the board itself would not refuse us."""
    add_dora(space)
    add_profile(space, can_access=False)

    await refused(space, DORA, await space.sender.command(DORA, POST), "no_board_access", name="Hall")


async def test_the_better_of_two_profiles_of_one_login_posts(space: Space) -> None:
    """Of two profiles of one login at one location, the one that may use the board posts."""
    add_dora(space)
    add_profile(space, can_access=False)
    add_profile(space, coworker_id=251)

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 251)


# ── the login behind a profile ───────────────────────────────────────────────


def _anothers_login(space: Space) -> None:
    """The profile has Dora's address, and was given Ana's login by mistake."""
    add_profile(space, user_id=None)["UserId"] = 101


def _login_moved_on(space: Space) -> None:
    add_profile(space)
    space.board.users[150]["Email"] = "dora@elsewhere.example"


def _login_without_address(space: Space) -> None:
    add_profile(space)
    space.board.users[150]["Email"] = " "


def _one_of_two_logins(space: Space) -> None:
    add_profile(space)
    add_profile(space, coworker_id=251, user_id=101)
    space.board.users[101]["Email"] = "ana@space.example"


LOGIN_TRAPS = (_anothers_login, _login_moved_on, _login_without_address, _one_of_two_logins)


@pytest.mark.parametrize("trap", LOGIN_TRAPS, ids=lambda trap: trap.__name__.strip("_"))
async def test_a_login_with_another_address_is_nobodys(space: Space, trap: Callable[[Space], None]) -> None:
    """A thread stands under the login: where its own address is not the profile's, its person is told whom to ask."""
    add_dora(space)
    trap(space)

    await refused(space, DORA, await space.sender.command(DORA, POST), "login_differs")


async def test_whoami_and_the_form_say_that_the_two_differ(space: Space) -> None:
    """They are told before they type anything, in the same words."""
    add_dora(space)
    _login_moved_on(space)

    said = told(space, DORA, await space.sender.command(DORA, "whoami"))
    await space.sender.command(DORA, "A subject")
    await until(lambda: not space.bridge.desk.tasks)

    assert sentences.REASONS["login_differs"] in said
    assert sentences.REASONS["login_differs"] in space.view_text()


async def test_a_logins_address_is_compared_like_any_other(space: Space) -> None:
    """The case of its ASCII letters and outer blanks do not matter."""
    add_dora(space)
    add_profile(space)
    space.board.users[150]["Email"] = " DORA@Space.Example"

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 250)


async def test_a_login_that_we_may_not_read_posts_as_before(space: Space) -> None:
    """Without the role User-Read the profile has to do."""
    add_dora(space)
    _login_moved_on(space)
    space.board.missing_roles.add("User-Read")

    await space.sender.command(DORA, POST)

    assert ids(await posted(space)) == (150, 250)


async def test_a_board_that_does_not_show_the_login_just_now_is_no_answer(space: Space) -> None:
    """While the login cannot be read because the board is away, the post waits: nobody is guessed."""
    add_dora(space)
    _login_moved_on(space)
    space.board.misbehave(Fault.HANGUP_BEFORE, times=None, on=f"{LOGINS}/150")

    reply = await space.sender.command(DORA, POST)
    await until(lambda: space.board.seen(f"{LOGINS}/150"))
    assert space.threads == []
    space.board.behave()

    await refused(space, DORA, reply, "login_differs")


async def test_a_login_is_read_once_for_all_its_profiles(space: Space) -> None:
    """Many profiles of one login cost one look at it, and the next post none."""
    add_dora(space)
    add_profile(space)
    add_profile(space, coworker_id=251)

    await space.sender.command(DORA, POST)
    await posted(space)
    await space.sender.command(DORA, "post Again | Words")
    await until(lambda: len(space.threads) == 2)

    assert len(space.board.seen(f"{LOGINS}/150")) == 1


@pytest.mark.parametrize("blank", ["", " ", "\t", None])
async def test_a_blank_address_is_none(space: Space, blank: str | None) -> None:
    """A person without an address in Slack is not the member without one on the board."""
    add_dora(space, blank)
    space.workspace.users[DORA]["profile"]["email"] = blank
    add_profile(space)["Email"] = blank
    space.board.users[150]["Email"] = blank
    space.board.unfiltered = True

    await refused(space, DORA, await space.sender.command(DORA, POST), "no_email")
    assert space.board.seen(PROFILES) == []


HALF = "dora\ud800@space.example"


@pytest.mark.parametrize(
    ("one", "other"),
    [("", ""), (" ", "\t"), (None, None), (HALF, HALF), (HALF, DORAS), (DORAS, HALF), ("\ufffd", "\ufffd")]
    + [(each, each) for each in (["dora@space.example"], {"a": 1}, 7, True, b"dora@space.example")],
)
def test_what_is_no_address_is_equal_to_nothing(one: object, other: object) -> None:
    """Not even to another that is none; and comparing raises nothing."""
    assert not same_address(one, other)


@pytest.mark.parametrize("profile", [None, "x", 7, [], [{"email": DORAS}], {"email": [DORAS]}, {"email": HALF}])
async def test_an_odd_profile_in_slack_has_no_address(space: Space, profile: Any) -> None:
    """A profile that is no profile, or an address that is none, is a person whom we cannot tell."""
    add_dora(space)
    add_profile(space)
    space.bridge.desk.places.people._slack = replace(
        space.bridge.desk.places.people._slack, user=partial(_user, space, profile)
    )

    await refused(space, DORA, await space.sender.command(DORA, POST), "no_email")


async def _user(space: Space, profile: Any, user: str) -> dict[str, Any]:
    return space.workspace.users[user] | {"profile": profile}


def test_half_a_surrogate_from_the_board_becomes_a_character() -> None:
    """What the board says is shown to people, kept and compared: it is text that every wire takes."""
    body = b'{"Email": "dora\\ud800@space.example", "FullName": "D\\udfffora", "\\ud800": ["\\udc00"]}'

    found = decipher("GET", 200, {}, body)

    assert found == {"Email": "dora\ufffd@space.example", "FullName": "D\ufffdora", "\ufffd": ["\ufffd"]}
    assert not same_address(found["Email"], found["Email"])
