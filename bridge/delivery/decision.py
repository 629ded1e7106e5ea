"""What follows from what the wire did: settle, put back after a wait, or give up. Pure, but for jitter.

The waits are data, so that patience can be read in one place.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from bridge.nexudus.wire import BadReference, Refused, Unauthorized, Unavailable, Unsure
from bridge.outbox.ledger import Board
from bridge.post import draft as drafts
from bridge.post.draft import Draft, Outcome
from bridge.post.entry import Entry
from bridge.post.refusals import NotAllowed, SlackAway

# Waits after sends that failed, in seconds, then the last one over and over; jittered by a fifth.
# A board that is away is waited for in another way: see `board_health`.
WAITS = (1, 3, 10, 30, 60, 120, 300, 600)
# A login that the board rejects is the operator's to mend; asking often may lock the account.
UNAUTHORIZED_WAIT = 30
# Whoever named a wait is asked so many seconds later at most, that not all come back in one instant.
MOST_JITTER = 2.0
# A question to Slack costs little, and whoever has mended the app waits for its posts.
SLACK_WAITS = (1, 3, 10, 30, 60)
TELLING_WAITS = (2, 10, 60, 300, 900, 3600)
# Early looks can only find; they answer the common case "accepted, then hung up" within seconds.
EARLY_LOOKS = (0.5, 3.0)
CLEAR_LOOKS = 2
MOST_SENDS = 3
# A draft that was claimed so often without coming back kills its worker.
MOST_STUCK = 5
TELLING_PATIENCE = 86400.0


@dataclass(frozen=True)
class Policy:
    """How long and how carefully, in seconds. `quiet`: before somebody hears that their post is still tried."""

    patience: float
    timeout: float
    search_lag: float
    quiet: float
    longest_wait: float
    thread_url: str
    late_look: float


@dataclass(frozen=True)
class Again:
    """Put back: after `delay` seconds. `void`: it surely sent nothing. The rest is as for `Outbox.put_back`."""

    delay: float
    error: str
    void: bool = True
    answered: bool = False
    failed: bool = False
    board: Board = ""


def decide(error: Exception, entry: Entry, *, marked: bool, longest: float) -> Outcome | Again:
    """What follows when an attempt ended in `error`; `marked`: it had marked the draft as sending."""
    doubt = entry.sends > 0
    if isinstance(error, NotAllowed):
        outcome = Outcome("refused", error.reason, error.field, error.detail)
        return replace(outcome, ending="unsure") if doubt else outcome
    if isinstance(error, BadReference) and not entry.resolved_anew:
        return Again(0, "reference", void=marked)
    if isinstance(error, BadReference):
        # The mapping is fresh and the board still says 401: the login is gone, or a role of the API user is missing.
        return Outcome("unsure" if doubt else "refused", "reference_refused")
    if isinstance(error, Refused):
        fields = {each.property: each.message for each in error.fields}
        outcome = Outcome("refused", "board_refused", None, {"said": error.message}, fields)
        return replace(outcome, ending="unsure") if doubt else outcome
    if isinstance(error, Unauthorized):
        return Again(min(UNAUTHORIZED_WAIT, longest), error.reason, void=marked, board="tried")
    if isinstance(error, SlackAway):
        return _slack_later(error, entry, marked=marked, longest=longest)
    if isinstance(error, Unavailable):
        return _later(error, entry, marked=marked, longest=longest)
    answered = isinstance(error, Unsure) and error.answered
    return Again(EARLY_LOOKS[0], "unsure", void=False, answered=answered, failed=True)


def _later(error: Unavailable, entry: Entry, *, marked: bool, longest: float) -> Again:
    """Surely nothing was sent. To be asked to wait is no failure, and what was named is the wait."""
    if error.wait is not None:
        return Again(named(error.wait), "turn", void=marked)
    return Again(wait(WAITS, entry.failures, longest), "unavailable", void=marked, failed=True, board="tried")


def _slack_later(error: SlackAway, entry: Entry, *, marked: bool, longest: float) -> Again:
    """The same, with Slack: nobody could say who somebody is."""
    why = f"slack {error.fault}"
    if error.wait is not None:
        return Again(named(error.wait), why, void=marked)
    return Again(wait(SLACK_WAITS, entry.failures, longest), why, void=marked, failed=True)


def named(seconds: float) -> float:
    """The wait that somebody asked for, a little more, that not all come back at once."""
    return seconds + random.uniform(0, min(MOST_JITTER, 0.1 + seconds / 5))  # noqa: S311 — jitter, not a secret


def look_again(doubted: float, longest: float) -> float:
    """Seconds until a look is repeated that failed, or saw not enough, `doubted` seconds after the send.

    The longer the doubt, the seldomer; a look is no failure, and none are counted.
    """
    return min(max(1.0, doubted / 5), longest) * random.uniform(1, 1.2)  # noqa: S311 — jitter, not a secret


def settled(sent: float, sends: int, policy: Policy, *, answered: bool) -> float:
    """From when a clear look decides, as epoch seconds, of what was sent (or answered) at `sent`.

    Who has `answered` works on it no longer: only the lists may lag. What fell silent can land until the call's own
    time is over, twice over for safety.
    """
    return sent + ((policy.search_lag + 1) * max(1, sends) if answered else 2 * policy.timeout + 1)


def counts(looks: int, now: float, settled_at: float, *, answered: bool) -> bool:
    """Whether a clear look made now is one of the two; the first may come early where nothing can land any more."""
    return now >= settled_at or (answered and looks == 0)


def wait(schedule: tuple[int, ...], tries: int, longest: float) -> float:
    """The wait in seconds before the next try, jittered so that many do not come back at once."""
    return min(schedule[min(tries, len(schedule) - 1)], longest) * random.uniform(1, 1.2)  # noqa: S311 — jitter, not a secret


def is_past_telling(entry: Entry, now: float, *, final: bool) -> bool:
    """Whether a failed telling is the last: none will ever work, or they failed for a day (`now` as `entry.kept`)."""
    return final or now - (entry.ended or entry.kept) > TELLING_PATIENCE


def given_up(entry: Entry, reason: str) -> Outcome:
    """The end of patience: "was not" only while it was surely never sent."""
    return Outcome("unsure" if entry.state == "sending" else "unposted", reason)


def out_of_patience(entry: Entry) -> str:
    """The reason to give up, by whose fault it was."""
    fault = entry.held_up_by
    return "patience_login" if fault == "board_refused" else "patience_slack" if "slack" in fault else "patience"


# What a report says of where a thread stands.
_TOLD = ("group", "hidden", "location")


def posted(draft: Draft, facts: Mapping[str, Any], thread: int, template: str) -> Outcome:
    """The good ending, with the thread's address from the operator's template."""
    link = thread_link(template, facts.get("web_address"), facts.get("business_id"), thread, draft.subject)
    return Outcome("posted", thread=thread, link=link, detail={name: facts.get(name) for name in _TOLD})


def thread_link(template: str, web_address: object, business_id: object, thread: object, subject: str) -> str:
    """The operator's template filled in. What the board says of itself is data: in Slack it must be no markup."""
    told = {"web_address": web_address or "", "business_id": business_id or "", "id": thread}
    # Whole numbers stay: a template may format them.
    safe = {name: value if isinstance(value, int) else quote(str(value), safe="") for name, value in told.items()}
    return template.format(**safe, slug=drafts.slug(subject))
