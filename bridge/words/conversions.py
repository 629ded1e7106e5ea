"""The ways through: what Slack said, as the board's Markdown or as plain words."""

import html
import re
from collections.abc import Mapping
from typing import Any

from bridge.words import references, slack_links
from bridge.words.markdown import markdown_of, unmentioning
from bridge.words.message import parts_of, parts_of_message
from bridge.words.names import Mentioned, Names
from bridge.words.parts import Part, Run, clean, text_of

_NOBODY = Names()


class _Asked(dict[str, str]):
    """Calls everything "?", and remembers what it was asked for."""

    def get(self, key: str, default: Any = None) -> Any:
        if key:
            self[key] = "?"
        return "?" if key else default


def mentioned_in(message: Mapping[str, Any]) -> Mentioned:
    """The ids that `message_to_markdown` would ask `Names` for."""
    users, channels = _Asked(), _Asked()
    parts_of_message(message, Names(users, channels))
    return Mentioned(frozenset(users), frozenset(channels))


def message_to_markdown(message: Mapping[str, Any], names: Names = _NOBODY) -> str:
    """A message's words, then its attachments, then its files' names, as CommonMark.

    It reads well as plain text and holds no HTML and no live mention. The message's `text`, mrkdwn, speaks only where
    its blocks say nothing; an unfurled message is left out unless its channel is among the public ones of `names`.
    https://spec.commonmark.org
    """
    return markdown_of(parts_of_message(message, names))


def name_to_markdown(name: str) -> str:
    """Somebody's name, within a line of the board's Markdown: nothing but its characters."""
    return markdown_of([Part("text", (Run(references.called(name)),))])


def to_plain(blocks: object, text: str = "", names: Names = _NOBODY) -> str:
    """The words without any markup, a line for a line."""
    lines = [text_of(part.runs) for part in parts_of(blocks, text, names)]
    return unmentioning("\n".join(lines)).strip()


def inert(text: str, names: Names = _NOBODY) -> str:
    """One line for a field that the board takes for plain text: read as typed, and harmless taken for HTML.

    The classic portal cuts everything from a `<` to the next `>` out of subjects, so brackets that could be
    a tag become ‹ and ›. A character reference gets a word joiner, which cannot be seen. What an address in Slack
    leads to is not known here, so it is told in words. Ids that stand in it as `@id` become the `late` names.
    """
    line = slack_links.told(" ".join(clean(references.said(text, names).text).split()), _NOBODY)
    line = re.sub("<([^<>]*)>", "‹\\1›", line)
    cut = line.rfind(">") + 1
    line = re.sub("<(?=[A-Za-z/!?])", "‹", line[:cut].replace("<", "‹") + line[cut:])
    return unmentioning(re.sub(r"&#?\w+;?", _unreferenced, line))


def _unreferenced(found: re.Match[str]) -> str:
    return found[0] if html.unescape(found[0]) == found[0] else "&\u2060" + found[0][1:]


def first_line(plain: str, limit: int) -> str:
    """The first line with something on it, in at most `limit` characters, cut at a word."""
    line = next((" ".join(line.split()) for line in plain.split("\n") if line.strip()), "")
    if len(line) <= limit:
        return line
    cut = line[: max(limit - 1, 0)]
    if " " in cut and line[len(cut)] != " ":
        cut = cut[: cut.rindex(" ")]
    return (cut.rstrip(" ,;:-–—") + "…")[: max(limit, 0)]
