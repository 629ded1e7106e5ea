"""The board's wire rules: bytes in, values or errors out.

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
/reference/api-limitations.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx

Record = dict[str, Any]

_BODY_LIMIT = 8 * 1024 * 1024
_DEFAULT_WAIT, _LONGEST_WAIT = 5.0, 3600.0


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
    """The write may or may not have happened.

    `answered`: the application itself said that it failed, so it is at work on it no longer. Else it fell silent,
    or something before it spoke, and it may still be at it.
    """

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


class Throttled(Unavailable):
    """The board asked us, not only this call, to slow down."""


class Later(Exception):
    """Our own pace: the next turn is further off than the caller is prepared to wait; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"The next turn is in {wait:.1f} s")
        self.wait = wait


class Rejected(Exception):
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


class Reply(NamedTuple):
    """An answer as it came."""

    status: int
    headers: httpx.Headers
    body: bytes
    reason: str = ""


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
        raise Throttled("The board asks us to slow down", wait)
    if status == 401:
        raise Rejected
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
    message = f"The board answered {status} in a way that we do not understand"
    raise Unsure(message, answered=_is_its_own(status, data)) if write else Unavailable(message)


def _is_its_own(status: int, data: Any) -> bool:
    """Whether the application wrote this answer: in its envelope, and with no status that is a gateway's."""
    wrapped = isinstance(data, dict) and (
        isinstance(data.get("WasSuccessful"), bool) or bool(_text(data.get("Message")))
    )
    return wrapped and (200 <= status < 300 or status in (400, 500))


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
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        # A proxy's error is its no to CONNECT.
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
