"""Nexudus's wire: its rules as pure functions, then a client of a few calls.

The errors branch by what is to be done about them:

    NexudusError
    ├── Refused           the board says no: tell the person, do not repeat
    │   └── BadReference  a record that we name is gone, or a role is missing: resolve anew, once
    ├── Unauthorized      our login is not accepted: tell the operators
    ├── Unavailable       surely nothing happened: again later, after `wait` seconds if it has one
    └── Unsure            it may have happened: look before repeating

A read changes nothing, so a read never ends as Unsure. No message of an error holds anything
that the board sent, save its own sentences in `Message`.

Rules: https://developers.nexudus.com/rest-api/overview, /rest-api/authentication and
/reference/api-limitations; where they are silent, reference/nexudus.md says who saw it.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from bridge.pace import Pace
    from bridge.tokens import Tokens

Record = dict[str, Any]

_BODY_LIMIT = 8 * 1024 * 1024
_PAGE_SIZE = 100
_PAGES = 50
_DEFAULT_WAIT, _LONGEST_WAIT = 5.0, 3600.0
_THREADS = "community/communitythreads"
# Which zone the board reads a filter's time in is not documented. Should it be the location's own,
# the furthest west is 12 hours behind UTC, and a narrower window could hide the thread we look for.
_ZONES = timedelta(hours=12)


class FieldError(NamedTuple):
    """What the board has against one property of a record, in its own words."""

    property: str
    message: str


class NexudusError(Exception):
    """The root of the tree above."""


class Refused(NexudusError):
    """The board says no; `fields` says to what, as far as it told."""

    def __init__(self, message: str, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.fields = message, fields


class BadReference(Refused):
    """401 although our login works: a record it names is missing or refused, or a role of ours is."""


class Unauthorized(NexudusError):
    """`reason`: invalid_grant, two_factor_auth_check, must_reset_password or rejected."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The board does not accept our login: {reason}")
        self.reason = reason


class Unavailable(NexudusError):
    """Surely nothing happened; `wait` is in seconds, None when nobody named one."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Unsure(NexudusError):
    """The write may or may not have happened."""


class _Throttled(Unavailable):
    """The board asked us, not only this call, to slow down."""


class _Rejected(Exception):
    """401. What it means takes a second call to find out."""


class Page(NamedTuple):
    """One page of a list; `total` counts the records of all pages, None when the board does not say."""

    records: list[Record]
    number: int
    has_next: bool
    total: int | None

    @classmethod
    def from_data(cls, data: Any) -> "Page":
        """Read the list envelope. Raises Unavailable: half a list must not pass for a list."""
        if isinstance(data, dict):
            records, number, more = (data.get(name) for name in ("Records", "CurrentPage", "HasNextPage"))
            whole = isinstance(records, list) and all(isinstance(record, dict) for record in records)
            if whole and type(number) is int and isinstance(more, bool):
                total = data.get("TotalItems")
                return cls(records or [], number, more, total if type(total) is int else None)
        raise Unavailable("A list from the board could not be read")


class Sighting(NamedTuple):
    """What a look saw: records by distinct id, whether it saw all of them, and the clocks' difference.

    The board ignores filters that it does not know: compare every field again. A sighting that is
    not `complete` proves nothing absent. `offset` is as `server_offset` has it.
    """

    records: list[Record]
    complete: bool
    offset: float | None


class Reply(NamedTuple):
    """An answer as it came."""

    status: int
    headers: httpx.Headers
    body: bytes
    reason: str = ""


class _Ask(NamedTuple):
    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None


class _Answer(NamedTuple):
    data: Any
    offset: float | None


def server_offset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds by which the board's `Date` is ahead of `now` (aware); None without a readable one."""
    sent = _http_date(httpx.Headers(headers).get("date"))
    return (sent - now).total_seconds() if sent else None


def throttle(status: int, headers: Mapping[str, str], body: bytes, reason: str = "") -> float | None:
    """Seconds to wait if the answer asks us to slow down (at most an hour), else None.

    429 always does. 409 is the older form, with `Retry-After`, no body, or words about waiting
    (https://developers.nexudus.com/reference/api-limitations); 409 with field errors is a refusal.
    """
    after = httpx.Headers(headers).get("retry-after")
    text = f"{reason} {body[:2000].decode('utf-8', 'replace')}"
    conflict = status == 409 and after is None and bool(body.strip())
    if conflict and (_field_errors(_parse(headers, body)) or not re.search(r"\bwait", text, re.I)):
        return None
    if status not in (409, 429):
        return None
    wait = _retry_after(after, headers)
    said = re.search(r"\bwait\D{0,20}?(\d+(?:\.\d+)?)\s*s", text, re.I)
    if wait is None:
        wait = float(said[1]) if said else _DEFAULT_WAIT
    return min(max(wait, 0.0), _LONGEST_WAIT)


def decipher(method: str, status: int, headers: Mapping[str, str], body: bytes, reason: str = "") -> Any:
    """The data of a read, the `Value` of a write, or one of the errors above.

    `WasSuccessful` decides on a write, because 200 can carry a failure; a 400 or 500 that begins
    "Ooops" has been seen for writes that took place, and a 200 in HTML comes from the edge.
    A DELETE that finds nothing is done. 401 raises a signal that only `Nexudus` understands.
    """
    wait = throttle(status, headers, body, reason)
    if wait is not None:
        raise _Throttled("The board asks us to slow down", wait)
    if status == 401:
        raise _Rejected
    if status == 204 or (method == "DELETE" and status == 404):
        return None
    write, data = method != "GET", _parse(headers, body)
    success = data.get("WasSuccessful") if isinstance(data, dict) else None
    if 200 <= status < 300 and data is not None and (success is True or (not write and success is None)):
        return data.get("Value") if write else data
    unclear = 300 <= status < 400 or status == 408 or status >= 500 or success is True
    if refusal := None if unclear else _refusal(data):
        raise refusal
    if method == "GET" and status == 404 and (data is not None or not body):
        raise Refused("The board knows no such record")
    raise _puzzle(write, f"The board answered {status} in a way that we do not understand")


def _refusal(data: Any) -> Refused | None:
    fields = _field_errors(data)
    message = _text(data.get("Message")) if isinstance(data, dict) else ""
    if fields or (message and not re.match(r"\s*oo+ps", message, re.I)):
        return Refused(message or "; ".join(field.message for field in fields), fields)
    return None


def _field_errors(data: Any) -> tuple[FieldError, ...]:
    errors = data.get("Errors") if isinstance(data, dict) else None
    said = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return tuple(FieldError(_text(one.get("PropertyName")), _text(one.get("Message"))) for one in said[:20])


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def _parse(headers: Mapping[str, str], body: bytes) -> Any:
    if "html" in httpx.Headers(headers).get("content-type", "").lower():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _retry_after(value: str | None, headers: Mapping[str, str]) -> float | None:
    if value and re.fullmatch(r"\s*\d+(\.\d+)?\s*", value, re.ASCII):
        return float(value)
    until = _http_date(value)
    # The board's own clock, where it tells it: ours may be wrong.
    now = _http_date(httpx.Headers(headers).get("date")) or datetime.now(UTC)
    return (until - now).total_seconds() if until else None


def _http_date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _puzzle(write: bool, message: str) -> NexudusError:
    return Unsure(message) if write else Unavailable(message)


def _id(record: Any) -> int | None:
    value = record.get("Id") if isinstance(record, dict) else None
    return value if type(value) is int and value > 0 else None


async def fetch(http: httpx.AsyncClient, method: str, url: str, timeout: float, *, write: bool, **parts: Any) -> Reply:
    """One exchange, once, within `timeout` seconds in all and 8 MiB; redirects are not followed.

    Raises Unavailable when no request can have been sent, and for a `write` otherwise Unsure.
    """
    # Pool, connect and TLS together end before the deadline, or a host that is away would look like doubt.
    limits = httpx.Timeout(timeout, pool=timeout / 4, connect=timeout / 4)
    try:
        request = http.build_request(method, url, timeout=limits, **parts)
        request.headers["Accept"] = "application/json"
        request.headers.pop("Cookie", None)  # a session would speak for us where the bearer should
        async with asyncio.timeout(timeout):
            return await _send(http, request)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        # `from None` here and below: httpx's texts and requests can hold a token.
        raise Unavailable(f"The board could not be reached: {type(error).__name__}") from None
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict) as error:
        raise _puzzle(write, f"The exchange broke off: {type(error).__name__}") from None
    except (OSError, UnicodeError) as error:  # the deadline's TimeoutError is an OSError
        raise _puzzle(write, f"The exchange broke off: {type(error).__name__}") from None


async def _send(http: httpx.AsyncClient, request: httpx.Request) -> Reply:
    response = await http.send(request, stream=True, auth=None, follow_redirects=False)
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _BODY_LIMIT:
                raise httpx.DecodingError("too long", request=request)
    finally:
        await response.aclose()
    return Reply(response.status_code, response.headers, bytes(body), response.reason_phrase)


class Nexudus:
    """The calls that bridge makes to https://spaces.nexudus.com/api as one administrator.

    `timeout` is in seconds and bounds one exchange; an answer of 401 leads to at most four more, the
    write itself once more at most, as a 401 changed nothing. Nothing else is repeated. Every call
    raises the tree above and what Redis raises, which it never does once a write may have happened.
    Lists are raw: the board ignores filters that it does not know, so compare every field again.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, tokens: "Tokens", pace: "Pace", timeout: float) -> None:
        self._http, self._tokens, self._pace, self._timeout = http, tokens, pace, timeout
        self._api = f"{base_url.rstrip('/')}/api"

    async def coworkers_by_email(self, email: str) -> list[Record]:
        """Customer profiles, partial: `coworker` has all of one."""
        return await self._list("spaces/coworkers", {"Coworker_Email": email})

    async def coworkers_of_user(self, user_id: int) -> list[Record]:
        """The customer profiles of one login, partial: `coworker` has all of one."""
        return await self._list("spaces/coworkers", {"Coworker_User": user_id})

    async def coworker(self, coworker_id: int) -> Record:
        """One profile in full. A deleted one raises BadReference."""
        return await self._one("spaces/coworkers", coworker_id)

    async def users_by_email(self, email: str) -> list[Record]:
        """Logins. Whether the board matches exactly is not documented."""
        return await self._list("sys/users", {"User_Email": email})

    async def user(self, user_id: int) -> Record:
        """One login in full."""
        return await self._one("sys/users", user_id)

    async def businesses(self) -> list[Record]:
        """Every location that our login sees."""
        return await self._list("sys/businesses", {})

    async def groups(self, business_id: int) -> list[Record]:
        """The groups of a location, without their `Members`."""
        return await self._list("community/communitygroups", {"CommunityGroup_Business": business_id})

    async def group(self, group_id: int) -> Record:
        """One group in full, with its `Members`."""
        return await self._one("community/communitygroups", group_id)

    async def create_thread(self, body: Mapping[str, Any]) -> Record:
        """Post a thread; what comes back has at least its `Id`. Raises Unsure if no id is told.

        https://developers.nexudus.com/rest-api/community/post-communitythreads
        """
        value = (await self._call(_Ask("POST", _THREADS, body=body))).data
        if not isinstance(value, dict) or _id(value) is None:
            raise Unsure("The board reports success but names no thread")
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
            return await self._look(_THREADS, query)
        except Refused:
            raise Unavailable("The board would not list its threads") from None

    async def thread(self, thread_id: int) -> Record:
        """One thread in full."""
        return await self._one(_THREADS, thread_id)

    async def delete_thread(self, thread_id: int) -> None:
        """Remove a thread; one that is gone already is no error."""
        await self._call(_Ask("DELETE", f"{_THREADS}/{thread_id:d}"))

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
        token = await self._tokens.current()
        with suppress(_Rejected):
            return await self._exchange(token, ask)
        if not await self._accepts(token):
            token = await self._tokens.renew(token)
            if not await self._accepts(token):
                raise Unauthorized("rejected")
            with suppress(_Rejected):
                return await self._exchange(token, ask)
        raise BadReference("The board refuses a record that this names, or a role is missing")

    async def _accepts(self, token: str) -> bool:
        # The board answers 401 to missing records and missing roles too: only a harmless read tells.
        try:
            await self._exchange(token, _Ask("GET", _THREADS, {"page": 1, "size": 1}))
        except _Rejected:
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
        await self._turn(parts["write"])
        reply = await fetch(self._http, ask.method, url, self._timeout, **parts)
        offset = server_offset(reply.headers, datetime.now(UTC))
        try:
            return _Answer(decipher(ask.method, *reply), offset)
        except _Throttled as slower:
            await self._pace.pause(slower.wait or 0)
            raise Unavailable(str(slower), slower.wait) from None

    async def _turn(self, write: bool) -> None:
        try:
            await self._pace.turn(write)
        except self._pace.Later as later:
            raise Unavailable("Our own pace allows no call yet", later.wait) from None
