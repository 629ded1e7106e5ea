"""Nobody posts as somebody else, and nobody posts where they may not: every way we know to try.

Each trap is asked for with a signed request at the real front; what counts is what stands on the
board afterwards, and which sentence the person was told.
"""

import contextlib
import html
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge import sentences
from bridge.demo.faults import CREATE
from bridge.demo.sender import Reply
from bridge.words import Mentioned
from tests.space import ANA, ANNEX, BEN, HALL, Space, answer_text, open_space, until

DORA = "U0DORA"
DORAS = "dora@space.example"
POST = "post Coffee is back | The machine works again"
PROFILES, LOGINS = "GET /api/spaces/coworkers", "GET /api/sys/users"


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url) as opened:
        yield opened


def told(space: Space, user: str, reply: Reply) -> str:
    """Everything that this person could have read: the answer, the form, the later messages."""
    heard = [answer_text(reply), *space.heard(user), *reply.errors.values()]
    if reply.action == "update":
        heard.append(space.view_text())
    return html.unescape(" ".join(heard))


async def refused(space: Space, user: str, reply: Reply, reason: str, **detail: Any) -> None:
    """The sentence for `reason` reaches the person, and nothing of theirs stands on the board."""
    sentence = sentences.reason(reason, detail)
    assert sentence

    await until(lambda: sentence in told(space, user, reply), 3)

    assert space.threads == []
    # What the gates should have stopped never set out for the board at all.
    assert [seen for seen in space.board.seen(CREATE) if seen.method == "POST"] == []


async def posted(space: Space) -> dict[str, Any]:
    """The one thread there is."""
    await until(lambda: space.threads)
    (thread,) = space.threads
    return thread


def ids(thread: dict[str, Any]) -> tuple[Any, Any]:
    return thread["UserId"], thread["CoworkerId"]


async def form(space: Space, user: str, subject: str = "Lunch") -> dict[str, Any]:
    """An open form of this person with everything in it that was looked up."""
    await space.sender.command(user, subject)
    await until(lambda: not space.bridge.desk.tasks)
    return space.view()


def choice(value: Any, kind: str = "static_select") -> dict[str, Any]:
    """A select's state that no form of ours ever offered."""
    return {
        "type": kind,
        "selected_option": {"text": {"type": "plain_text", "text": "x"}, "value": value},
    }


async def forged(space: Space, view: dict[str, Any], **states: Any) -> Reply:
    """A submission whose fields hold what no client of Slack's would send."""
    live = space.workspace.views[view["id"]]
    live["state"]["values"] |= {name: {name: state} for name, state in states.items()}
    return await space.sender.submit(view["id"], {"message": "Hi"}, force=True)


def add_dora(space: Space, email: str | None = DORAS, **flags: Any) -> None:
    space.workspace.add_user(DORA, "Dora", email, **flags)


def add_profile(
    space: Space, email: str = DORAS, user_id: int | None = 150, coworker_id: int = 250, **more: Any
) -> Any:
    return space.board.add_member(
        "Dora", email, user_id=user_id, coworker_id=coworker_id, **{"businesses": [HALL], **more}
    )


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


# ── locations ────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def two_locations(redis_url: str) -> AsyncIterator[Space]:
    """Hall and Annex; Ana and Ben stand at Hall only, Dora at both."""
    async with open_space(redis_url) as opened:
        opened.board.add_business(ANNEX, "Annex", "annex")
        opened.board.add_group(21, ANNEX, "Annex people", 2)
        add_dora(opened)
        add_profile(opened, businesses=[HALL, ANNEX])
        yield opened


@pytest.fixture
async def two(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with two_locations(redis_url) as opened:
        yield opened


@pytest.fixture(scope="module")
async def table(redis_url: str) -> AsyncIterator[Space]:
    async with two_locations(redis_url) as opened:
        yield opened


@pytest.fixture
async def calm(table: Space) -> Space:
    """The same two locations for every row of a table of requests that change nothing but the board's threads."""
    await until(lambda: not table.bridge.desk.tasks)
    for kept in (table.board.threads, table.board.requests, table.workspace.responses, table.workspace.dms):
        kept.clear()
    table.workspace.ephemerals.clear()
    return table


async def test_a_location_of_others_is_refused_and_ones_own_are_named(two: Space) -> None:
    """A forged location where one is no member posts nothing; the places where one may post are named."""
    view = await form(two, BEN)

    reply = await two.sender.submit(view["id"], {"message": "Hi", "location": choice(str(ANNEX))})

    await refused(two, BEN, reply, "other_location", name="Annex", offered=["Hall"])


@pytest.mark.parametrize("value", ["999", "0", "-1", "Hall", "１４２１０２１０１６", "9" * 5000, None])
async def test_a_nonsense_location_is_refused(calm: Space, value: Any) -> None:
    """A location that is none of the account's is never taken for the default one."""
    view = await form(calm, BEN)

    reply = await calm.sender.submit(view["id"], {"message": "Hi", "location": choice(value)})

    await refused(calm, BEN, reply, "location_unknown")


async def test_somebody_without_a_location_here(two: Space) -> None:
    """A profile that belongs to no location of the account posts nowhere."""
    two.board.coworkers[202].update(Businesses=[777], InvoicingBusinessId=777)

    await refused(two, BEN, await two.sender.command(BEN, POST), "no_location")


async def test_somebody_of_another_location_with_a_default_one(redis_url: str, redis: Redis) -> None:
    """NEXUDUS_BUSINESS_ID is nobody's entrance: who stands elsewhere only posts there, under their own profile."""
    async with open_space(redis_url, nexudus_business_id=HALL) as space:
        space.board.add_business(ANNEX, "Annex", "annex")
        add_dora(space)
        add_profile(space, businesses=[ANNEX])

        await space.sender.command(DORA, POST)

        thread = await posted(space)
        assert (thread["BusinessId"], *ids(thread)) == (ANNEX, 150, 250)


async def test_a_command_without_the_choice_opens_the_form(two: Space) -> None:
    """Somebody at two locations is asked which; nothing is posted meanwhile, and the words are in the form."""
    await two.sender.command(DORA, POST)

    await until(lambda: any(block.get("block_id") == "location" for block in two.view()["blocks"]))
    assert two.threads == []
    values = two.view()["state"]["values"]
    assert values["subject"]["subject"]["value"] == "Coffee is back"
    assert "The machine works again" in json.dumps(values["message"])


async def test_the_chosen_location_gets_the_thread(two: Space) -> None:
    """Whoever stands at two locations posts at the chosen one."""
    await two.sender.command(DORA, "Lunch")
    await until(lambda: any(block.get("block_id") == "location" for block in two.view()["blocks"]))

    await two.sender.submit(two.view()["id"], {"message": "Hi", "location": str(ANNEX)})

    thread = await posted(two)
    assert (thread["BusinessId"], *ids(thread)) == (ANNEX, 150, 250)


async def test_two_accounts_at_two_locations_post_each_at_its_own(two: Space) -> None:
    """One address with an account at each location posts with the account of the chosen location."""
    two.board.coworkers[250].update(Businesses=[HALL], InvoicingBusinessId=HALL)
    add_profile(two, user_id=151, coworker_id=251, businesses=[ANNEX])
    await two.sender.command(DORA, "Lunch")
    await until(lambda: any(block.get("block_id") == "location" for block in two.view()["blocks"]))

    await two.sender.submit(two.view()["id"], {"message": "Hi", "location": str(ANNEX)})

    thread = await posted(two)
    assert (thread["BusinessId"], *ids(thread)) == (ANNEX, 151, 251)


# ── groups ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ("13", "group_not_member"),  # private, of others
        ("12", "group_not_member"),  # restricted, not a member
        ("21", "group_elsewhere"),  # of another location
        ("999", "group_elsewhere"),
        ("General", "group_elsewhere"),
        ("-11", "group_elsewhere"),
        ("11 ", "group_elsewhere"),
        ("1e1", "group_elsewhere"),
        ("", "group_elsewhere"),
        ("9" * 5000, "group_elsewhere"),
        (11, None),
        ([11], "group_elsewhere"),
        ({"Id": 11}, "group_elsewhere"),
        (None, "group_elsewhere"),
        (True, "group_elsewhere"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_forged_group_is_refused(calm: Space, group: Any, reason: str | None) -> None:
    """A group where one may not post is refused, whatever the request says; nonsense is never "no group"."""
    view = await form(calm, BEN)

    reply = await forged(calm, view, group=choice(group))

    if reason is None:
        assert (await posted(calm))["CommunityGroupId"] == 11
    else:
        await refused(calm, BEN, reply, reason, name="Hall")


async def test_the_name_of_a_private_group_is_not_told(two: Space) -> None:
    """Who forges the id of a private group learns nothing about it, not even its name."""
    view = await form(two, BEN)

    reply = await forged(two, view, group=choice("13"))

    await refused(two, BEN, reply, "group_not_member")
    assert "Founders" not in json.dumps(reply.json) + two.view_text() + told(two, BEN, reply)


@pytest.mark.parametrize("group", [12, 13])
async def test_a_member_posts_in_their_groups(space: Space, group: int) -> None:
    """A member of a restricted or a private group posts in it."""
    view = await form(space, ANA)

    await space.sender.submit(view["id"], {"message": "Hi", "group": str(group)})

    thread = await posted(space)
    assert (thread["CommunityGroupId"], *ids(thread)) == (group, 101, 201)


@pytest.mark.parametrize(("user", "offered"), [(ANA, {"11", "12", "13"}), (BEN, {"11"})])
async def test_the_form_offers_only_groups_that_one_may_use(space: Space, user: str, offered: set[str]) -> None:
    """A private group is offered to its members, and to nobody else."""
    view = await form(space, user)

    options = next(block for block in view["blocks"] if block["block_id"] == "group")["element"]["options"]
    assert {each["value"] for each in options} == offered
    assert ("Founders" in json.dumps(view)) is ("13" in offered)


async def test_a_login_without_profile_is_in_no_group(space: Space) -> None:
    """Group members are customers: a login alone whose number equals a member's is none."""
    add_dora(space)
    add_profile(space, user_id=201)
    del space.board.coworkers[250]
    view = await form(space, DORA)

    reply = await forged(space, view, group=choice("13"))

    await refused(space, DORA, reply, "group_not_member")


async def test_a_list_of_groups_that_ignores_its_filter(two: Space) -> None:
    """Although the board lists every location's groups, another location's is neither offered nor accepted."""
    two.board.unfiltered = True
    view = await form(two, BEN)
    assert "Annex people" not in json.dumps(view)

    reply = await forged(two, view, group=choice("21"))

    await refused(two, BEN, reply, "group_elsewhere", name="Hall")


async def test_the_group_must_belong_to_the_chosen_location(two: Space) -> None:
    """A group of one's own location is refused with another location of one's own."""
    await two.sender.command(DORA, "Lunch")
    await until(lambda: any(block.get("block_id") == "location" for block in two.view()["blocks"]))

    reply = await forged(two, two.view(), location=choice(str(ANNEX)), group=choice("11"))

    await refused(two, DORA, reply, "group_elsewhere", name="Annex")


# ── delivery ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["nobody", frozenset({BEN}), frozenset()], ids=["nobody", "a list", "an empty list"])
async def test_forged_instant_delivery_is_refused(redis_url: str, redis: Redis, who: Any) -> None:
    """Who may not choose instant delivery is not offered it, and refused when the request says it all the same."""
    async with open_space(redis_url, instant_delivery=who) as space:
        view = await form(space, ANA)
        assert "delivery" not in {block["block_id"] for block in view["blocks"]}

        reply = await forged(space, view, delivery=choice("instant", "radio_buttons"))

        await refused(space, ANA, reply, "instant_not_allowed")


async def test_somebody_on_the_list_chooses_instant_delivery(redis_url: str, redis: Redis) -> None:
    """A person named in INSTANT_DELIVERY is offered the choice, and it holds."""
    async with open_space(redis_url, instant_delivery=frozenset({ANA})) as space:
        view = await form(space, ANA)

        await space.sender.submit(view["id"], {"message": "Hi", "delivery": "instant"})

        assert (await posted(space))["InstantDelivery"] is True


@pytest.mark.parametrize("value", ["Instant", "INSTANT", "instant ", "1", "true", None, ["instant"], {"a": 1}])
async def test_nonsense_is_never_instant(calm: Space, value: Any) -> None:
    """Only the word itself notifies everybody; anything like it is the daily digest."""
    view = await form(calm, ANA)

    await forged(calm, view, delivery=choice(value, "radio_buttons"))

    assert (await posted(calm))["InstantDelivery"] is False


# ── private posts and guests ─────────────────────────────────────────────────

PRIVATE = {"type": "checkboxes", "selected_options": [{"value": "private"}]}


def guests(*users: Any) -> dict[str, Any]:
    return {"type": "multi_users_select", "selected_users": list(users)}


async def test_guests_are_mapped_each_to_their_own_login(space: Space) -> None:
    """A private post carries the guests' own UserIds, each once, and never the author's."""
    view = await form(space, ANA)

    await forged(space, view, private=PRIVATE, guests=guests(BEN, BEN, ANA))

    thread = await posted(space)
    assert (thread["Private"], thread["Guests"], *ids(thread)) == (True, [102], 101, 201)


async def test_a_guest_whom_the_board_does_not_know_is_named(space: Space) -> None:
    """Nothing is posted when a guest cannot be found on the board, and the refusal says who it is."""
    add_dora(space)
    view = await form(space, ANA)

    reply = await forged(space, view, private=PRIVATE, guests=guests(BEN, DORA))

    await refused(space, ANA, reply, "guests_unmapped", who=["Dora"])


@pytest.mark.parametrize(
    "flags", [{"team_id": "T0FOREIGN"}, {"stranger": True}, {"confirmed": False}, {"is_bot": True}, {"deleted": True}]
)
async def test_a_guest_whose_address_is_not_believed_is_named(space: Space, flags: dict[str, Any]) -> None:
    """The gate holds for guests too: a foreign profile with a member's address opens a private thread to nobody."""
    add_dora(space, email="ben@space.example", **flags)
    view = await form(space, ANA)

    reply = await forged(space, view, private=PRIVATE, guests=guests(DORA))

    await refused(space, ANA, reply, "guests_unmapped", who=["Dora"])


@pytest.mark.parametrize("guest", ["U0NOBODY", "102", "\x00"])
async def test_a_guest_whom_slack_does_not_know_is_refused(space: Space, guest: str) -> None:
    """A guest that is nobody in Slack is refused at once, not tried for a day."""
    view = await form(space, ANA)

    reply = await forged(space, view, private=PRIVATE, guests=guests(guest))

    sentence = sentences.REASONS["guests_unmapped"].partition("{")[0]
    await until(lambda: sentence in told(space, ANA, reply), 3)
    assert space.threads == []


async def test_a_guest_of_another_location_is_named(two: Space) -> None:
    """A guest who may not use this location's board is no guest there."""
    two.board.add_member("Eve", "eve@space.example", user_id=160, coworker_id=260, businesses=[ANNEX])
    two.workspace.add_user("U0EVE", "Eve", "eve@space.example")
    view = await form(two, ANA)

    reply = await forged(two, view, private=PRIVATE, guests=guests("U0EVE"))

    await refused(two, ANA, reply, "guests_unmapped", who=["Eve"])


@pytest.mark.parametrize("who", [(), (ANA,)], ids=["nobody", "only oneself"])
async def test_a_private_post_needs_a_reader(space: Space, who: tuple[str, ...]) -> None:
    """A private post whose only guest is its author, or none at all, is refused and never becomes public."""
    view = await form(space, ANA)

    reply = await forged(space, view, private=PRIVATE, guests=guests(*who))

    await refused(space, ANA, reply, "guests_needed")


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
async def test_a_forged_memory_names_nobody_else(calm: Space, change: Any) -> None:
    """Whatever private_metadata claims, the thread carries the ids of whoever pressed the button."""
    view = await form(calm, BEN)
    live = calm.workspace.views[view["id"]]
    seal = calm.bridge.desk.furnishing.drawing.seal
    memory = json.loads(seal.open(view["private_metadata"]) or "")
    live["private_metadata"] = json.dumps({**memory, **change} if isinstance(change, dict) else change)

    reply = await calm.sender.submit(view["id"], {"message": "Hi"})

    assert reply.status == 200
    assert ids(await posted(calm)) == (102, 202)


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
    people = space.bridge.people
    before = len(space.workspace.calls)
    found = await people.names(Mentioned(frozenset(f"U0X{n}" for n in range(1000)), frozenset(), frozenset()))
    assert found.users == {}
    assert len(space.workspace.calls) - before <= 100

    space.workspace.ratelimit("users.info", 60, times=None)
    before = len(space.workspace.calls)
    await people.names(Mentioned(frozenset(f"U0Y{n}" for n in range(50)), frozenset(), frozenset()))
    assert len(space.workspace.calls) - before == 1
