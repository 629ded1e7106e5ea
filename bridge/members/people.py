"""Who a Slack person is on the board: the `trusted_email` of theirs, compared exactly, to their profiles.

What they may do there is for `places` to say. Nobody is guessed; every person who cannot be told is a `NotAllowed`
with its own reason. What people and channels are called in Slack is looked up here, too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from bridge.members.cache import Cache
from bridge.members.trusted_email import gate, same_address, snapshot
from bridge.nexudus.client import Nexudus
from bridge.nexudus.wire import BadReference, Refused
from bridge.post.refusals import NotAllowed, SlackAway
from bridge.words.names import Mentioned, Names

# How long "nobody with this address" and "not public" are believed: somebody who just signed up should not wait long.
MISS_TTL = 60.0
CHANNEL_TTL = 600.0
# How many people and channels one post may have looked up for their names, and within how many seconds: nobody else's
# post waits. Slack answers conversations.info fifty times a minute, and others' posts need some of them.
# https://docs.slack.dev/apis/web-api/rate-limits
MOST_NAMES, MOST_CHANNELS, NAMING = 100, 25, 5.0
# A look-up that failed says nothing for long.
UNKNOWN_TTL = 10.0

_NOT_PUBLIC = ("is_private", "is_im", "is_mpim", "is_ext_shared", "is_pending_ext_shared")

# What may differ in a snapshot while the person stays the same for the board.
_UNCHECKED = ("name", "tz", "locale")

Record = dict[str, Any]


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
class Rules:
    """What this space decided about people; durations in seconds. `board` is its address."""

    identity_ttl: float
    guests: str
    board: str


class People:
    """The mapping behind the gate, with what was looked up kept in the cache."""

    def __init__(self, board: Nexudus, slack: SlackSide, cache: Cache, rules: Rules) -> None:
        self.board, self.cache, self.rules = board, cache, rules
        self._slack = slack

    # ── who ──────────────────────────────────────────────────────────────────

    async def slack_profile(self, user: str, believed: Callable[[Record], bool] = lambda person: True) -> Record:
        """The snapshot of a Slack person, at most `identity_ttl` old. Raises SlackAway; NotAllowed for strangers."""

        async def look_up() -> Record:
            return snapshot(await self._slack.user(user))

        found: Record = await self.cache.get(f"slack:{user}", look_up, self.rules.identity_ttl, believed)
        return found

    async def profiles(self, user: str, *, anew: bool = False) -> list[Profile]:
        """Every profile of this person on the board. Raises NotAllowed, SlackAway, and the board's errors.

        `anew`: they try again, so a refusal is not believed from memory. Whoever has signed up since is found at once.
        """
        person, found = await self.cache.several(f"slack:{user}", f"member:{user}")
        email = str((await self._passed(user, person, anew=anew))["email"])

        async def look_up() -> Record:
            return await self._resolve(email)

        def ttl(found: Record) -> float:
            return MISS_TTL if "refused" in found else self.rules.identity_ttl

        def believed(found: Record) -> bool:
            return not (anew and "refused" in found)

        if not (found and believed(found)):
            found = await self.cache.get(f"member:{user}", look_up, ttl, believed)
        # An account may be taken along to another board, where the same ids are other people's.
        if not same_address(found["email"], email) or found.get("board") != self.rules.board:
            await self.cache.drop(f"member:{user}")
            found = await self.cache.get(f"member:{user}", look_up, ttl)
        if "refused" in found:
            raise NotAllowed(found["refused"], email=email)
        return [Profile(**each | {"businesses": tuple(each["businesses"])}) for each in found["profiles"]]

    async def _passed(self, user: str, person: Record | None, *, anew: bool) -> Record:
        """The `person` as remembered or looked up, if the gate lets them pass. Raises NotAllowed and SlackAway."""
        home = await self._slack.home()

        def refused(person: Record) -> str | None:
            return gate(person, home, self.rules.guests)

        if person is None or (anew and refused(person)):
            person = await self.slack_profile(user, lambda found: not (anew and refused(found)))
        if reason := refused(person):
            raise NotAllowed(reason)
        return person

    async def _resolve(self, email: str) -> Record:
        known = {"email": email, "board": self.rules.board}
        try:
            profiles = await self._coworkers(email) or await self._logins(email)
        except NotAllowed as refused:
            return known | {"refused": refused.reason}
        return known | {"profiles": [asdict(profile) for profile in profiles]}

    async def _coworkers(self, email: str) -> list[Profile]:
        listed = [each for each in await self.board.coworkers_by_email(email) if _is(each, email)]
        # A list's records are partial: only the single one surely holds UserId.
        full = [each for row in listed if (each := await self._single(self.board.coworker, row["Id"]))]
        if listed and not full:
            # Deleted, or a role is missing: either way nobody's login gets past a profile that forbids the board.
            raise NotAllowed("profile_unreadable")
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
        await self._same_logins(active, email)
        return [_coworker_profile(each) for each in active]

    async def _same_logins(self, profiles: Sequence[Record], email: str) -> None:
        """Whether the logins behind these profiles have the same address, as far as the board shows them to us.

        Raises NotAllowed: whoever keeps a profile's address may have mistyped it, and a thread stands under the login.
        """
        for login in dict.fromkeys(int(each["UserId"]) for each in profiles):
            try:
                own = await self.board.user(login)
            except Refused:
                continue  # without the role User-Read it cannot be seen; one that is gone, the board refuses by itself
            if not _is(own, email):
                raise NotAllowed("login_differs")

    async def _logins(self, email: str) -> list[Profile]:
        # The filter may be a "contains": only the exact address counts.
        listed = [each for each in await self.board.users_by_email(email) if _is(each, email)]
        # Without the role User-Read the list has to do, if it says that the login is alive.
        full = [
            each
            for row in listed
            if (each := await self._single(self.board.user, row["Id"]) or (row if row.get("Active") is True else None))
        ]
        active = [each for each in full if each.get("Active") is not False and _is(each, email)]
        if not active:
            raise NotAllowed("inactive" if full else "unknown")
        if len({each["Id"] for each in active}) > 1:
            raise NotAllowed("ambiguous")
        businesses = tuple(ids_in(active[0].get("Businesses")) or ids_in([active[0].get("DefaultBusinessId")]))
        return [Profile(active[0]["Id"], None, businesses, can_access=True, name=str(active[0].get("FullName") or ""))]

    async def _single(self, look_up: Callable[[int], Awaitable[Record]], id_: int) -> Record | None:
        try:
            return await look_up(id_)
        except BadReference:
            return None  # lists may hold deleted records, which cannot be read singly

    async def changed(self, user: Mapping[str, Any]) -> bool:
        """A Slack profile changed: forget the mapping if what it rests on did. Answers whether something was known.

        Where nothing is known, a look-up may be under way, in whatever process: what it finds is from before.
        """
        id_ = user.get("id")
        if not (isinstance(id_, str) and id_):
            return False
        known, fresh = await self.cache.remembered(f"slack:{id_}"), snapshot(user)
        if known and all(known.get(name) == value for name, value in fresh.items() if name not in _UNCHECKED):
            return False
        await self.forget(id_)
        return known is not None

    async def forget(self, user: str) -> None:
        """Drop all that is remembered of a person; looked up anew at the next post."""
        await self.cache.drop(f"slack:{user}", f"member:{user}")

    # ── names ────────────────────────────────────────────────────────────────

    async def is_public(self, channel: str | None) -> bool | None:
        """Whether conversations.info says so; None, which counts as private, where it could not be asked just now."""
        found: bool | None = (await self._channel(channel))["public"] if channel else False
        return found

    async def _channel(self, channel: str) -> Record:
        async def look_up() -> Record:
            try:
                found = await self._slack.channel(channel)
            except SlackAway as away:
                return {"public": None, "name": "", "wait": away.wait}
            public = bool(found.get("is_channel")) and not any(found.get(mark) for mark in _NOT_PUBLIC)
            return {"public": public, "name": str(found.get("name") or "") if public else ""}

        def ttl(found: Record) -> float:
            return UNKNOWN_TTL if found["public"] is None else CHANNEL_TTL if found["public"] else MISS_TTL

        found: Record = await self.cache.get(f"channel:{channel}", look_up, ttl)
        return found

    async def names(self, needed: Mentioned) -> Names:
        """Names for mentioned ids; what cannot be looked up stays nameless. Never an error."""
        users: dict[str, str] = {}
        channels: dict[str, str] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(NAMING):
                await asyncio.gather(
                    self._name(sorted(needed.users)[:MOST_NAMES], users),
                    self._name_channels(sorted(needed.channels)[:MOST_CHANNELS], channels),
                )
        return Names(users=users, channels=channels)

    async def _name(self, needed: Sequence[str], users: dict[str, str]) -> None:
        """Into `users`, as far as it comes; when Slack asks for a pause, no further."""
        for user in needed:
            try:
                users[user] = str((await self.slack_profile(user))["name"])
            except NotAllowed:
                continue
            except SlackAway as away:
                if away.wait:
                    return

    async def _name_channels(self, needed: Sequence[str], channels: dict[str, str]) -> None:
        """The public ones into `channels`, as `_name` does."""
        for channel in needed:
            found = await self._channel(channel)
            if found["name"]:
                channels[channel] = found["name"]
            if found.get("wait"):
                return

    async def locale(self, user: str) -> str:
        """The language that a person has chosen in Slack, if it is known without asking; "" else."""
        return str((await self.cache.remembered(f"slack:{user}") or {}).get("locale") or "")

    async def name(self, user: str) -> str | None:
        try:
            return str((await self.slack_profile(user))["name"])
        except (SlackAway, NotAllowed):
            return None


def _is(record: Mapping[str, Any], email: str) -> bool:
    return same_address(record.get("Email"), email)


def ids_in(value: object) -> list[int]:
    """Ids out of a list of numbers or of records."""
    found = [
        each.get("Id") if isinstance(each, Mapping) else each for each in (value if isinstance(value, list) else [])
    ]
    return [each for each in found if isinstance(each, int)]


def _coworker_profile(record: Mapping[str, Any]) -> Profile:
    businesses = tuple(dict.fromkeys(ids_in(record.get("Businesses")) or ids_in([record.get("InvoicingBusinessId")])))
    return Profile(
        user=int(record["UserId"]),
        coworker=int(record["Id"]),
        businesses=businesses,
        can_access=record.get("CanAccessCommunity") is not False,
        name=str(record.get("FullName") or ""),
        default=bool(record.get("IsDefaultProfile")),
    )
