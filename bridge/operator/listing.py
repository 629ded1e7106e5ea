"""The outbox from an operator's side: what waits, what failed and why, and the way out by hand.

Every word that a person wrote is shown without control characters: a subject must not be able
to move the operator's cursor. A response_url is a credential, so it is never shown.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.nexudus.tokens import Tokens
from bridge.operator import reasons, text_table
from bridge.outbox.ledger import Outbox
from bridge.post.draft import NOT_POSTED, compose_message
from bridge.post.entry import Entry
from bridge.slack.slack_health import REINSTALL
from bridge.store.other_accounts import OVERDUE, Other
from bridge.words.names import Names

_HEADINGS = ("reference", "age", "state", "next try", "person", "subject", "reason")
_SUBJECT_WIDTH = 40
_NOBODY_TAKES_THEM = (
    "Overdue posts are taken by no worker: is one running? `bridge run` has one, `bridge web` has none."
)
# How many of a person's later posts are compared with one that was refused.
_LATER = 50


@dataclass(frozen=True)
class Done:
    """What a command did, in a sentence, and whether that is what was asked for."""

    ok: bool
    said: str


@dataclass(frozen=True)
class _Line:
    """An entry as it stands now; `due` is when it is tried next, None for never. Times are epoch seconds."""

    entry: Entry
    now: float
    due: float | None

    @property
    def age(self) -> float:
        return self.now - self.entry.kept

    @property
    def next_try(self) -> str:
        if self.due is None:
            return "none"
        # A claimed entry is due when its lease runs out; until then it is being worked on.
        left = self.due - self.now
        if self.is_overdue:
            return f"overdue {reasons.span(-left)}"
        return "now" if self.entry.claim or left < 1 else f"in {reasons.span(left)}"

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been taken long ago: no worker runs, or all have more to do than the pace allows."""
        return self.due is not None and self.now - self.due > OVERDUE


# ── looking ──────────────────────────────────────────────────────────────────


async def listing(outbox: Outbox, others: Sequence[Other] = (), slack: str | None = None, *, as_json: bool) -> str:
    """What waits, then what failed or could not be told; not what its person has posted since.

    People also read of the `others`, whose posts this bridge does not carry, and of the trouble with `slack`, which
    holds up everybody's.
    """
    kept = [each async for each in outbox.listing()]
    lines = [await _line(outbox, entry) for _, entry in kept if entry and not await _was_mended(outbox, entry)]
    unreadable = [id_ for id_, entry in kept if entry is None]
    if as_json:
        damaged = [{"reference": id_, "state": "unreadable", "reason": _unreadable(id_)} for id_ in unreadable]
        return _json([*map(_summary, lines), *damaged])
    shown = [
        text_table.drawn(_HEADINGS, [_row(line) for line in lines]) if lines else "",
        "\n".join(map(_unreadable, unreadable)),
        _NOBODY_TAKES_THEM if any(line.is_overdue for line in lines) else "",
    ]
    here = " under this account" if others else ""
    own = "\n\n".join(filter(None, shown)) or f"Nothing waits{here}, and nothing has failed."
    return "\n\n".join([*([slack_sentence(slack)] if slack else []), own, *(sentence(each) for each in others)])


def slack_sentence(trouble: str) -> str:
    """That Slack does not take us, and the way out."""
    return f"Slack: {trouble}. {REINSTALL[0].upper()}{REINSTALL[1:]}."


def sentence(other: Other) -> str:
    """That somebody else's posts wait, and the way out."""
    return f"{other.said}: {other.remedy}."


async def show(outbox: Outbox, id_: str, *, as_json: bool) -> Done:
    """All that an operator may want to know of one draft, its words too: nobody's words should be lost."""
    entry = await outbox.get(id_)
    if entry is None:
        return await _without_entry(outbox, id_)
    line, message = await _line(outbox, entry), compose_message(entry.draft, Names())
    if as_json:
        return Done(True, _json(_summary(line) | _particulars(entry) | {"message": message}))
    facts = {name: _clean(value) for name, value in _told(line).items() if value}
    width = max(map(len, facts))
    lines = [f"{name:<{width}}  {value}" for name, value in facts.items()]
    return Done(True, "\n".join([*lines, "", *(_clean(each) for each in message.splitlines())]).rstrip())


async def _line(outbox: Outbox, entry: Entry) -> _Line:
    seconds, micro = await outbox.redis.time()
    due = await outbox.redis.zscore(outbox.key("due"), entry.id)
    return _Line(entry, float(seconds + micro / 1e6), due / 1000 if due is not None else None)


async def _was_mended(outbox: Outbox, entry: Entry) -> bool:
    """Whether its person sent the same form, message or subject again later, and that is posted or under way."""
    if entry.outcome is None or entry.state not in NOT_POSTED or entry.told == "untold":
        return False
    origin = entry.draft.origin
    later = await outbox.latest(origin.team, origin.user, _LATER)
    return any(each.kept > entry.kept and each.state not in NOT_POSTED and _is_the_same(each, entry) for each in later)


def _is_the_same(one: Entry, other: Entry) -> bool:
    # References end in the attempt: what comes before is the form.
    form = one.id.rpartition("-")[0] == other.id.rpartition("-")[0]
    subject = one.draft.subject.casefold() == other.draft.subject.casefold()
    ours, theirs = one.draft.origin, other.draft.origin
    source = ours.message_ts and (ours.channel, ours.message_ts) == (theirs.channel, theirs.message_ts)
    return bool(form or subject or source)


def _row(line: _Line) -> tuple[str, ...]:
    entry = line.entry
    subject, reason = _clean(entry.draft.subject), reasons.short(_clean(reasons.cause(entry)))
    short = subject if len(subject) <= _SUBJECT_WIDTH else subject[: _SUBJECT_WIDTH - 1] + "…"
    person = entry.draft.origin.user
    return (entry.id, reasons.span(line.age), _state(entry), line.next_try, person, short, reason)


def _summary(line: _Line) -> dict[str, Any]:
    """For machines."""
    entry, origin = line.entry, line.entry.draft.origin
    return {
        "reference": entry.id,
        "state": entry.state,
        "told": entry.told,
        "kept": _date(entry.kept),
        "age_seconds": round(line.age),
        "next_try": _date(max(line.due, line.now)) if line.due is not None else None,
        "team": origin.team,
        "person": origin.user,
        "subject": entry.draft.subject,
        "code": (entry.outcome.reason if entry.outcome else entry.last_error) or None,
        "reason": reasons.cause(entry),
    }


def _particulars(entry: Entry) -> dict[str, Any]:
    draft, outcome = entry.draft, entry.outcome
    return {
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
        "files": [f"{each['name']}: {each.get('reason') or each['state']}" for each in entry.files],
    }


def _told(line: _Line) -> dict[str, str]:
    """For people; what is empty is left out."""
    entry, draft, outcome = line.entry, line.entry.draft, line.entry.outcome
    return {
        "reference": entry.id,
        "state": _state(entry),
        "reason": reasons.cause(entry),
        "kept": f"{reasons.span(line.age)} ago, {_date(entry.kept)}",
        "next try": line.next_try,
        "failed tries": str(entry.failures or ""),
        "person": f"{draft.origin.user} of {draft.origin.team}",
        "told": reasons.told(entry),
        "in these words": outcome.explanation() if outcome and outcome.reason and entry.told else "",
        "link": (outcome.link if outcome else "") or "",
        "subject": draft.subject,
        "channel": draft.origin.channel or "",
        "location": str(draft.location or "the default one"),
        "group": str(draft.group or "none: the whole board"),
        "delivery": {"digest": "with the daily digest", "instant": "at once"}[draft.delivery],
        "tags": ", ".join(draft.tags),
        "private": "yes, for its guests only" if draft.private else "",
        "guests": ", ".join(draft.guests),
        "files": ", ".join(f"{each['name']} ({each.get('reason') or each['state']})" for each in entry.files),
    }


def _state(entry: Entry) -> str:
    if entry.outcome is None:
        return "in doubt" if entry.state == "sending" else "waiting"
    state = {"unposted": "given up", "unsure": "in doubt, given up"}.get(entry.state, entry.state)
    return f"{state}, {'untold' if entry.told == 'untold' else 'told' if entry.told else 'to be told'}"


# ── doing ────────────────────────────────────────────────────────────────────


async def retry(outbox: Outbox, tokens: Tokens, id_: str) -> Done:
    """Try again; a draft in doubt is looked for on the board first, so that it never stands there twice.

    A login that was turned down is tried again with it: somebody who retries has mended it.
    """
    entry = await outbox.get(id_)
    if entry is None:
        return await _without_entry(outbox, id_)
    if entry.outcome and entry.outcome.reason == "changed_mind":
        return Done(False, f"{id_} was cancelled by its person; only they may post it again.")
    again = f"{id_}: its person has sent it again since; tried too, it would stand there twice."
    if await _was_mended(outbox, entry):
        return Done(False, again)
    state = await outbox.retry(id_)
    if state in ("kept", "sending"):
        await tokens.forget_refusal()
    sentences = {
        "kept": f"{id_} will be tried again at once.",
        "sending": f"{id_} may be on the board already: it will be looked for first, then tried again.",
        "posted": f"{id_} is on the board already; nothing was done.",
        "tried again": again,
    }
    return Done(state in ("kept", "sending"), sentences.get(state) or _unknown(id_))


async def drop(outbox: Outbox, id_: str) -> Done:
    """Take a draft out of the queue; its person is told that it was not posted."""
    before = await outbox.get(id_)
    if before is None:
        return await _without_entry(outbox, id_)
    state = await outbox.cancel(id_, "dropped")
    if state == "cancelled" and before.state == "kept":
        return Done(True, f"{id_} was taken out of the queue; its person will be told that it was not posted.")
    sentences = {
        "sending": f"{id_} may be on the board already, so it cannot be dropped. It will be looked for.",
        "unsure": f"{id_} may be on the board already, so it cannot be dropped. Its person was told to look there.",
        "posted": f"{id_} is on the board already; it can be deleted there. Nothing was done.",
        "unknown": _unknown(id_),
    }
    return Done(False, sentences.get(state) or f"{id_} was not posted, and waits for nothing; nothing was done.")


async def _without_entry(outbox: Outbox, id_: str) -> Done:
    return Done(False, _unreadable(id_) if await outbox.is_kept(id_) else _unknown(id_))


def _unreadable(id_: str) -> str:
    id_ = _clean(id_)
    return (
        f"{id_} is kept, but this version of bridge cannot read it: start the version that wrote it, then "
        f"`bridge outbox retry {id_}`."
    )


def _unknown(id_: str) -> str:
    return f"No post is kept as {_clean(id_)}; `bridge outbox list` shows the references."


# ── telling ──────────────────────────────────────────────────────────────────


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _clean(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
