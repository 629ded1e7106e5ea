"""A thread of Slack as one text for the board: who said what and when, in order, and how much stayed behind. Pure.

A conversation is what was read at the moment when somebody chose it, as JSON:
{"messages": [...], "replies": how many the thread has, "zone": the sharer's time zone}.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import accumulate, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from bridge.language import sentences
from bridge.words.conversions import mentioned_in, message_to_markdown, name_to_markdown
from bridge.words.names import Mentioned, Names
from bridge.words.weight import weight_of

Message = Mapping[str, Any]

# What weighs so many times as much as there is room for does not fit, whatever its markup comes to.
HEAVY = 6

_KEPT = ("ts", "user", "subtype", "username", "bot_profile", "text", "blocks", "attachments")
_FILE = ("name", "title")
# The fallback of an attachment begins with its author's name.
_AUTHOR = ("author_name", "author_link", "author_subname", "author_id", "fallback")


@dataclass(frozen=True)
class Conversation:
    """`messages` in their order, the thread's first one among them; `replies` counts all that the thread has."""

    messages: tuple[Message, ...]
    replies: int
    zone: str = "UTC"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Conversation":
        return cls(tuple(data["messages"]), int(data["replies"]), str(data.get("zone") or "UTC"))

    def to_json(self) -> dict[str, Any]:
        return {"messages": [kept(each) for each in self.messages], "replies": self.replies, "zone": self.zone}

    @property
    def carried(self) -> int:
        """How many of the replies are here."""
        return max(0, len(self.messages) - 1)

    @property
    def left(self) -> int:
        """How many of the replies stay in Slack."""
        return max(0, self.replies - self.carried)

    def speakers(self) -> list[str]:
        """Whose words these are, in the order in which they first spoke."""
        return list(dict.fromkeys(str(each["user"]) for each in self.messages if each.get("user")))

    def mentioned(self) -> Mentioned:
        """The ids whose names would make it read better, the speakers' too."""
        parts = [mentioned_in(each) for each in self.messages]
        return Mentioned(
            users=frozenset(self.speakers()).union(*(part.users for part in parts)),
            channels=frozenset[str]().union(*(part.channels for part in parts)),
        )

    def within(self, room: int, names: Names) -> "Conversation":
        """As many of the first messages as fit into `room` characters of the board's Markdown."""
        taken, used = 0, len(self._footer())
        for said in self._said(names):
            used += len(said) + 2
            if used > room:
                break
            taken += 1
        return replace(self, messages=self.messages[:taken])

    def markdown(self, names: Names) -> str:
        """The board's Markdown: each message under its speaker and time; at the end what is missing."""
        return "\n\n".join(part for part in [*self._said(names), self._footer()] if part)

    def likely(self, room: int) -> "Conversation":
        """Without the messages that cannot fit, by all that is in them: reading costs more than counting."""
        weights = accumulate(weight_of(each) for each in self.messages)
        most = sum(1 for _ in takewhile(lambda used: used <= HEAVY * room, weights))
        return replace(self, messages=self.messages[:most])

    def _said(self, names: Names) -> Iterator[str]:
        """Each message in a quotation, so that nobody's words can pass for the next speaker's heading."""
        day = ""
        for message in self.messages:
            date, clock = _time(message, _zone(self.zone))
            speaker = name_to_markdown(_speaker(message, names))
            when = clock if date == day else f"{date}, {clock}"
            lines = message_to_markdown(message, names).split("\n")
            yield f"**{speaker}** · {when}\n\n" + "\n".join(f"> {line}" if line else ">" for line in lines)
            day = date

    def _footer(self) -> str:
        zone = name_to_markdown(_zone_name(self.zone))
        if self.left:
            return sentences.CONVERSATION_CUT.format(carried=self.carried, replies=self.replies, zone=zone)
        return sentences.CONVERSATION_WHOLE.format(zone=zone)


def hiding_names(conversation: Conversation, names: Names, sharer: str) -> Names:
    """Names that name nobody but the sharer: the speakers by number, whom they mention as someone."""
    others = [each for each in conversation.speakers() if each != sharer]
    numbered = {user: sentences.PERSON.format(number=number) for number, user in enumerate(others, 1)}
    someone = dict.fromkeys(conversation.mentioned().users, sentences.SOMEONE)
    shown = {sharer: names.users[sharer]} if sharer in names.users else {}
    return replace(names, users=someone | numbered | shown, nobody=True)


def without_authors(message: Message) -> dict[str, Any]:
    """The message without the names that apps, and attachments of other messages, give their authors."""
    said = {name: value for name, value in message.items() if name not in ("username", "bot_profile")}
    given = message.get("attachments")
    if isinstance(given, list):
        each = (attached for attached in given if isinstance(attached, Mapping))
        said["attachments"] = [{name: one[name] for name in one if name not in _AUTHOR} for one in each]
    return said


def kept(message: Message) -> dict[str, Any]:
    """The parts of a message that make its words; of its files only what they are called."""
    some = {name: message[name] for name in _KEPT if message.get(name)}
    named = [{name: each[name] for name in _FILE if each.get(name)} for each in files_of(message)]
    return some | ({"files": named} if named else {})


def files_of(message: Message) -> list[Mapping[str, Any]]:
    """The files that hang on a message."""
    files = message.get("files")
    return [each for each in files if isinstance(each, Mapping)] if isinstance(files, list) else []


def in_order(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Each message once, by its time: Slack repeats a thread's first message on every page."""
    once = {str(each.get("ts")): each for each in messages}
    return tuple(sorted(once.values(), key=_stamp))


def _stamp(message: Message) -> float:
    try:
        return float(str(message.get("ts")))
    except ValueError:
        return 0.0


def _speaker(message: Message, names: Names) -> str:
    if message.get("user"):
        return names.users.get(str(message["user"])) or sentences.SOMEONE
    profile = message.get("bot_profile")
    called = message.get("username") or (profile.get("name") if isinstance(profile, Mapping) else None)
    return sentences.BY_APP.format(name=called) if called else sentences.AN_APP


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


def _zone_name(name: str) -> str:
    return str(getattr(_zone(name), "key", "UTC"))


def _time(message: Message, zone: tzinfo) -> tuple[str, str]:
    """The day and the time of day, as they read in the sharer's own place."""
    try:
        moment = datetime.fromtimestamp(_stamp(message), zone)
    except (ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(0, zone)
    return f"{moment.day} {moment:%b %Y}", f"{moment:%H:%M}"
