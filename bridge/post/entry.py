"""A draft's record as it stands in the outbox, and how it is read. Pure."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.post.draft import Draft, Outcome

_COUNTS = ("stuck", "failures", "sends", "looks", "telling", "response_uses", "attaching")


@dataclass(frozen=True)
class Entry:
    """A draft's record as it stood when it was read. Times are epoch seconds of the Redis server.

    `failures` counts the sends that failed, `answered` is the `sent` that the board itself said no success to.
    `shut` says why nobody is to ask the board just now, as it was at the claim.
    `drift` is how many seconds this process's clock is ahead of that one. `files` go to the thread once it
    exists, `attaching` counts those that have not ended yet; `told_early`: the person was told before they had.
    """

    id: str
    state: str
    draft: Draft
    kept: float
    claim: str = ""
    outcome: Outcome | None = None
    told: str | None = None
    body: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    claimed: float = 0
    drift: float = 0
    shut: str = ""
    sent: float | None = None
    first_sent: float | None = None
    answered: float | None = None
    ended: float | None = None
    retried: float | None = None
    stuck: int = 0
    failures: int = 0
    sends: int = 0
    looks: int = 0
    telling: int = 0
    noted: bool = False
    resolved_anew: bool = False
    form_closed: bool = False
    response_uses: int = 0
    last_error: str = ""
    files: tuple[Mapping[str, Any], ...] = ()
    attaching: int = 0
    told_early: bool = False

    @property
    def asked(self) -> float:
        """From when patience counts: the keeping, or an operator's retry."""
        return self.retried or self.kept

    @property
    def held_up_by(self) -> str:
        """Whose fault it was that the last try failed: the name of a sentence in FAULTS; "" for nobody's."""
        return _FAULTS.get(self.last_error, "")


# By what is noted when a draft is put back.
_FAULTS: Mapping[str, str] = {
    **dict.fromkeys(("unavailable", "look failed"), "board"),
    **dict.fromkeys(("invalid_grant", "two_factor_auth_check", "must_reset_password", "rejected"), "board_refused"),
    **dict.fromkeys(("slack away", "slack turn"), "slack"),
    **dict.fromkeys(("slack token", "slack refused"), "slack_refused"),
}

# What taking a record apart ends in that another version of bridge wrote, or that was damaged.
UNREADABLE = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


def read_entry(fields: Mapping[str, str], *, form_closed: bool) -> Entry:
    """An entry out of its hash in Redis; times there are milliseconds."""

    def seconds(name: str) -> float | None:
        return int(fields[name]) / 1000 if fields.get(name) else None

    counts: dict[str, Any] = {name: int(fields.get(name, 0)) for name in _COUNTS}
    flags: dict[str, Any] = {name: bool(fields.get(name)) for name in ("noted", "resolved_anew", "told_early")}
    return Entry(
        id=fields["id"],
        state=fields["state"],
        draft=Draft.from_json(fields["draft"]),
        kept=seconds("kept") or 0,
        claim=fields.get("claim", ""),
        outcome=Outcome.from_json(fields["outcome"]) if fields.get("outcome") else None,
        told=fields.get("told"),
        body=json.loads(fields["body"]) if fields.get("body") else None,
        facts=json.loads(fields.get("facts") or "{}"),
        files=tuple(json.loads(fields.get("files") or "[]")),
        claimed=seconds("claimed") or 0,
        sent=seconds("sent"),
        first_sent=seconds("first_sent"),
        answered=seconds("answered"),
        ended=seconds("ended"),
        retried=seconds("retried"),
        form_closed=form_closed,
        shut=fields.get("shut", ""),
        last_error=fields.get("last_error", ""),
        **counts,
        **flags,
    )
