"""A client of Nexudus, of the few calls that bridge makes.

It raises the tree of errors that `nexudus.wire` describes.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
from redis.asyncio import Redis

from bridge.nexudus.pace import Pace
from bridge.nexudus.tokens import Tokens
from bridge.nexudus.wire import (
    BadReference,
    Later,
    Page,
    Record,
    Refused,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Unsure,
    decipher,
    fetch,
    server_offset,
)
from bridge.settings.environment import Settings

_PAGE_SIZE = 100
_PAGES = 50
# https://developers.nexudus.com/rest-api/overview
THREADS, FILES = "community/communitythreads", "community/communitythreadfiles"
GROUPS, COWORKERS = "community/communitygroups", "spaces/coworkers"
USERS, BUSINESSES = "sys/users", "sys/businesses"
# Which zone the board reads a filter's time in is not documented. Should it be the location's own,
# the furthest west is 12 hours behind UTC, and a narrower window could hide the thread we look for.
_ZONES = timedelta(hours=12)


def build(settings: Settings, redis: Redis, http: httpx.AsyncClient) -> "Nexudus":
    """The board as the API user of the settings, at the pace that all processes of the account share."""
    password, client_id = settings.nexudus_password.get_secret_value(), settings.nexudus_client_id
    login = settings.nexudus_url, settings.nexudus_username, password
    tokens = Tokens(http, *login, redis, settings.prefix, client_id, settings.nexudus_timeout)
    limits = settings.nexudus_writes_per_minute, settings.nexudus_writes_per_day, settings.nexudus_writes_per_endpoint
    pace = Pace(redis, settings.prefix, *limits, settings.nexudus_call_interval_ms / 1000)
    return Nexudus(http, settings.nexudus_url, tokens, pace, settings.nexudus_timeout)


class Sighting(NamedTuple):
    """What a look saw: records by distinct id, whether it saw all of them, and the clocks' difference.

    The board ignores filters that it does not know: compare every field again. A sighting that is
    not `complete` proves nothing absent. `offset` is as `server_offset` has it.
    """

    records: list[Record]
    complete: bool
    offset: float | None


class _Ask(NamedTuple):
    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    until: float | None = None


class _Answer(NamedTuple):
    data: Any
    offset: float | None


class Nexudus:
    """The calls that bridge makes to https://spaces.nexudus.com/api as one administrator.

    `timeout` is in seconds and bounds one exchange; an answer of 401 leads to at most four more, the
    write itself once more at most, as a 401 changed nothing. Nothing else is repeated. Every call
    raises the tree of `nexudus.wire` and what Redis raises, which it never does once a write may have happened.
    Lists are raw: the board ignores filters that it does not know, so compare every field again.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, tokens: Tokens, pace: Pace, timeout: float) -> None:
        self._http, self.tokens, self._pace, self._timeout = http, tokens, pace, timeout
        self._api = f"{base_url.rstrip('/')}/api"

    async def coworkers_by_email(self, email: str) -> list[Record]:
        """Customer profiles, partial: `coworker` has all of one."""
        return await self._list(COWORKERS, {"Coworker_Email": email})

    async def coworker(self, coworker_id: int) -> Record:
        """One profile in full. A deleted one raises BadReference."""
        return await self._one(COWORKERS, coworker_id)

    async def users_by_email(self, email: str) -> list[Record]:
        """Logins. Whether the board matches exactly is not documented."""
        return await self._list(USERS, {"User_Email": email})

    async def user(self, user_id: int) -> Record:
        """One login in full."""
        return await self._one(USERS, user_id)

    async def businesses(self) -> list[Record]:
        """Every location that our login sees."""
        return await self._list(BUSINESSES, {})

    async def groups(self, business_id: int) -> list[Record]:
        """The groups of a location, without their `Members`."""
        return await self._list(GROUPS, {"CommunityGroup_Business": business_id})

    async def group(self, group_id: int) -> Record:
        """One group in full, with its `Members`."""
        return await self._one(GROUPS, group_id)

    async def create_thread(self, body: Mapping[str, Any], until: float | None = None) -> Record:
        """Post a thread; what comes back has at least its `Id`. Raises Unsure if no id is told.

        Not sent after `until` (time.monotonic()) but raised as Unavailable: logging in and waiting for a turn
        take time, and so does being frozen.

        https://developers.nexudus.com/rest-api/community/post-communitythreads
        """
        value = (await self._call(_Ask("POST", THREADS, body=body, until=until))).data
        if not isinstance(value, dict) or _id(value) is None:
            raise Unsure("The board reports success but names no thread", answered=True)
        return value

    async def threads_since(self, business_id: int, user_id: int, since: datetime) -> Sighting:
        """Look for one login's threads at a location, made since `since` (aware; the minute counts).

        Reads up to 50 pages of 100, and half a day more than asked: records may be older than `since`.
        Raises Unavailable when a page fails, whatever the failure: a failed look found nothing out.
        https://developers.nexudus.com/rest-api/community/get-communitythreads
        """
        earliest = since.astimezone(UTC) - _ZONES
        query = {
            "CommunityThread_Business": business_id,
            "CommunityThread_User": user_id,
            "from_CommunityThread_CreatedOn": earliest.strftime("%Y-%m-%dT%H:%M"),
        }
        try:
            return await self._look(THREADS, query)
        except Refused:
            raise Unavailable("The board would not list its threads") from None

    async def thread(self, thread_id: int) -> Record:
        """One thread in full."""
        return await self._one(THREADS, thread_id)

    async def add_thread_file(self, body: Mapping[str, Any], until: float | None = None) -> None:
        """Have the board fetch `NewFileDataUrl` into a thread; `until` as for `create_thread`.

        https://developers.nexudus.com/rest-api/community/post-communitythreadfiles
        """
        await self._call(_Ask("POST", FILES, body=body, until=until))

    async def thread_files(self, thread_id: int) -> Sighting:
        """The files of a thread; compare `CommunityThreadId` again."""
        return await self._look(FILES, {"CommunityThreadFile_CommunityThread": thread_id})

    async def _one(self, path: str, record_id: int) -> Record:
        data = (await self._call(_Ask("GET", f"{path}/{record_id:d}"))).data
        if not isinstance(data, dict) or _id(data) != record_id:
            raise Unavailable("The board answered with another record than asked for")
        return data

    async def _list(self, path: str, query: Mapping[str, Any]) -> list[Record]:
        sighting = await self._look(path, query)
        if not sighting.complete:
            raise Unavailable("A list from the board was cut short")
        return sighting.records

    async def _look(self, path: str, query: Mapping[str, Any]) -> Sighting:
        seen: dict[int | None, Record] = {}
        total, read, offset = 0, 0, None
        for number in range(1, _PAGES + 1):
            answer = await self._call(_Ask("GET", path, {**query, "page": number, "size": _PAGE_SIZE}))
            page, offset = Page.from_data(answer.data), answer.offset
            known, read = len(seen), read + len(page.records)
            total = max(total, page.total or 0)
            seen.update((_id(record), record) for record in page.records)
            if page.number != number or None in seen or (page.has_next and len(seen) == known):
                break
            if not page.has_next:
                # Without a total, a record seen twice means that the pages moved under us.
                return Sighting(list(seen.values()), len(seen) >= (total or read), offset)
        return Sighting(list(seen.values()), False, offset)

    async def _call(self, ask: _Ask) -> _Answer:
        token = await self.tokens.current()
        with suppress(Rejected):
            return await self._exchange(token, ask)
        if not await self._accepts(token):
            token = await self.tokens.renew(token)
            if not await self._accepts(token):
                raise Unauthorized("rejected")
            with suppress(Rejected):
                return await self._exchange(token, ask)
        raise BadReference("The board refuses a record that this names, or a role is missing")

    async def _accepts(self, token: str) -> bool:
        # The board answers 401 to missing records and missing roles too: only a harmless read tells.
        try:
            await self._exchange(token, _Ask("GET", THREADS, {"page": 1, "size": 1}))
        except Rejected:
            return False
        except Refused:
            pass  # a no of another kind is given to those who are let in
        return True

    async def _exchange(self, token: str, ask: _Ask) -> _Answer:
        url, headers = f"{self._api}/{ask.path}", {"Authorization": f"Bearer {token}"}
        parts: dict[str, Any] = {"write": ask.method != "GET", "headers": headers, "params": ask.query}
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
            # In ASCII, so that half a surrogate pair in somebody's text cannot stop it.
            parts["content"] = json.dumps(dict(ask.body)).encode()
        endpoint = ask.path.rstrip("/0123456789")
        await self._turn(endpoint, write=parts["write"])
        if ask.until is not None and time.monotonic() > ask.until:
            raise Unavailable("The time to send it is over")
        reply = await fetch(self._http, ask.method, url, self._timeout, **parts)
        offset = server_offset(reply.headers, datetime.now(UTC))
        try:
            return _Answer(decipher(ask.method, *reply), offset)
        except Throttled as slower:
            # "Before accessing the url again", says the older text: the address as a whole, and no other one.
            await self._pace.pause(endpoint, slower.wait or 0)
            raise Unavailable(str(slower), slower.wait) from None

    async def _turn(self, endpoint: str, *, write: bool) -> None:
        try:
            await self._pace.turn(endpoint, write=write)
        except Later as later:
            raise Unavailable("Our own pace allows no call yet", later.wait) from None


def _id(record: Any) -> int | None:
    value = record.get("Id") if isinstance(record, dict) else None
    return value if type(value) is int and value > 0 else None
