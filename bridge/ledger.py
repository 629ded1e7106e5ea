"""The outbox from an operator's side: what waits, what failed and why, and the way out by hand.

Every word that a person wrote is shown without control characters: a subject must not be able
to move the operator's cursor. A response_url is a credential, so it is never shown.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bridge import blocks, store, words
from bridge.draft import Entry, compose_message
from bridge.outbox import Outbox
from bridge.settings import Settings

_HEADINGS = ("reference", "age", "state", "person", "subject", "reason")
_SUBJECT_WIDTH = 40


@dataclass(frozen=True)
class Done:
    """What a command did, in a sentence, and whether that is what was asked for."""

    ok: bool
    said: str


# ── which Redis ──────────────────────────────────────────────────────────────


@contextlib.contextmanager
def store_at_hand(settings: Settings) -> Iterator[str]:
    """The Redis of REDIS_URL, of the `bridge run` beside us, or the embedded one that it left behind.

    Raises StoreUnavailable when there is none; the message says what to do.
    """
    if settings.redis_url:
        yield settings.redis_url
    elif settings.dyno:
        raise store.StoreUnavailable("REDIS_URL: is missing; this host's disk is thrown away at every restart")
    elif url := _running(settings):
        yield url
    elif not was_kept(settings):
        raise store.StoreUnavailable(
            f"BRIDGE_DATA: nothing was ever kept in {settings.bridge_data.resolve()}; run this where `bridge run` "
            "runs, or set REDIS_URL to the Redis that the processes share"
        )
    else:
        with store.embedded(settings.bridge_data) as url:
            yield url


def was_kept(settings: Settings) -> bool:
    """Whether an embedded store has ever run in BRIDGE_DATA."""
    return (settings.bridge_data / "lock").exists()


def _running(settings: Settings) -> str | None:
    path = settings.bridge_data.resolve() / "store.sock"
    return f"unix://{quote(str(path))}" if store.answers(path) else None


# ── looking ──────────────────────────────────────────────────────────────────


async def listing(outbox: Outbox, *, as_json: bool) -> str:
    """What waits, then what failed or could not be told."""
    entries = [entry async for entry in outbox.listing()]
    now = await _now(outbox)
    if as_json:
        return _json([_summary(entry, now) for entry in entries])
    if not entries:
        return "Nothing waits, and nothing has failed."
    return _table([_row(entry, now) for entry in entries])


async def show(outbox: Outbox, id_: str, *, as_json: bool) -> Done:
    """All that an operator may want to know of one draft, its words too: nobody's words should be lost."""
    entry = await outbox.get(id_)
    if entry is None:
        return Done(False, _unknown(id_))
    facts = _summary(entry, await _now(outbox)) | _particulars(entry)
    if as_json:
        return Done(True, _json(facts))
    text = facts.pop("message")
    width = max(map(len, facts))
    lines = [f"{name.replace('_', ' '):<{width}}  {_told(value)}" for name, value in facts.items()]
    return Done(True, "\n".join([*lines, "", *(_clean(line) for line in text.splitlines())]).rstrip())


def _row(entry: Entry, now: float) -> tuple[str, ...]:
    subject = _clean(entry.draft.subject)
    short = subject if len(subject) <= _SUBJECT_WIDTH else subject[: _SUBJECT_WIDTH - 1] + "…"
    return (entry.id, _age(now - entry.kept), _state(entry), entry.draft.origin.user, short, _clean(_reason(entry)))


def _summary(entry: Entry, now: float) -> dict[str, Any]:
    origin = entry.draft.origin
    return {
        "reference": entry.id,
        "state": entry.state,
        "told": entry.told,
        "kept": datetime.fromtimestamp(entry.kept, UTC).isoformat(timespec="seconds"),
        "age_seconds": round(now - entry.kept),
        "team": origin.team,
        "person": origin.user,
        "subject": entry.draft.subject,
        "reason": _reason(entry),
    }


def _particulars(entry: Entry) -> dict[str, Any]:
    draft, outcome = entry.draft, entry.outcome
    return {
        "last_error": entry.last_error,
        "failures": entry.failures,
        "sends": entry.sends,
        "looks": entry.looks,
        "link": outcome.link if outcome else None,
        "channel": draft.origin.channel,
        "location": draft.location,
        "group": draft.group,
        "delivery": draft.delivery,
        "tags": list(draft.tags),
        "private": draft.private,
        "guests": list(draft.guests),
        "message": compose_message(draft, words.Names()),
    }


def _state(entry: Entry) -> str:
    if entry.outcome is None:
        return "in doubt" if entry.state == "sending" else "waiting"
    return f"{entry.state}, {'untold' if entry.told == 'untold' else 'told' if entry.told else 'to be told'}"


def _reason(entry: Entry) -> str:
    said = blocks.explanation(entry.outcome) if entry.outcome and entry.outcome.reason else ""
    return said or entry.last_error


# ── doing ────────────────────────────────────────────────────────────────────


async def retry(outbox: Outbox, id_: str) -> Done:
    """Try again; a draft in doubt is looked for on the board first, so that it never stands there twice."""
    entry = await outbox.get(id_)
    if entry and entry.outcome and entry.outcome.reason == "changed_mind":
        return Done(False, f"{id_} was cancelled by its person; only they may post it again.")
    state = await outbox.retry(id_)
    sentences = {
        "kept": f"{id_} will be tried again at once.",
        "sending": f"{id_} may be on the board already: it will be looked for first, then tried again.",
        "posted": f"{id_} is on the board already; nothing was done.",
    }
    return Done(state in ("kept", "sending"), sentences.get(state) or _unknown(id_))


async def drop(outbox: Outbox, id_: str) -> Done:
    """Take a draft out of the queue; its person is told that it was not posted."""
    before = await outbox.get(id_)
    state = await outbox.cancel(id_, "dropped")
    if state == "cancelled" and before and before.state == "kept":
        return Done(True, f"{id_} was taken out of the queue; its person will be told that it was not posted.")
    sentences = {
        "sending": f"{id_} may be on the board already, so it cannot be dropped. It will be looked for.",
        "unsure": f"{id_} may be on the board already, so it cannot be dropped. Its person was told to look there.",
        "posted": f"{id_} is on the board already; it can be deleted there. Nothing was done.",
        "unknown": _unknown(id_),
    }
    return Done(False, sentences.get(state) or f"{id_} was not posted, and waits for nothing; nothing was done.")


def _unknown(id_: str) -> str:
    return f"No post is kept as {_clean(id_)}; `bridge outbox list` shows the references."


# ── telling ──────────────────────────────────────────────────────────────────


async def _now(outbox: Outbox) -> float:
    seconds, micro = await outbox.redis.time()
    return float(seconds + micro / 1e6)


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _clean(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _told(value: Any) -> str:
    if value in (None, "", []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _clean(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    every = [_HEADINGS, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(_HEADINGS))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in every)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
