"""Where a person may post: locations, groups and guests, by the board's own records.

The board would refuse nothing, because bridge writes as an administrator: so its rules are
applied here, from records at most `groups_ttl` old, whatever a form or a payload says.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis.asyncio import Redis

from bridge.members import people
from bridge.members.cache import Cache
from bridge.members.people import People, Profile, Record, SlackSide, ids_in
from bridge.nexudus.client import Nexudus
from bridge.post.draft import Draft
from bridge.post.refusals import NotAllowed
from bridge.settings.environment import Settings

# GroupAccess: 1 everybody sees, members post; 2 public; 3 private.
# https://developers.nexudus.com/rest-api/community/get-communitygroups
RESTRICTED_GROUP, PUBLIC_GROUP = 1, 2


def build(settings: Settings, redis: Redis, board: Nexudus, slack: SlackSide) -> "Places":
    """Who people are on the `board` and what they may do there, by this space's rules."""
    cache = Cache(redis, settings.prefix)
    whom = people.Rules(settings.identity_ttl, settings.slack_guests, settings.nexudus_url)
    default, may_choose = settings.nexudus_business_id, settings.may_choose_instant
    rules = Rules(settings.groups_ttl, default, may_choose, settings.subject_max)
    return Places(People(board, slack, cache, whom), board, cache, rules)


@dataclass(frozen=True)
class Author:
    """Under whose ids, and where, the thread will stand; where is named to people who could have chosen another."""

    profile: Profile
    location: int
    web_address: str
    group: int | None = None
    group_name: str | None = None
    group_hidden: bool = False
    location_name: str = ""


@dataclass(frozen=True)
class Standing:
    """A person's profiles and the account's locations by id: where they may post follows from nothing else. Pure."""

    profiles: tuple[Profile, ...]
    locations: Mapping[int, Record]
    default: int | None

    def open(self) -> list[Record]:
        """The locations where this person may post."""
        where = {business for each in self.profiles if each.can_access for business in each.businesses}
        return [each for id_, each in self.locations.items() if id_ in where]

    def choose(self, asked: int | None) -> tuple[Record, Profile]:
        """The location and this person's profile there. Raises NotAllowed."""
        chosen = asked if asked is not None else self.only()
        if chosen is None:
            raise NotAllowed("choose_location" if self._here() else "no_location", "location", offered=self._names())
        if chosen not in self.locations:
            raise NotAllowed("location_unknown", "location")
        name = self.locations[chosen]["Name"]
        here = [profile for profile in self.profiles if chosen in profile.businesses]
        if not here:
            reason = "other_location" if self._here() else "no_location"
            raise NotAllowed(reason, "location", offered=self._names(), name=name)
        if len({profile.user for profile in here}) > 1:
            raise NotAllowed("ambiguous")
        best = max(here, key=lambda profile: (profile.can_access, profile.default))
        if not best.can_access:
            raise NotAllowed("no_board_access", name=name)
        return self.locations[chosen], best

    def _here(self) -> list[int]:
        """The locations where they may post; if none, those where they have a profile, so the refusal can name them."""
        stands = {business for profile in self.profiles for business in profile.businesses}
        return [int(each["Id"]) for each in self.open()] or [id_ for id_ in self.locations if id_ in stands]

    def _names(self) -> list[str]:
        return [self.locations[id_]["Name"] for id_ in self._here()]

    def only(self) -> int | None:
        """Where it goes when nobody said so, if that is clear; the form shows it, and delivery goes by it."""
        if len(self.locations) == 1:
            return next(iter(self.locations))
        here = self._here()
        if self.default in here or (self.default and not here):
            return self.default
        return here[0] if len(here) == 1 else None


@dataclass(frozen=True)
class Rules:
    """What this space decided about locations, groups, delivery and subjects; in seconds and characters."""

    groups_ttl: float
    default_location: int | None
    may_choose_instant: Callable[[str], bool]
    subject_max: int


@dataclass(frozen=True)
class Places:
    """The rules of locations and groups, for the people that `people` knows."""

    people: People
    board: Nexudus
    cache: Cache
    rules: Rules

    async def locations(self) -> list[Record]:
        """The account's locations, at most `groups_ttl` old: {Id, Name, WebAddress}."""

        async def look_up() -> list[Record]:
            return [
                {name: each.get(name) for name in ("Id", "Name", "WebAddress")}
                for each in await self.board.businesses()
                if not each.get("Suspended")
            ]

        found: list[Record] = await self.cache.get("locations", look_up, self.rules.groups_ttl)
        return found

    async def standing(self, user: str, *, anew: bool = False) -> Standing:
        """`anew` as `profiles` has it. Raises NotAllowed, SlackAway, and the board's errors."""
        profiles = await self.people.profiles(user, anew=anew)
        locations = {each["Id"]: each for each in await self.locations()}
        return Standing(tuple(profiles), locations, self.rules.default_location)

    async def locations_of(self, user: str) -> list[Record]:
        """The locations where this person may post."""
        return (await self.standing(user)).open()

    async def location_for(self, user: str, asked: int | None) -> tuple[Record, Profile]:
        """The location and this person's profile there. Raises NotAllowed."""
        return (await self.standing(user, anew=True)).choose(asked)

    async def groups_for(self, location: int, profile: Profile) -> list[Record]:
        """The groups of a location in which this profile may post; a login alone may in the public ones only."""
        found = await asyncio.gather(
            *(self._group(each) for each in await self._groups(location)), return_exceptions=True
        )
        known = [each for each in found if isinstance(each, dict)]
        return [each for each in known if _may_post(each, profile)]

    async def _groups(self, location: int) -> list[Record]:
        async def look_up() -> list[Record]:
            return [_group(each) for each in await self.board.groups(location)]

        found: list[Record] = await self.cache.get(f"groups:{location}", look_up, self.rules.groups_ttl)
        return [each for each in found if each["BusinessId"] == location]

    async def _group(self, listed: Record) -> Record:
        """With its members, which stand in the single record only; a public one needs none."""
        if listed["GroupAccess"] == PUBLIC_GROUP:
            return listed

        async def look_up() -> Record:
            return _group(await self.board.group(listed["Id"]))

        found: Record = await self.cache.get(f"group:{listed['Id']}", look_up, self.rules.groups_ttl)
        return found

    async def author(self, draft: Draft) -> Author:
        """As whom, where and in which group this draft may be posted. Raises NotAllowed."""
        user = draft.origin.user
        standing = await self.standing(user, anew=True)
        location, profile = standing.choose(draft.location)
        if draft.delivery == "instant" and not self.rules.may_choose_instant(user):
            raise NotAllowed("instant_not_allowed", "delivery")
        name = str(location["Name"]) if len(standing.open()) > 1 else ""
        author = Author(profile, location["Id"], str(location.get("WebAddress") or ""), location_name=name)
        if draft.group is None:
            return author
        listed = [each for each in await self._groups(location["Id"]) if each["Id"] == draft.group]
        if not listed:
            raise NotAllowed("group_elsewhere", "group", name=location["Name"])
        group = await self._group(listed[0])
        if not _may_post(group, profile):
            raise NotAllowed(
                "group_not_member", "group", name=group["Name"] if group["GroupAccess"] == RESTRICTED_GROUP else ""
            )
        hidden = group["GroupAccess"] not in (RESTRICTED_GROUP, PUBLIC_GROUP)
        return replace(author, group=group["Id"], group_name=group["Name"], group_hidden=hidden)

    async def guests(self, users: Sequence[str], location: int, author: Profile) -> list[int]:
        """The guests' UserIds. Raises NotAllowed naming those who cannot be found, or whom the settings refuse."""
        found: list[int] = []
        left: dict[str, list[str]] = {}
        for user in users:
            try:
                found.append(await self._guest(user, location))
            except NotAllowed as refused:
                reason = "guests_refused" if refused.reason == "guest" else "guests_unmapped"
                left.setdefault(reason, []).append(await self.people.name(user) or "")
        for reason, names in left.items():
            raise NotAllowed(reason, "guests", who=names)
        return [each for each in dict.fromkeys(found) if each != author.user]

    async def _guest(self, user: str, location: int) -> int:
        """The one login of a guest who may read at this location. Raises NotAllowed."""
        profiles = await self.people.profiles(user, anew=True)
        ids = {each.user for each in profiles if location in each.businesses and each.can_access}
        if len(ids) != 1:
            raise NotAllowed("guests_unmapped")
        return ids.pop()


def _group(record: Mapping[str, Any]) -> Record:
    kept = {name: record.get(name) for name in ("Id", "Name", "BusinessId", "GroupAccess")}
    return kept | {"Members": ids_in(record.get("Members"))}


def _may_post(group: Mapping[str, Any], profile: Profile) -> bool:
    if group["GroupAccess"] == PUBLIC_GROUP:
        return True
    return profile.coworker is not None and profile.coworker in group["Members"]
