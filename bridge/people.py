"""Who a Slack person is on the board, and what they may do there.

Two gates and a mapping between them. The Slack side: whose word is taken for an e-mail
address. The mapping: that address, compared exactly, to one profile of the board. The
board's side: its own rules, which it will not apply for us, because bridge writes as an
administrator. Nobody is guessed; every way to fail is a `NotAllowed` with its own reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from bridge.cache import Cache
from bridge.draft import Draft
from bridge.words import Mentioned, Names

# How long "nobody with this address" is believed: somebody who just signed up should not wait long.
MISS_TTL = 60.0
CHANNEL_TTL = 600.0

# GroupAccess: 1 everybody sees, members post; 2 public; 3 private.
# https://developers.nexudus.com/rest-api/community/get-communitygroups
PUBLIC_GROUP = 2

Record = dict[str, Any]


class NotAllowed(Exception):
    """This person may not do this. `reason` names a sentence, `field` the form's field it stands under."""

    def __init__(self, reason: str, field: str | None = None, **detail: Any) -> None:
        super().__init__(reason)
        self.reason, self.field, self.detail = reason, field, detail


class SlackAway(Exception):
    """A look-up in Slack did not work; `wait` seconds were asked for, if any. Never a refusal."""

    def __init__(self, error: str, wait: float | None = None) -> None:
        super().__init__(error)
        self.wait = wait


class Board(Protocol):
    """The look-ups that the mapping needs from the board."""

    async def coworkers_by_email(self, email: str) -> list[Record]: ...
    async def coworker(self, coworker_id: int) -> Record: ...
    async def users_by_email(self, email: str) -> list[Record]: ...
    async def user(self, user_id: int) -> Record: ...
    async def businesses(self) -> list[Record]: ...
    async def groups(self, business_id: int) -> list[Record]: ...
    async def group(self, group_id: int) -> Record: ...


@dataclass(frozen=True)
class SlackSide:
    """The look-ups in Slack: `user` as users.info, `channel` as conversations.info, `home` (team, enterprise)."""

    user: Callable[[str], Awaitable[Record]]
    channel: Callable[[str], Awaitable[Record]]
    home: Callable[[], Awaitable[tuple[str, str | None]]]


@dataclass(frozen=True)
class Profile:
    """One way a person stands on the board: a customer profile, or (coworker None) a login alone."""

    user: int
    coworker: int | None
    businesses: tuple[int, ...]
    can_access: bool
    name: str = ""
    default: bool = False


@dataclass(frozen=True)
class Author:
    """Under whose ids, and where, the thread will stand."""

    profile: Profile
    location: int
    web_address: str
    group: int | None = None
    group_name: str | None = None
    group_hidden: bool = False


@dataclass(frozen=True)
class Rules:
    """What this space decided; durations in seconds."""

    identity_ttl: float = 3600
    groups_ttl: float = 300
    guests: str = "allow"
    default_location: int | None = None
    may_choose_instant: Callable[[str], bool] = lambda user: True


def gate(user: Mapping[str, Any], home: tuple[str, str | None], guests: str) -> str | None:
    """Why this Slack profile's e-mail address must not be believed, or None.

    An address in a foreign workspace is set by whoever administers that one.
    https://docs.slack.dev/apis/slack-connect
    """
    team, enterprise = home
    belongs = user.get("enterprise_user") or {}
    same_grid = enterprise and belongs.get("enterprise_id") == enterprise and team in (belongs.get("teams") or [])
    if user.get("is_stranger") or not (user.get("team_id") == team or same_grid):
        return "foreign"
    if user.get("deleted"):
        return "deleted"
    if user.get("is_bot") or user.get("is_app_user") or user.get("id") == "USLACKBOT":
        return "bot"
    if guests == "refuse" and (user.get("is_restricted") or user.get("is_ultra_restricted")):
        return "guest"
    if not user.get("email"):
        return "no_email"
    return "unconfirmed" if user.get("is_email_confirmed") is False else None


def snapshot(user: Mapping[str, Any]) -> Record:
    """What is kept of a Slack profile: what the gate asks for, and the name."""
    profile = user.get("profile") or {}
    kept = ("id", "team_id", "deleted", "is_bot", "is_app_user", "is_restricted", "is_ultra_restricted")
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return {
        **{name: user.get(name) for name in (*kept, "is_stranger", "is_email_confirmed", "enterprise_user")},
        "email": profile.get("email"),
        "name": next((name for name in names if name), "someone"),
    }


class People:
    """The gates and the mapping, with what was looked up kept in the cache."""

    def __init__(self, board: Board, slack: SlackSide, cache: Cache, rules: Rules, missing: type[Exception]) -> None:
        """`missing` is what the board's look-ups raise for a record that is not there."""
        self._board, self._slack, self._cache, self._missing = board, slack, cache, missing
        self.rules = rules

    # ── who ──────────────────────────────────────────────────────────────────

    async def slack_profile(self, user: str) -> Record:
        """The snapshot of a Slack person, at most `identity_ttl` old. Raises SlackAway."""

        async def look_up() -> Record:
            return snapshot(await self._slack.user(user))

        found: Record = await self._cache.get(f"slack:{user}", look_up, self.rules.identity_ttl)
        return found

    async def profiles(self, user: str) -> list[Profile]:
        """Every profile of this person on the board. Raises NotAllowed, SlackAway, and the board's errors."""
        person = await self.slack_profile(user)
        if reason := gate(person, await self._slack.home(), self.rules.guests):
            raise NotAllowed(reason)
        email = str(person["email"])

        async def look_up() -> Record:
            return await self._resolve(email)

        def ttl(found: Record) -> float:
            return MISS_TTL if "refused" in found else self.rules.identity_ttl

        found = await self._cache.get(f"member:{user}", look_up, ttl)
        if found["email"].casefold() != email.casefold():
            await self._cache.drop(f"member:{user}")
            found = await self._cache.get(f"member:{user}", look_up, ttl)
        if "refused" in found:
            raise NotAllowed(found["refused"], email=email)
        return [Profile(**each | {"businesses": tuple(each["businesses"])}) for each in found["profiles"]]

    async def _resolve(self, email: str) -> Record:
        try:
            profiles = await self._coworkers(email) or await self._logins(email)
        except NotAllowed as refused:
            return {"email": email, "refused": refused.reason}
        return {"email": email, "profiles": [asdict(profile) for profile in profiles]}

    async def _coworkers(self, email: str) -> list[Profile]:
        listed = [each for each in await self._board.coworkers_by_email(email) if _is(each, email)]
        # A list's records are partial: only the single one surely holds UserId.
        full = [each for row in listed if (each := await self._single(self._board.coworker, row["Id"]))]
        full = [each for each in full if _is(each, email)]
        living = [each for each in full if each.get("Active") is not False and not each.get("Archived")]
        if full and not living:
            raise NotAllowed("archived" if any(each.get("Archived") for each in full) else "inactive")
        with_login = [each for each in living if each.get("UserId")]
        if living and not with_login:
            raise NotAllowed("no_login")
        active = [each for each in with_login if each.get("UserActive") is not False]
        if with_login and not active:
            raise NotAllowed("inactive")
        return [_coworker_profile(each) for each in active]

    async def _logins(self, email: str) -> list[Profile]:
        # The filter may be a "contains": only the exact address counts.
        listed = [each for each in await self._board.users_by_email(email) if _is(each, email)]
        full = [each for row in listed if (each := await self._single(self._board.user, row["Id"]))]
        active = [each for each in full if each.get("Active") is not False and _is(each, email)]
        if not active:
            raise NotAllowed("inactive" if full else "unknown")
        if len({each["Id"] for each in active}) > 1:
            raise NotAllowed("ambiguous")
        businesses = tuple(_ids(active[0].get("Businesses")) or _ids([active[0].get("DefaultBusinessId")]))
        return [Profile(active[0]["Id"], None, businesses, can_access=True, name=str(active[0].get("FullName") or ""))]

    async def _single(self, look_up: Callable[[int], Awaitable[Record]], id_: int) -> Record | None:
        try:
            return await look_up(id_)
        except self._missing:
            return None  # lists may hold deleted records, which cannot be read singly

    async def changed(self, user: Mapping[str, Any]) -> bool:
        """A Slack profile changed: forget the mapping if what it rests on did. Answers whether it did."""
        known = await self._cache.remembered(f"slack:{user.get('id')}")
        fresh = snapshot(user)
        if known is None or all(known.get(name) == value for name, value in fresh.items() if name != "name"):
            return False
        await self.forget(str(user["id"]))
        return True

    async def forget(self, user: str) -> None:
        """Drop all that is remembered of a person; looked up anew at the next post."""
        await self._cache.drop(f"slack:{user}", f"member:{user}")

    # ── where ────────────────────────────────────────────────────────────────

    async def locations(self) -> list[Record]:
        """The account's locations, at most `groups_ttl` old: {Id, Name, WebAddress}."""

        async def look_up() -> list[Record]:
            return [
                {name: each.get(name) for name in ("Id", "Name", "WebAddress")}
                for each in await self._board.businesses()
                if not each.get("Suspended")
            ]

        found: list[Record] = await self._cache.get("locations", look_up, self.rules.groups_ttl)
        return found

    async def locations_of(self, user: str) -> list[Record]:
        """The locations where this person may post."""
        where = {business for each in await self.profiles(user) if each.can_access for business in each.businesses}
        return [each for each in await self.locations() if each["Id"] in where]

    async def location_for(self, user: str, asked: int | None) -> tuple[Record, Profile]:
        """The location and this person's profile there. Raises NotAllowed."""
        profiles = await self.profiles(user)
        locations = {each["Id"]: each for each in await self.locations()}
        standing = [id_ for id_ in locations if any(id_ in profile.businesses for profile in profiles)]
        chosen = asked or self._default(standing, list(locations))
        if chosen is None:
            names = [locations[id_]["Name"] for id_ in standing]
            raise NotAllowed("choose_location" if standing else "no_location", "location", offered=names)
        if chosen not in locations:
            raise NotAllowed("location_unknown", "location")
        here = [profile for profile in profiles if chosen in profile.businesses]
        if not here:
            offered = [locations[id_]["Name"] for id_ in standing]
            name = locations[chosen]["Name"]
            raise NotAllowed("other_location" if offered else "no_location", "location", offered=offered, name=name)
        if len({profile.user for profile in here}) > 1:
            raise NotAllowed("ambiguous")
        best = max(here, key=lambda profile: (profile.can_access, profile.default))
        if not best.can_access:
            raise NotAllowed("no_board_access", name=locations[chosen]["Name"])
        return locations[chosen], best

    def _default(self, standing: Sequence[int], every: Sequence[int]) -> int | None:
        if len(every) == 1:
            return every[0]
        if self.rules.default_location in standing or (self.rules.default_location and not standing):
            return self.rules.default_location
        return standing[0] if len(standing) == 1 else None

    async def groups_for(self, location: int, profile: Profile | None) -> list[Record]:
        """The groups of a location in which this profile may post; somebody unknown sees the public ones."""
        found = await asyncio.gather(
            *(self._group(each) for each in await self._groups(location)), return_exceptions=True
        )
        known = [each for each in found if isinstance(each, dict)]
        return [each for each in known if _may_post(each, profile)]

    async def _groups(self, location: int) -> list[Record]:
        async def look_up() -> list[Record]:
            return [_group(each) for each in await self._board.groups(location)]

        found: list[Record] = await self._cache.get(f"groups:{location}", look_up, self.rules.groups_ttl)
        return [each for each in found if each["BusinessId"] == location]

    async def _group(self, listed: Record) -> Record:
        """With its members, which stand in the single record only; a public one needs none."""
        if listed["GroupAccess"] == PUBLIC_GROUP:
            return listed

        async def look_up() -> Record:
            return _group(await self._board.group(listed["Id"]))

        found: Record = await self._cache.get(f"group:{listed['Id']}", look_up, self.rules.groups_ttl)
        return found

    # ── may they ─────────────────────────────────────────────────────────────

    async def author(self, draft: Draft) -> Author:
        """As whom, where and in which group this draft may be posted. Raises NotAllowed."""
        user = draft.origin.user
        location, profile = await self.location_for(user, draft.location)
        if draft.delivery == "instant" and not self.rules.may_choose_instant(user):
            raise NotAllowed("instant_not_allowed", "delivery")
        author = Author(profile, location["Id"], str(location.get("WebAddress") or ""))
        if draft.group is None:
            return author
        listed = [each for each in await self._groups(location["Id"]) if each["Id"] == draft.group]
        if not listed:
            raise NotAllowed("group_elsewhere", "group", name=location["Name"])
        group = await self._group(listed[0])
        if not _may_post(group, profile):
            raise NotAllowed("group_not_member", "group", name=group["Name"] if group["GroupAccess"] == 1 else "")
        hidden = group["GroupAccess"] not in (1, PUBLIC_GROUP)
        return Author(profile, author.location, author.web_address, group["Id"], group["Name"], hidden)

    async def guests(self, users: Sequence[str], location: int, author: Profile) -> list[int]:
        """The guests' UserIds. Raises NotAllowed naming those who cannot be found."""
        found, unmapped = [], []
        for user in users:
            try:
                profiles = await self.profiles(user)
            except NotAllowed:
                profiles = []
            here = [each for each in profiles if location in each.businesses and each.can_access]
            ids = {each.user for each in here}
            if len(ids) == 1:
                found.append(ids.pop())
            else:
                unmapped.append((await self.slack_profile(user))["name"])
        if unmapped:
            raise NotAllowed("guests_unmapped", "guests", who=unmapped)
        return [each for each in dict.fromkeys(found) if each != author.user]

    # ── names ────────────────────────────────────────────────────────────────

    async def is_public(self, channel: str | None) -> bool:
        """Whether conversations.info said so; anything else is treated as private."""
        return (await self._channel(channel))["public"] if channel else False

    async def _channel(self, channel: str) -> Record:
        async def look_up() -> Record:
            try:
                found = await self._slack.channel(channel)
            except SlackAway:
                return {"public": False, "name": ""}
            public = bool(found.get("is_channel")) and not any(
                found.get(mark) for mark in ("is_private", "is_im", "is_mpim", "is_ext_shared", "is_pending_ext_shared")
            )
            return {"public": public, "name": str(found.get("name") or "") if public else ""}

        found: Record = await self._cache.get(f"channel:{channel}", look_up, CHANNEL_TTL)
        return found

    async def names(self, needed: Mentioned) -> Names:
        """Names for mentioned ids; what cannot be looked up stays nameless. Never an error."""
        users = {user: name for user in needed.users if (name := await self.name(user))}
        channels = {id_: name for id_ in needed.channels if (name := (await self._channel(id_))["name"])}
        return Names(users=users, channels=channels, groups={})

    async def name(self, user: str) -> str | None:
        try:
            return str((await self.slack_profile(user))["name"])
        except SlackAway:
            return None


def _is(record: Mapping[str, Any], email: str) -> bool:
    return str(record.get("Email") or "").strip().casefold() == email.strip().casefold()


def _ids(value: object) -> list[int]:
    """Ids out of a list of numbers or of records."""
    found = [
        each.get("Id") if isinstance(each, Mapping) else each for each in (value if isinstance(value, list) else [])
    ]
    return [each for each in found if isinstance(each, int)]


def _coworker_profile(record: Mapping[str, Any]) -> Profile:
    businesses = tuple(dict.fromkeys(_ids(record.get("Businesses")) or _ids([record.get("InvoicingBusinessId")])))
    return Profile(
        user=int(record["UserId"]),
        coworker=int(record["Id"]),
        businesses=businesses,
        can_access=record.get("CanAccessCommunity") is not False,
        name=str(record.get("FullName") or ""),
        default=bool(record.get("IsDefaultProfile")),
    )


def _group(record: Mapping[str, Any]) -> Record:
    kept = {name: record.get(name) for name in ("Id", "Name", "BusinessId", "GroupAccess")}
    return kept | {"Members": _ids(record.get("Members"))}


def _may_post(group: Mapping[str, Any], profile: Profile | None) -> bool:
    if group["GroupAccess"] == PUBLIC_GROUP:
        return True
    return profile is not None and profile.coworker is not None and profile.coworker in group["Members"]
