"""Telling whether a thread that the board lists is the one a draft in doubt became.

The board ignores filters it does not know and lists partial records, so everything is
compared on our side, and nothing that is missing counts as equal.
"""

import hashlib
import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.nexudus.client import Sighting
from bridge.nexudus.wire import BadReference, Refused

# The board's Date header has whole seconds, and its clock is read across a network.
TOLERANCE = 2.0


@dataclass(frozen=True)
class Seen:
    """Thread ids that can only be this draft's, and whether the look was clear: all read, all compared."""

    found: tuple[int, ...]
    clear: bool


async def sift(
    sighting: Sighting,
    body: Mapping[str, Any],
    since: float,
    draft_id: str,
    read: Callable[[int], Awaitable[dict[str, Any]]],
    holder: Callable[[int], Awaitable[str | None]],
) -> Seen:
    """Which of the listed threads match what was sent at `since` (epoch seconds, our clock).

    Raises what `read` raises, except for a record that is gone by now.
    """
    earliest = since + (sighting.offset or 0) - TOLERANCE
    judged = [(each, await _judge(each, body, earliest, draft_id, read, holder)) for each in sighting.records]
    clear = sighting.complete and sighting.offset is not None and all(ours is not None for _, ours in judged)
    return Seen(tuple(int(each["Id"]) for each, ours in judged if ours), clear)


async def _judge(
    record: Mapping[str, Any],
    body: Mapping[str, Any],
    earliest: float,
    draft_id: str,
    read: Callable[[int], Awaitable[dict[str, Any]]],
    holder: Callable[[int], Awaitable[str | None]],
) -> bool | None:
    """Whether a listed thread is this draft's; None where nobody can say."""
    if not _could_be(record, body):
        return False
    created = parse_time(record.get("CreatedOn"))
    if created is None:
        return None  # without a readable time it can be neither adopted nor excluded
    if created < earliest or (await holder(record["Id"])) not in (None, draft_id):
        return False
    try:
        # Lists are partial and may lag; the single record is the one compared in full.
        whole = await read(record["Id"])
    except BadReference:
        return None  # not shown to us is not the same as not there
    except Refused:
        return False
    # Where only the words differ the board may have changed them.
    return _same(whole, body) or (None if _could_be(whole, body) else False)


def _could_be(record: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    if not isinstance(record.get("Id"), int):
        return False
    return all(record.get(name) in (None, body[name]) for name in ("BusinessId", "UserId")) and _text(
        record.get("Subject") or body["Subject"]
    ) == _text(body["Subject"])


def _same(record: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    same_ids = all(record.get(name) == body[name] for name in ("BusinessId", "UserId"))
    return same_ids and all(_text(record.get(name)) == _text(body[name]) for name in ("Subject", "Message"))


def likeness(body: Mapping[str, Any]) -> str:
    """Equal for threads that `sift` could not tell from one another."""
    parts = [str(body["BusinessId"]), str(body["UserId"]), _text(body["Subject"]), _text(body["Message"])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _text(value: object) -> str:
    """As it reads, whatever the board did to spaces, line ends and entities."""
    return " ".join(html.unescape(html.unescape(str(value or ""))).split())


def parse_time(value: object) -> float | None:
    """Epoch seconds of the board's times: ISO-8601 with any fraction, UTC unless an offset says otherwise."""
    try:
        moment = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
