"""Slack's own addresses: into which conversation they lead, whom they name, and what is said instead."""

import re
import unicodedata
from urllib.parse import unquote

from bridge.words.names import Names

# Characters of an address of Slack's that are looked through: a longer address is not Slack's own and is hidden whole.
MOST = 2000
# Anywhere, because a login page or a redirector has the address that it leads to in its own.
_SLACKS = re.compile(r"(?i)(?<![\w-])(?:slack(?:-gov)?\.com\.?(?::\d*)?(?=[/?#\\]|$)|slack:)")
# Channels stand in Slack's addresses by id, in old ones by name.
_CONVERSATION = re.compile(
    r"(?<=(?i:/archives/))[^/?&#]+|(?<=(?i:/messages/))[^/?&#]+|(?<=[?&]id=)[^&#]+|(?<=[?&]cid=)[^&#]+"
    r"|(?<=[?&]channel=)[^&#]+|(?<![A-Za-z0-9])[CDG][A-Z0-9]{8,}(?![A-Za-z0-9])"
)
# A profile; or a person's id as a part of its own, as in a direct message or before a file.
_PERSON = re.compile(r"(?i:/(?:team|user_profile)/)|(?<=[/=@])[UW][A-Z0-9]{2,}(?=[/?&#]|$)")
# What an address in a text cannot hold, or does not end with.
_PIECE = re.compile(r"""[^\s<>"'`|()\[\]{},;]+""")
_NO_ROOM = re.compile("[\t\r\n\u034f\u180b-\u180f\ufe00-\ufe0f]")
_AFTER = ".:!?*_~"


def hidden(url: str, names: Names) -> str:
    """What is said in an address's place; "" where it may be told.

    Into a conversation in Slack it leads only where that is public: its address holds the channel's id. Where nobody
    is to be named, no address names a person either.
    """
    inside = _within(url)
    if not inside or names.inside:
        return ""
    if names.nobody and _PERSON.search(inside):
        return "a file in Slack" if "/files/" in inside else "someone"
    return "" if all(names.channels.get(ident) for ident in _CONVERSATION.findall(inside)) else "a message in Slack"


def shows(label: str, url: str) -> bool:
    """Whether a label gives away a part of the address that it stands for."""
    inside = _within(url)
    return len(inside) > MOST or any(ident in label for ident in set(_CONVERSATION.findall(inside)))


def _within(url: str) -> str:
    """What follows Slack's host, without escapes; "" for everybody else's addresses."""
    url = _as_browsers_read(url)
    found = _SLACKS.search(url)
    return url[found.end() :] if found else ""


def may_lead_to_slack(text: str) -> bool:
    """Whether it is worth looking for one of Slack's addresses."""
    return "slack" in _as_browsers_read(text).lower()


def _as_browsers_read(text: str) -> str:
    """Without escapes; wide letters for plain ones, a stop for a dot, and nothing that takes no room: hosts are so."""
    for _ in range(3):
        text = unquote(text) if "%" in text else text
    text = _NO_ROOM.sub("", text)
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
    return "".join(each for each in plain if unicodedata.category(each) != "Cf")


def told(text: str, names: Names) -> str:
    """Text in which what may not be told of Slack's addresses is told in words."""
    return _PIECE.sub(lambda found: _piece(found[0], names), text) if may_lead_to_slack(text) else text


def _piece(piece: str, names: Names) -> str:
    bare = piece.rstrip(_AFTER)
    said = hidden(bare, names) if may_lead_to_slack(bare) else ""
    return said + piece[len(bare) :] if said else piece
