"""Nobody posts where they may not, nor to whom: locations, groups, delivery, guests, each forged in turn."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.language import sentences
from tests.support.dora import (
    DORA,
    POST,
    add_dora,
    add_profile,
    choice,
    forged,
    form,
    ids,
    posted,
    refused,
    told,
    two_locations,
)
from tests.support.space import ANA, ANNEX, BEN, HALL, Space, open_space, until

# ── locations ────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("default", [HALL, None])
async def test_where_one_may_not_post_is_nobodys_default(redis_url: str, redis: Redis, default: int | None) -> None:
    """Who may use the board at one of two locations posts there, unasked: what the form shows is what delivery does."""
    async with open_space(redis_url, nexudus_business_id=default) as space:
        space.board.add_business(ANNEX, "Annex", "annex")
        space.board.add_group(21, ANNEX, "Annex people", 2)
        add_dora(space)
        add_profile(space, businesses=[HALL], can_access=False)
        add_profile(space, coworker_id=251, businesses=[ANNEX])
        view = await form(space, DORA)
        assert [block["block_id"] for block in view["blocks"] if block["block_id"] in ("location", "group")] == [
            "group"
        ]

        await space.sender.submit(view["id"], {"message": "Hi"})

        thread = await posted(space)
        assert (thread["BusinessId"], *ids(thread)) == (ANNEX, 150, 251)


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


async def test_who_may_choose_a_location_is_told_which_it_was(two: Space) -> None:
    """Dora stands at two locations and reads where hers went; Ana has one, and reads nothing of it."""
    view = await form(two, DORA)
    dora = await forged(two, view, location=choice(str(ANNEX)))
    ana = await two.sender.command(ANA, "post Here | Words")

    await until(lambda: "Annex · Whole board" in told(two, DORA, dora))
    assert "Whole board" in str(ana.json)
    assert "Hall" not in str(ana.json)


async def test_a_guest_of_another_location_is_named(two: Space) -> None:
    """A guest who may not use this location's board is no guest there."""
    two.board.add_member("Eve", "eve@space.example", user_id=160, coworker_id=260, businesses=[ANNEX])
    two.workspace.add_user("U0EVE", "Eve", "eve@space.example")
    view = await form(two, ANA)

    reply = await forged(two, view, private=PRIVATE, guests=guests("U0EVE"))

    await refused(two, ANA, reply, "guests_unmapped", who=["Eve"])


@pytest.mark.parametrize(("who", "reason"), [((), "guests_needed"), ((ANA,), "guests_only_you")])
async def test_a_private_post_needs_a_reader(space: Space, who: tuple[str, ...], reason: str) -> None:
    """A private post whose only guest is its author, or none at all, is refused and never becomes public."""
    view = await form(space, ANA)

    reply = await forged(space, view, private=PRIVATE, guests=guests(*who))

    await refused(space, ANA, reply, reason)


async def test_another_slack_account_of_ones_own_is_no_reader(space: Space) -> None:
    """The guest stands for the author's own login: only the board's records show it, and the sentence is the same."""
    add_dora(space, "ana@space.example")
    view = await form(space, ANA)

    reply = await forged(space, view, private=PRIVATE, guests=guests(DORA))

    await refused(space, ANA, reply, "guests_only_you")


async def test_a_guest_whom_the_settings_refuse_is_told_as_such(redis_url: str, redis: Redis) -> None:
    """With SLACK_GUESTS=refuse a Slack guest is on the board all right: it is the setting that keeps them out."""
    async with open_space(redis_url, slack_guests="refuse") as space:
        add_dora(space, restricted=True)
        add_profile(space)
        view = await form(space, ANA)

        reply = await forged(space, view, private=PRIVATE, guests=guests(BEN, DORA))

        await refused(space, ANA, reply, "guests_refused", who=["Dora"])
