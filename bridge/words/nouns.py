"""What Slack tells as ids, addresses and times, in words that mention nobody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bridge.words.runs import Run, clean

_LIVE = re.compile(r"(?i)https?://[^\s/?#]\S*|(?:mailto|tel):\S+")


@dataclass(frozen=True)
class Names:
    """What ids are called: users' display names, public channels' names, groups' handles.

    Channels and handles come without `#` and `@`. Ids that are missing are fine; a channel
    that is not known to be public must be missing.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mentioned:
    """The ids whose names a conversion would like to have."""

    users: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


def link(url: str, label: str) -> Run:
    """A link that shows its label, or else its address; without the link where the scheme is none of ours."""
    url = url.strip()
    return Run(label if label.strip() else url, url=url if _LIVE.fullmatch(url) else "")


def user(ident: str, label: str, names: Names) -> Run:
    """A user by name, by the label that came along, or nobody in particular."""
    name = names.users.get(ident) or label.removeprefix("@")
    return Run("@" + (" ".join(clean(name).split()) or "someone"))


def channel(ident: str, names: Names) -> Run:
    """A public channel by its name; any other is not named."""
    name = names.channels.get(ident)
    return Run("#" + " ".join(clean(name).split()) if name else "a private channel")


def group(ident: str, label: str, names: Names) -> Run:
    """A user group by its handle, by the label that came along, or none in particular."""
    name = names.groups.get(ident) or label.removeprefix("@")
    return Run("@" + (" ".join(clean(name).split()) or "group"))


def date(stamp: object, fallback: str, url: str = "") -> Run:
    """A time as its fallback says it, else in ISO 8601."""
    try:
        text = fallback or datetime.fromtimestamp(float(str(stamp)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        text = "a date"
    return link(url, text)


def command(body: str, label: str, names: Names) -> Run:
    """What stands behind `!` in mrkdwn's angle brackets: a broadcast, a group or a date."""
    kind, ident, _, url = (*body.split("^"), "", "", "")[:4]
    if kind in {"here", "channel", "everyone"}:
        return Run("@" + kind)
    if kind == "subteam":
        return group(ident, label, names)
    if kind == "date":
        return date(ident, label, url)
    return Run(label or kind)
