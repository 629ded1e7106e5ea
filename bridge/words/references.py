"""What Slack tells as ids, addresses and times, in words that mention nobody."""

import re
from datetime import UTC, datetime

from bridge.words import slack_links
from bridge.words.names import Names
from bridge.words.parts import Run, clean

_LIVE = re.compile(r"(?i)https?://[^\s/?#]\S*|(?:mailto|tel):\S+")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Where renderers that link bare addresses would begin: the scheme, www., a mail address, a domain.
_LINKABLE = re.compile(r"(?i)(?<=:)(?=//)|(?<=@)(?=\w)|(?<=www)(?=\.)|(?<=\s)(\w[\w-]*)(?=\.\w)")


def called(name: str) -> str:
    """Somebody's name on one line, in which no renderer finds an address and nothing turns the line around."""
    line = " ".join(_BIDI.sub("", clean(name)).split())
    return _LINKABLE.sub("\\1\u2060", line)


def said(text: str, names: Names) -> Run:
    """Text as it was typed, but for the ids that stand in it for want of a name."""
    if not names.late:
        return Run(text)
    return Run(re.sub("@([A-Z0-9]+)", lambda m: user(m[1], "", names).text if m[1] in names.late else m[0], text))


def link(url: str, label: str, names: Names) -> Run:
    """A link that shows its label, or else its address; without the link where it may not be followed from outside."""
    url = url.strip()
    if said := slack_links.hidden(url, names):
        return Run(label if label.strip() and said != "someone" and not slack_links.shows(label, url) else said)
    return Run(label if label.strip() else url, url=url if _LIVE.fullmatch(url) else "")


def user(ident: str, label: str, names: Names) -> Run:
    """A user by name, by the label that came along, or nobody in particular."""
    name = names.users.get(ident) or label.removeprefix("@") or names.labels.get(ident, "")
    return Run("@" + (called(name) or "someone"))


def channel(ident: str, names: Names) -> Run:
    """A public channel by its name; any other is not named."""
    name = names.channels.get(ident)
    return Run("#" + called(name) if name else "a private channel")


def group(ident: str, label: str, names: Names) -> Run:
    """A user group by its handle, by the label that came along, or none in particular."""
    name = label.removeprefix("@") or names.labels.get(ident, "")
    return Run("@" + (called(name) or "group"))


def date(stamp: object, fallback: str, url: str, names: Names) -> Run:
    """A time as its fallback says it, else in ISO 8601."""
    try:
        text = fallback or datetime.fromtimestamp(float(str(stamp)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        text = "a date"
    return link(url, text, names)


def command(body: str, label: str, names: Names) -> Run:
    """What stands behind `!` in mrkdwn's angle brackets: a broadcast, a group or a date."""
    kind, ident, _, url = (*body.split("^"), "", "", "")[:4]
    if kind in {"here", "channel", "everyone"}:
        return Run("@" + kind)
    if kind == "subteam":
        return group(ident, label, names)
    if kind == "date":
        return date(ident, label, url, names)
    return Run(label or kind)
