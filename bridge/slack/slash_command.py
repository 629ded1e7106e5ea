"""What the text of the slash command asks for. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from bridge.words.conversions import to_plain

# Slack's references hold a bar of their own: <https://…|label>, <#C1|name>. One alternative only can
# match at each place, so that long input costs no more than its length.
_BAR = re.compile(r"<[^<>]*>|(\|)")
_LAST_TAG = re.compile(r"(?:^|\s)(?:#([^\s#<>|,]+)|<#[A-Z0-9]+\|([^<>|]+)>)\s*$")


@dataclass(frozen=True)
class Asked:
    """`word` for help, whoami, status; a post with both parts; or a form with `subject` filled in."""

    kind: Literal["word", "post", "form"]
    word: str = ""
    subject: str = ""
    body: str = ""
    tags: tuple[str, ...] = ()


def read(text: str) -> Asked:
    """`should_escape: true`, so mentions and links arrive as Slack's references.

    https://docs.slack.dev/interactivity/implementing-slash-commands
    """
    text = text.strip()
    if text.lower() in ("help", "whoami", "status"):
        return Asked("word", word=text.lower())
    verb, rest = (*text.split(None, 1), "", "")[:2]
    if verb.lower() == "post" and (found := _post(rest)):
        return found
    return Asked("form", subject=_plain(text))


def _post(rest: str) -> Asked | None:
    bar = next((match.start(1) for match in _BAR.finditer(rest) if match.group(1)), None)
    if bar is None:
        return None
    body, tags = _trailing_tags(rest[bar + 1 :].strip())
    subject = _plain(rest[:bar])
    if not subject or not _plain(body):
        return None
    return Asked("post", subject=subject, body=body, tags=tags)


def _trailing_tags(body: str) -> tuple[str, tuple[str, ...]]:
    """Tags only as a run at the end; a tag that Slack turned into a channel reference counts by its name."""
    tags: list[str] = []
    end = len(body)
    # Only the end moves: a copy for each tag would cost the square of a long text.
    while match := _LAST_TAG.search(body, max(0, end - 300), end):
        tags.append(match.group(1) or match.group(2))
        end = match.start()
    return body[:end].rstrip(), tuple(to_plain(None, each) for each in dict.fromkeys(reversed(tags)))


def _plain(text: str) -> str:
    return " ".join(to_plain(None, text).split())
