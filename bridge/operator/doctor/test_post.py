"""The test post, made only when it is asked for: what no page of the board's documentation says.

A private thread under the API user's own login, which is read back and deleted again. What was learnt
is remembered in Redis under one key, which never expires: it says how this board behaves.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from bridge.nexudus.client import GROUPS, THREADS, USERS
from bridge.nexudus.wire import NexudusError, Refused, Rejected, Unsure, throttle
from bridge.operator.doctor.board_calls import Record, Visit
from bridge.operator.doctor.finding import Finding
from bridge.settings.environment import Settings
from bridge.store.client import connect

CHECK = "Test post"
# Longer than any list would show by accident.
_WORDS = "This is a test by `bridge doctor`, seen by nobody else, and deleted again at once. " * 30
_LOOKS, _LOOK_EVERY = 15, 1.0
_BURST = 30


async def recall(url: str, settings: Settings) -> list[Finding]:
    """What an earlier test post taught."""
    with suppress(RedisError, OSError, ValueError, TypeError, KeyError):
        async with aclosing(connect(url, timeout=3, certificate=settings.certificate)) as redis:
            text = await redis.get(_key(settings))
        return [_earlier(json.loads(text))] if text else []
    return []


async def carry_out(visit: Visit, location: Record, group: str, url: str | None) -> list[Finding]:
    """Post, read back, delete, remember. Whatever goes wrong on the way, it is deleted as far as it can be."""
    chosen = await _group(visit, location, group)
    if isinstance(chosen, Finding):
        return [chosen]
    author = await _author(visit)
    if author is None:
        return [_no_author(visit.settings)]
    body = _body(location, author, chosen)
    id_ = await _posted(visit, body)
    if isinstance(id_, Finding):
        return [id_]
    try:
        learnt = await _learn(visit, body, id_)
    finally:
        gone = await _delete(visit, id_)
    if not gone:
        return [_left(body["Subject"], id_), *_told(learnt, visit.settings)]
    learnt["throttle"] = await _provoke(visit)
    done = Finding(CHECK, True, f"posted to {chosen.get('Name')}, read back and deleted again")
    return [done, *_told(learnt, visit.settings), *await _remember(url, visit.settings, learnt)]


# ── before ───────────────────────────────────────────────────────────────────


async def _group(visit: Visit, location: Record, wanted: str) -> Record | Finding:
    listed = await visit.every(GROUPS, CommunityGroup_Business=location["Id"])
    here = [each for each in listed if each.get("BusinessId") == location["Id"]]
    for each in here:
        if wanted == str(each.get("Id")) or wanted.casefold() == str(each.get("Name")).casefold():
            return each
    offered = ", ".join(f"{each.get('Id')} ({each.get('Name')})" for each in here) or "none"
    said = f"{location.get('Name')} has no group {wanted}; nothing was posted"
    return Finding(CHECK, False, said, f"name one of its groups: {offered}")


async def _author(visit: Visit) -> int | None:
    name = visit.settings.nexudus_username
    found = await visit.every(USERS, User_Email=name)
    ours = [each["Id"] for each in found if str(each.get("Email")).casefold() == name.casefold()]
    return ours[0] if len(ours) == 1 and isinstance(ours[0], int) else None


def _no_author(settings: Settings) -> Finding:
    said = f"the board lists no single user {settings.nexudus_username} to post under; nothing was posted"
    return Finding(CHECK, False, said, "set NEXUDUS_USERNAME to the e-mail address of the API user, as Nexudus has it")


# ── the post ─────────────────────────────────────────────────────────────────


def _body(location: Record, author: int, group: Record) -> dict[str, Any]:
    return {
        "BusinessId": location["Id"],
        "UserId": author,
        "CommunityGroupId": group["Id"],
        "Subject": f"Test by bridge doctor {secrets.token_hex(4)}",
        "Message": _WORDS,
        "Private": True,
        "InstantDelivery": False,
        "SystemId": f"bridge-{secrets.token_hex(8)}",
    }


async def _posted(visit: Visit, body: Mapping[str, Any]) -> int | Finding:
    """The thread's id, or why there is none."""
    try:
        if id_ := await _post(visit, body):
            return id_
    except Rejected:
        remedy = "give the API user's role CommunityThread-Create"
        return Finding(CHECK, False, "the board let us make no thread", remedy)
    except Refused as error:
        return Finding(CHECK, False, f"the board refused it: {error.message}", "try another group")
    remedy = f"look for “{body['Subject']}” on the board, and delete it by hand"
    return Finding(CHECK, False, "the board did not confirm it", remedy)


async def _post(visit: Visit, body: Mapping[str, Any]) -> int | None:
    """The thread's id; in doubt it is looked for, and None is for one that was not found."""
    try:
        made = await visit.tell("POST", THREADS, body)
        if isinstance(made, dict) and isinstance(made.get("Id"), int):
            return int(made["Id"])
    except Unsure:
        await asyncio.sleep(visit.settings.nexudus_timeout)
    with suppress(NexudusError):
        shown, _ = await _shown(visit, body)
        return shown["Id"] if shown else None
    return None


async def _shown(visit: Visit, body: Mapping[str, Any]) -> tuple[Record | None, float]:
    """The thread as a list shows it, and after how many seconds."""
    began, query = time.monotonic(), {"CommunityThread_Business": body["BusinessId"]}
    for _ in range(_LOOKS):
        for each in await visit.every(THREADS, **query, CommunityThread_User=body["UserId"]):
            if each.get("Subject") == body["Subject"]:
                return each, time.monotonic() - began
        await asyncio.sleep(_LOOK_EVERY)
    return None, time.monotonic() - began


async def _learn(visit: Visit, body: Mapping[str, Any], id_: int) -> dict[str, Any]:
    """What reading it back shows; None for what could not be found out."""
    learnt: dict[str, Any] = {"at": time.time(), "system_id": None, "full_lists": None, "lag": None}
    with suppress(NexudusError):
        listed, seconds = await _shown(visit, body)
        learnt["lag"] = round(seconds, 1) if listed else None
        learnt["full_lists"] = listed.get("Message") == body["Message"] if listed else None
        single = await visit.ask(f"{THREADS}/{id_}")
        learnt["system_id"] = single.get("SystemId") == body["SystemId"] if isinstance(single, dict) else None
    return learnt


async def _delete(visit: Visit, id_: int) -> bool:
    """Whether it is gone. A role that is missing and a record that is gone both answer 401: only a look tells."""
    for wait in (0, 1, 3):
        await asyncio.sleep(wait)
        denied = False
        try:
            await visit.tell("DELETE", f"{THREADS}/{id_}")
        except Rejected:
            denied = True
        except NexudusError:
            pass  # it may be gone all the same
        with suppress(NexudusError):
            gone = await _is_gone(visit, id_)
            if gone or denied:
                return gone
    return False


async def _is_gone(visit: Visit, id_: int) -> bool:
    try:
        return await visit.ask(f"{THREADS}/{id_}") is None
    except Refused:
        return True


async def _provoke(visit: Visit) -> str | None:
    """Many reads at once: with which status, and for how long, are we asked to wait? None: we are not."""
    replies = await asyncio.gather(*(visit.reply("GET", THREADS, {"page": 1, "size": 1}) for _ in range(_BURST)))
    for reply in replies:
        wait = throttle(*reply) if reply else None
        if reply and wait is not None:
            return f"{reply.status} and a wait of {wait:g} s"
    return None


# ── after ────────────────────────────────────────────────────────────────────


def _left(subject: str, id_: int) -> Finding:
    remedy = "delete it by hand, or give the API user's role CommunityThread-Delete for as long as you test"
    return Finding(CHECK, False, f"could not be deleted again: “{subject}” ({id_}) is still on the board", remedy)


def _told(learnt: Mapping[str, Any], settings: Settings) -> list[Finding]:
    kept, full = learnt["system_id"], learnt["full_lists"]
    findings = [
        Finding("SystemId", None if kept is None else True, _kept(kept)),
        Finding("Thread lists", None if full is None else True, _full(full)),
        _lag(learnt["lag"], settings.nexudus_search_lag),
    ]
    if "throttle" in learnt:
        findings.append(Finding("Throttle", True, _slowed(learnt["throttle"])))
    return findings


def _kept(kept: bool | None) -> str:
    return {None: "could not be read back", True: "the board keeps it", False: "the board drops it"}[kept]


def _full(full: bool | None) -> str:
    words = {True: "hold the whole message", False: "cut the message, so threads are read one by one"}
    return words[full] if full is not None else "could not be read"


def _slowed(throttle: str | None) -> str:
    return f"the board asks to slow down with {throttle}" if throttle else f"none, even at {_BURST} reads at once"


def _lag(lag: float | None, allowed: float) -> Finding:
    check = "List lag"
    if lag is None:
        return Finding(check, None, "the new thread did not show in the lists while we looked")
    if lag > allowed:
        return Finding(check, False, f"a new thread shows after {lag:g} s", f"set NEXUDUS_SEARCH_LAG to {2 * lag:.0f}")
    return Finding(check, True, f"a new thread shows after {lag:g} s, within NEXUDUS_SEARCH_LAG")


async def _remember(url: str | None, settings: Settings, learnt: Mapping[str, Any]) -> list[Finding]:
    try:
        if url:
            async with aclosing(connect(url, timeout=3, certificate=settings.certificate)) as redis:
                await redis.set(_key(settings), json.dumps(learnt))
            return []
    except (RedisError, OSError):
        pass
    return [Finding("Memory", None, "what the test post taught is not remembered", "mend Redis and run it again")]


def _earlier(learnt: Mapping[str, Any]) -> Finding:
    day = datetime.fromtimestamp(float(learnt["at"]), UTC).date().isoformat()
    told = [f"SystemId: {_kept(learnt['system_id'])}", f"lists {_full(learnt['full_lists'])}"]
    told += [_slowed(learnt["throttle"])] if learnt.get("throttle") else []
    return Finding(CHECK, True, f"last made on {day}; {'; '.join(told)}")


def _key(settings: Settings) -> str:
    return f"{settings.prefix}learnt"
