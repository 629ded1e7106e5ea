"""What may stand in no log, at any level: what opens doors, who people are, and what they write.

Whatever is logged or printed within a test is searched when it ends (`conftest`), for what people typed in it and for
all that looks like a secret. Each runner of tests has its own.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from bridge.demo.slack.sender import Reply, Sender

# https://docs.slack.dev/authentication/tokens; the stand-in board's tokens are at-… and rt-….
LOOKS = {
    "a token of Slack": r"\b(?:xox[a-z]|xapp)-[\w-]+",
    "a token of the board": r"\b[ar]t-[0-9a-f]{32}|(?i:bearer) \w",
    "the signing secret": "8f742231b10e8888abcd99yyyzzz85a5",
    "the board's password": "hush-4711",
    "the token for metrics": "s3cret",
    "an e-mail address": r"(?<=[\w.+-])(?:@|%40)[\w-]+\.[a-z]+",
    "a response_url": r"/hooks/\w+/[0-9a-f]{32}|hooks\.slack\.com",
    "a file's token": r"/files/[\w-]{40,}",
    "a helper's message": r"Who \*joins\*",
}
_LOOKS = {what: re.compile(look) for what, look in LOOKS.items()}
# Shorter words stand in our own events, too.
_SHORTEST = 8
# What a command means by itself.
_COMMANDS = frozenset({"whoami", "status"})

_typed: set[str] = set()


def forget() -> None:
    """What was typed in an earlier test."""
    _typed.clear()


def hear(body: bytes) -> None:
    """A request of Slack's, on whatever way it comes."""
    _typed.update(typed(body))


class Overheard(Sender):
    """Slack's client, whose people are remembered word for word."""

    async def raw(self, body: bytes, headers: dict[str, str]) -> Reply:
        hear(body)
        return await super().raw(body, headers)


def typed(body: bytes) -> set[str]:
    """What a person wrote, out of a request's body: the command's text, the form's fields, a message's words."""
    try:
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        payload = json.loads(fields.get("payload") or "{}")
    except (ValueError, RecursionError):
        return set()
    words = set(re.split(r"^post |\||#", fields.get("text", "")))
    for part in (_at(payload, "message"), _at(_at(payload, "view"), "state")):
        words |= set(_texts(part))
    return {each.strip() for each in words if len(each.strip()) >= _SHORTEST} - _COMMANDS


def _at(node: object, name: str) -> object:
    return node.get(name) if isinstance(node, Mapping) else None


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _texts(each)
    if isinstance(node, Mapping):
        for name, value in node.items():
            # The value of a button is our own; that of a field is what was typed, and a field has no text.
            if (name == "text" or (name == "value" and "text" not in node)) and isinstance(value, str):
                yield value
            # What was ticked or selected are our own words.
            if not str(name).startswith("selected"):
                yield from _texts(value)


def leaks(said: str) -> list[str]:
    """What stands in a log and may not, each with its surroundings."""
    found = [(what, match.start()) for what, look in _LOOKS.items() if (match := look.search(said))]
    found += [(f"what somebody typed ({words})", said.index(words)) for words in _typed if words in said]
    return [f"{what}: …{said[max(0, at - 100) : at + 100]}…" for what, at in found]


def repeat(folder: Path) -> None:
    """Says again what other processes wrote into their logs: it is searched like everything else that is said."""
    for log in folder.glob("*.log"):
        sys.stdout.write(log.read_text(errors="replace"))
