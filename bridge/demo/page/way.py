"""The way of each draft across the bridge, read from the real ledger."""

from collections.abc import Mapping

from bridge.demo.loopback import Json
from bridge.demo.page.scene import PEOPLE
from bridge.operator import reasons
from bridge.outbox.ledger import Outbox
from bridge.post.entry import Entry

ENDINGS: Mapping[str, str] = {
    "posted": "posted",
    "refused": "not posted",
    "unsure": "may be posted",
    "cancelled": "cancelled",
    "unposted": "not posted",
}
WAYS: Mapping[str, str] = {
    "answer": "Told at once",
    "form": "Told in the open form",
    "response_url": "Told where it was asked, to them alone",
    "ephemeral": "Told in the channel, to them alone",
    "message": "Told by direct message",
    "button": "They had it in front of them",
    "untold": "Nobody could be told",
}
# What an attempt ends in, by the entry's last error, after which the board may have the thread.
DOUBTS = ("unsure", "looking", "look failed")


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
        "note": note(entry),
        "ended": entry.outcome.ending if entry.outcome else None,
    }


def _steps(entry: Entry) -> list[Json]:
    """Each step with the milliseconds since the draft was kept, once it has happened."""
    ending = ENDINGS.get(entry.outcome.ending, "ended") if entry.outcome else "posted"
    sent = entry.first_sent or entry.sent
    times = [("kept", entry.kept), ("claimed", _claimed(entry, sent)), ("sending", sent), (ending, entry.ended)]
    steps: list[Json] = [
        {"name": label, "done": bool(at), "after": round((at - entry.kept) * 1000) if at else None}
        for label, at in times
    ]
    told = "not told" if entry.told == "untold" else "told"
    return [*steps, {"name": told, "done": bool(entry.told), "after": None}]


def _claimed(entry: Entry, sent: float | None) -> float | None:
    """When it was claimed for what came of it; in the record, a later claim takes the first one's place."""
    if not entry.claimed or (entry.state == "kept" and not entry.claim):
        # Not yet, or put back after an attempt: nobody holds it until it is due again.
        return None
    return min(entry.claimed, sent or entry.claimed, entry.ended or entry.claimed)


def note(entry: Entry) -> str:
    """What is to be said of it now, in one line."""
    if entry.told:
        return WAYS.get(entry.told, "Told") + _often(entry)
    if entry.outcome:
        return "The outcome is noted; now the person is told"
    if entry.state == "sending" and (not entry.claim or entry.last_error in DOUBTS):
        return "The board did not confirm it: looking for it there before anything is sent again"
    if entry.state == "sending":
        return "On its way to the board"
    if why := reasons.cause(entry):
        # To wait for a turn is no failure.
        tried = "" if entry.last_error == "turn" or not entry.failures else f", tried {_times(entry.failures)}"
        return f"{why[0].upper()}{why[1:]}; kept all the while{tried}"
    return "Kept in the store, before Slack got its answer"


def _often(entry: Entry) -> str:
    """What it took, where it took more than one attempt."""
    if not (entry.failures and entry.sends):
        return ""
    return f" · tried again {_times(entry.failures)}, sent {_times(entry.sends)}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
