"""The nouns, frozen: where it was asked, what is to be posted, what became of it.

Pure: composing the thread and checking limits happen here, without I/O.
"""

import base64
import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bridge.language import sentences
from bridge.post.conversation import HEAVY, Conversation, hiding_names, without_authors
from bridge.words.conversions import inert, mentioned_in, message_to_markdown
from bridge.words.names import Mentioned, Names
from bridge.words.weight import weight_of

# Each is looked up on the board, at the account's pace.
MOST_GUESTS = 20

Ending = Literal["posted", "refused", "cancelled", "unposted", "unsure"]

# Endings after which the same form may be sent again: these drafts are surely not on the board.
NOT_POSTED: tuple[Ending, ...] = ("refused", "cancelled", "unposted")


@dataclass(frozen=True)
class Origin:
    """Where a post was asked for, and the ways by which its person can be told.

    `response_url` works 5 times within 30 minutes of `asked_at` (epoch seconds).
    https://docs.slack.dev/interactivity/handling-user-interaction
    """

    team: str
    user: str
    asked_at: float
    channel: str | None = None
    response_url: str | None = None
    view: str | None = None
    message_ts: str | None = None
    thread_ts: str | None = None
    team_domain: str | None = None


@dataclass(frozen=True)
class Draft:
    """A post that is not on the board yet, made of nothing but what Slack sent.

    `message` holds pieces in order, each {"rich_text": block}, {"mrkdwn": text}, {"original": a Slack
    message} or {"conversation": a thread}. `guests` are Slack user ids, `credit` the Slack id of the author of
    somebody else's message, `anonymous` the sharer's wish that nobody be named, `left` what of it stays in
    Slack, by name, `unnamed` people whose ids stand in the words for want of their names, `files` as `attachment`
    has them, `again` the draft that was not posted and whose form was opened again for this one.
    """

    origin: Origin
    subject: str
    message: tuple[Mapping[str, Any], ...]
    tags: tuple[str, ...] = ()
    group: int | None = None
    location: int | None = None
    delivery: Literal["digest", "instant"] = "digest"
    private: bool = False
    guests: tuple[str, ...] = ()
    credit: str | None = None
    anonymous: bool = False
    left: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    files: tuple[Mapping[str, Any], ...] = ()
    again: str = ""

    @property
    def digest(self) -> str:
        """Tells one content from another: the same form sent twice has the same digest."""
        content = asdict(self) | {"origin": None}
        del content["again"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def blanked(self) -> "Draft":
        """The draft without its words, kept for `status` once it was posted and told."""
        return replace(self, message=(), guests=(), credit=None, unnamed=(), files=())

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Draft":
        data = _known(cls, json.loads(text))
        data["origin"] = Origin(**_known(Origin, data["origin"]))
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**fields)


@dataclass(frozen=True)
class Outcome:
    """What became of a draft. `reason` names a sentence in `sentences`; `detail` fills its gaps.

    `fields` holds the board's own words about single fields of the form, by field name.
    """

    ending: Ending
    reason: str = ""
    field: str | None = None
    detail: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    thread: int | None = None
    link: str | None = None
    late: bool = False

    def explanation(self) -> str:
        """Why it was not, or may not have been, posted, and what to do next."""
        said = sentences.reason(self.reason, self.detail)
        told = " ".join(self.fields.values())
        if told and told not in said:
            said = f"{said} {told}"
        return f"{said} {sentences.UNSURE_NEXT}" if self.ending == "unsure" else said

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        return cls(**_known(cls, json.loads(text)))


def _known(cls: type[Draft | Origin | Outcome], data: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a newer version wrote: after a rollback its posts are still to be delivered."""
    return {each.name: data[each.name] for each in dataclasses.fields(cls) if each.name in data}


@dataclass(frozen=True)
class Limits:
    """Lengths that are ours, in characters: the board's own are undocumented. Told, never cut silently."""

    subject: int
    message: int
    tags: int


def reference(key: str) -> str:
    """A short name for Slack's key, fit for a person's eye; 60 bits, so that two posts never share one."""
    return base64.b32encode(hashlib.sha256(key.encode()).digest())[:12].decode().lower()


def parse_tags(text: str | None) -> tuple[str, ...]:
    """Tags separated by commas, without their '#', each once whatever its case."""
    seen: dict[str, str] = {}
    for part in (text or "").split(","):
        tag = " ".join(part.split()).lstrip("#").strip()
        if tag:
            seen.setdefault(tag.casefold(), tag)
    return tuple(seen.values())


@dataclass(frozen=True)
class Problem:
    """Something to mend in the form, under the field it is about."""

    field: str
    reason: str
    detail: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def check(draft: Draft, limits: Limits) -> list[Problem]:
    """What can be told before anything is kept or looked up."""
    if over := _overweight(draft, limits):
        return [Problem("message", "too_long", {"what": "message", "limit": limits.message, "over": over})]
    plain = compose_message(draft, Names())
    subject = inert(draft.subject)
    found = [
        Problem("subject", "subject_empty") if not subject else None,
        _too_long("subject", len(subject), limits.subject),
        Problem("message", "message_empty") if not plain.strip() else None,
        _too_long("message", len(plain), limits.message),
        _too_long("tags", len(compose_tags(draft)), limits.tags),
        Problem("guests", "guests_needed") if draft.private and not draft.guests else None,
        Problem("guests", "guests_only_you") if draft.private and set(draft.guests) == {draft.origin.user} else None,
        Problem("guests", "guests_many", {"most": MOST_GUESTS}) if len(draft.guests) > MOST_GUESTS else None,
    ]
    return [problem for problem in found if problem is not None]


def _overweight(draft: Draft, limits: Limits) -> int:
    """By how much it is too long, where that is sure without reading it; else 0."""
    pieces = [each for piece in draft.message for each in _messages(piece)]
    weight = sum(map(weight_of, pieces))
    return weight - limits.message if weight > HEAVY * limits.message else 0


def _messages(piece: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(piece["conversation"]["messages"]) if "conversation" in piece else [_source(piece)]


def _too_long(name: str, length: int, limit: int) -> Problem | None:
    return Problem(name, "too_long", {"what": name, "limit": limit, "over": length - limit}) if length > limit else None


def mentioned(draft: Draft) -> Mentioned:
    """The ids in the draft's words whose names would make it read better."""
    parts = [_mentioned(piece) for piece in draft.message]
    return Mentioned(
        users=frozenset(draft.unnamed).union(*(part.users for part in parts)),
        channels=frozenset[str]().union(*(part.channels for part in parts)),
    )


def _mentioned(piece: Mapping[str, Any]) -> Mentioned:
    if "conversation" in piece:
        return Conversation.from_json(piece["conversation"]).mentioned()
    return mentioned_in(_source(piece))


def _source(piece: Mapping[str, Any]) -> Mapping[str, Any]:
    if "rich_text" in piece:
        return {"blocks": [piece["rich_text"]]}
    return piece.get("original") or {"text": piece.get("mrkdwn")}


def compose_tags(draft: Draft) -> str:
    """The tags as the board takes them, separated by commas."""
    return ",".join(filter(None, map(inert, draft.tags)))


def compose_message(draft: Draft, names: Names, credit: str = "") -> str:
    """The board's Markdown for the draft's words, with the credit line at the end."""
    # Ids stand in the form for want of a name; now there was time to look them up.
    names = replace(names, late=frozenset(draft.unnamed))
    parts = [_markdown(piece, names, draft) for piece in draft.message]
    return "\n\n".join(part for part in [*parts, credit] if part.strip())


def _markdown(piece: Mapping[str, Any], names: Names, draft: Draft) -> str:
    if draft.anonymous:
        return _anonymous(piece, names, draft)
    if "conversation" in piece:
        return Conversation.from_json(piece["conversation"]).markdown(names)
    return message_to_markdown(_source(piece), names)


def _anonymous(piece: Mapping[str, Any], names: Names, draft: Draft) -> str:
    """Where nobody is to be named: not the author in what was typed, and in others' words nobody but the sharer."""
    if "conversation" in piece:
        said = Conversation.from_json(piece["conversation"])
        hidden = hiding_names(said, names, draft.origin.user)
        return replace(said, messages=tuple(map(without_authors, said.messages))).markdown(hidden)
    message = _source(piece)
    if "original" in piece:
        hidden = hiding_names(Conversation((message,), 0), names, draft.origin.user)
    else:
        hidden = replace(names, users={**names.users, str(draft.credit): sentences.SOMEONE}, nobody=True)
    return message_to_markdown(without_authors(message), hidden)


def slug(subject: str) -> str:
    """The part of a thread's address that people read."""
    return re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:60] or "thread"


def permalink(origin: Origin) -> str:
    """The Slack message's address, made without a call; chat.getPermalink fails where the bot is not a member."""
    ts = (origin.message_ts or "").replace(".", "")
    link = f"https://{origin.team_domain}.slack.com/archives/{origin.channel}/p{ts}"
    if origin.thread_ts and origin.thread_ts != origin.message_ts:
        link += f"?thread_ts={origin.thread_ts}&cid={origin.channel}"
    return link
