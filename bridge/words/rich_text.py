"""Reading blocks: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bridge.words import nouns
from bridge.words.emoji import SHORT_NAME, emoji_run
from bridge.words.mrkdwn import lex, mrkdwn_parts
from bridge.words.nouns import Names
from bridge.words.runs import Part, Run, clean, count, text_at

_DEPTH = 16  # Slack nests four deep; a hostile payload must not exhaust the stack.
_STYLES = ("bold", "italic", "strike", "code", "underline")
_READABLE = ("title", "text", "fields", "elements", "rows", "items", "label", "alt_text", "description")


def block_parts(node: object, names: Names, depth: int = 0) -> list[Part]:
    """Blocks of whatever shape; those of no known type give the strings a person could read."""
    if isinstance(node, str):
        return [Part("text", tuple(lex(clean(node), names, SHORT_NAME)))]
    if isinstance(node, list) and depth < _DEPTH:
        return [part for child in node for part in block_parts(child, names, depth + 1)]
    if not isinstance(node, Mapping) or depth >= _DEPTH:
        return []
    kind = text_at(node, "type")
    if kind == "mrkdwn":
        return mrkdwn_parts(text_at(node, "text"), names)
    if kind.startswith("rich_text_"):
        return _rich_parts(kind, node, names, depth + 1)
    return [part for key in _READABLE for part in block_parts(node.get(key), names, depth + 1)]


def _rich_parts(kind: str, node: Mapping[str, Any], names: Names, depth: int) -> list[Part]:
    nodes = node.get("elements")
    children = nodes if isinstance(nodes, list) else []
    quoted = kind == "rich_text_quote" or bool(node.get("border"))
    if kind == "rich_text_list":
        first = count(node.get("offset"), 999_999) + 1 if node.get("style") == "ordered" else 0
        rows = [tuple(_flat(child, names, depth)) for child in children]
        indent = count(node.get("indent"), 8)
        return [Part("item", row, indent, first and first + i, quoted) for i, row in enumerate(rows)]
    name = "code" if kind == "rich_text_preformatted" else "text"
    runs = tuple(run for child in children for run in _inline(child, names, depth))
    return [Part(name, runs, quoted=quoted, language=text_at(node, "language"))]


def _flat(node: object, names: Names, depth: int) -> list[Run]:
    return [run for part in block_parts(node, names, depth) for run in part.runs]


def _inline(node: object, names: Names, depth: int) -> list[Run]:
    kind = text_at(node, "type") if isinstance(node, Mapping) else ""
    if not isinstance(node, Mapping) or kind not in _INLINE:
        return _flat(node, names, depth)
    marks = node.get("style")
    style = frozenset(k for k in _STYLES if marks.get(k)) if isinstance(marks, Mapping) else frozenset()
    return [replace(_INLINE[kind](node, names), style=style)]


_INLINE: dict[str, Callable[[Mapping[str, Any], Names], Run]] = {
    "text": lambda node, names: Run(text_at(node, "text")),
    "link": lambda node, names: nouns.link(text_at(node, "url"), text_at(node, "text")),
    "user": lambda node, names: nouns.user(text_at(node, "user_id", "userId"), "", names),
    "usergroup": lambda node, names: nouns.group(text_at(node, "usergroup_id", "usergroupId"), "", names),
    "channel": lambda node, names: nouns.channel(text_at(node, "channel_id", "channelId"), names),
    "broadcast": lambda node, names: nouns.command(text_at(node, "range") or "channel", "", names),
    "team": lambda node, names: Run("a workspace"),
    "color": lambda node, names: Run(text_at(node, "value")),
    "date": lambda node, names: nouns.date(node.get("timestamp"), text_at(node, "fallback"), text_at(node, "url")),
    "emoji": lambda node, names: emoji_run(
        text_at(node, "name"), text_at(node, "unicode"), count(node.get("skin_tone"), 9)
    ),
}
