"""The way of each draft across the bridge, read from the real ledger."""

from collections.abc import Mapping

from bridge.demo import Json
from bridge.demo.scene import PEOPLE
from bridge.entry import Entry
from bridge.outbox import Outbox

ENDINGS: Mapping[str, str] = {
    "posted": "posted",
    "refused": "not posted",
    "unsure": "may be posted",
    "cancelled": "cancelled",
    "unposted": "not posted",
}
WAYS: Mapping[str, str] = {
    "answer": "Told in the very answer to Slack",
    "form": "Told in the open form",
    "response_url": "Told where it was asked, to them alone",
    "ephemeral": "Told in the channel, to them alone",
    "message": "Told by direct message",
    "button": "They had it in front of them",
    "untold": "Nobody could be told",
}


async def crossings(outbox: Outbox, home: str, count: int = 6) -> list[Json]:
    """Everybody's latest drafts, newest first."""
    found = [(each.name, entry) for each in PEOPLE for entry in await outbox.latest(each.team or home, each.id, count)]
    newest = sorted(found, key=lambda each: each[1].kept, reverse=True)
    return [_crossing(name, entry) for name, entry in newest[:count]]


def _crossing(name: str, entry: Entry) -> Json:
    return {
        "id": entry.id,
        "who": name,
        "subject": entry.draft.subject,
        "steps": _steps(entry),
        "note": _note(entry),
        "ended": entry.outcome.ending if entry.outcome else None,
    }


def _steps(entry: Entry) -> list[Json]:
    """Each step with the milliseconds since the draft was kept, once it has happened."""
    ending = ENDINGS.get(entry.outcome.ending, "ended") if entry.outcome else "posted"
    claimed, sent = entry.claimed or None, entry.first_sent or entry.sent
    if entry.state == "kept" and not entry.claim:
        # Put back after an attempt: nobody holds it until it is due again.
        claimed = None
    times = [("kept", entry.kept), ("claimed", claimed), ("sending", sent), (ending, entry.ended)]
    steps: list[Json] = [
        {"name": label, "done": bool(at), "after": round((at - entry.kept) * 1000) if at else None}
        for label, at in times
    ]
    return [*steps, {"name": "told", "done": bool(entry.told), "after": None}]


def _note(entry: Entry) -> str:
    if entry.told:
        return WAYS.get(entry.told, "Told") + _often(entry)
    if entry.outcome:
        return "The outcome is noted; now the person is told"
    if entry.state == "sending" and entry.failures:
        return "The board did not confirm it: looking for it there before anything is sent again"
    if entry.state == "sending":
        return "On its way to the board"
    if entry.failures:
        return f"The board cannot be reached; tried {_times(entry.failures)}, kept all the while"
    return "Kept in the store, before Slack got its answer"


def _often(entry: Entry) -> str:
    """What it took, where it took more than one attempt."""
    return f" · put back {_times(entry.failures)}, sent {_times(entry.sends)}" if entry.failures and entry.sends else ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
