"""Reading blocks: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bridge.words import references
from bridge.words.block_shapes import ordinary
from bridge.words.emoji import SHORT_NAME, emoji_run
from bridge.words.mrkdwn import decode, lex, mrkdwn_parts
from bridge.words.names import Names
from bridge.words.parts import Part, Run, clean, count, styled, text_at, text_of

_DEPTH = 16  # Slack nests four deep; a hostile payload must not exhaust the stack.
_STYLES = ("bold", "italic", "strike", "code", "underline")
_RICH = frozenset({"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"})
# What people can read in a block that is not rich text. Strings under other names may be ids.
_READABLE = (
    "title", "subtitle", "text", "header", "heading", "fields", "elements", "rows", "items", "label", "alt_text",
    "description", "content", "body", "caption", "summary", "details",
)  # fmt: skip
_LANGUAGE = re.compile("[A-Za-z0-9+#-]{1,30}")
_UNSEEN = frozenset({"confirm", "placeholder", "style", "slack_file"})
_ADDRESSES = ("url", "title_url", "image_url", "video_url")


def block_parts(node: object, names: Names, depth: int = 0) -> list[Part]:
    """Blocks of whatever shape; those of no known type give the strings a person could read."""
    if isinstance(node, str):
        return [Part("text", tuple(lex(clean(node), names, SHORT_NAME)))]
    if isinstance(node, list) and depth < _DEPTH:
        return [part for child in node for part in block_parts(child, names, depth + 1)]
    if not isinstance(node, Mapping) or depth >= _DEPTH:
        return []
    if (shape := ordinary(node)) is not node:
        return block_parts(shape, names, depth + 1)
    kind = text_at(node, "type")
    if kind == "mrkdwn":
        return mrkdwn_parts(text_at(node, "text"), names)
    if kind.startswith("rich_text_"):
        return _rich_parts(kind, node, names, depth + 1)
    if kind == "header":
        return styled(_readable(node, names, depth + 1), "bold")
    known = _counted_on(block_parts(node.get("elements"), names, depth + 1)) if kind == "rich_text" else []
    return known or _readable(node, names, depth + 1)


def _counted_on(parts: list[Part]) -> list[Part]:
    """An ordered list that goes on after a nested one counts on, as Slack shows it, though no offset says so."""
    out: list[Part] = []
    reached: dict[int, int] = {}
    ahead: dict[int, int] = {}
    for part in parts:
        at = part.indent
        reached = {each: number for each, number in reached.items() if part.kind == "item" and each <= at}
        if out and out[-1].indent > at:  # a list of its own, whatever number it begins with
            ahead[at] = reached.get(at, 0) if part.number == 1 else 0
        elif part.number == 1:
            ahead[at] = 0
        if part.number:
            part = part._replace(number=part.number + ahead.get(at, 0))
        reached[at] = part.number
        out.append(part)
    return out


def maps(nodes: object) -> list[Mapping[str, Any]]:
    """The objects in a list, or the one that stands in its place."""
    return [node for node in (nodes if isinstance(nodes, list) else [nodes]) if isinstance(node, Mapping)]


def _readable(node: Mapping[str, Any], names: Names, depth: int) -> list[Part]:
    """A block's strings in the order of `_READABLE`, then what lies deeper; its address on the first of them."""
    folded = str(node.get("type")).endswith(("_select", "overflow"))
    parts = [] if folded else [part for key in _READABLE for part in _under(key, node.get(key), names, depth)]
    deeper = [maps(value) for key, value in node.items() if key not in _READABLE and key not in _UNSEEN]
    parts += [] if folded else [part for found in deeper for part in block_parts(found, names, depth)]
    # A picture's title and its description are often the same.
    parts = list(dict.fromkeys(parts)) if node.get("alt_text") else parts
    if url := text_at(node, *_ADDRESSES):
        parts[:1] = [_linked(url, parts[0].runs if parts else (), names)]
    return parts


def _linked(url: str, runs: tuple[Run, ...], names: Names) -> Part:
    link = references.link(url, text_of(runs), names)
    same = link.text == text_of(runs)
    return Part("text", tuple(run._replace(url=run.url or link.url) for run in runs) if same else (link,))


def _under(key: str, value: object, names: Names, depth: int) -> list[Part]:
    if key != "rows" or not isinstance(value, list):
        return block_parts(value, names, depth)
    rows = [[_cell(cell, names, depth) for cell in row] for row in value if isinstance(row, list)]
    lines = [_joined(row, " | ") for row in rows]
    return [Part("text", tuple(_joined(lines, "\n"))), *block_parts(maps(value), names, depth)]


def _cell(cell: object, names: Names, depth: int) -> list[Run]:
    """A row stays a row, whatever breaks its cells have."""
    runs = _flat(cell, names, depth, " ")
    return [run._replace(text=" ".join(run.text.split("\n"))) for run in runs]


def _joined(pieces: Iterable[list[Run]], gap: str) -> list[Run]:
    return [run for i, piece in enumerate(pieces) for run in ([Run(gap)] if i else []) + piece]


def _rich_parts(kind: str, node: Mapping[str, Any], names: Names, depth: int) -> list[Part]:
    nodes = node.get("elements")
    children = nodes if isinstance(nodes, list) else []
    quoted = kind == "rich_text_quote" or bool(node.get("border"))
    if kind == "rich_text_list":
        first = count(node.get("offset"), 999_999) + 1 if node.get("style") == "ordered" else 0
        rows = [tuple(_flat(child, names, depth, "\n")) for child in children]
        indent = count(node.get("indent"), 8)
        return [Part("item", row, indent, first and first + i, quoted) for i, row in enumerate(rows)]
    name = "code" if kind == "rich_text_preformatted" else "text"
    runs = tuple(run for child in children for run in _inline(child, names, depth))
    language = text_at(node, "language")
    part = Part(name, runs, quoted=quoted, language=language if _LANGUAGE.fullmatch(language) else "")
    return [part] if kind in _RICH else [part, *_readable({**node, "elements": None}, names, depth)]


def _flat(node: object, names: Names, depth: int, gap: str) -> list[Run]:
    return _joined((list(part.runs) for part in block_parts(node, names, depth) if part.runs), gap)


def _inline(node: object, names: Names, depth: int) -> list[Run]:
    kind = text_at(node, "type") if isinstance(node, Mapping) else ""
    if not isinstance(node, Mapping) or not kind:
        return _flat(node, names, depth, " ")
    if kind not in _INLINE:
        return _unknown(node, names, depth)
    run, marks = _INLINE[kind](node, names), node.get("style")
    style = [name for name in _STYLES if marks.get(name)] if isinstance(marks, Mapping) else []
    return [run._replace(style=frozenset(style)) if style else run]


def _unknown(node: Mapping[str, Any], names: Names, depth: int) -> list[Run]:
    """An element of its own words says these and nothing deeper; one without any leaves no hole in the sentence."""
    own = text_at(node, "text", "title", "name", "label", "fallback")
    if own:
        return [references.link(text_at(node, *_ADDRESSES), own, names) if text_at(node, *_ADDRESSES) else Run(own)]
    return _flat(node, names, depth, " ") or ([] if "elements" in node else [Run("something in Slack")])


def _link(node: Mapping[str, Any], names: Names) -> Run:
    """Slack stores some addresses escaped: one that its text shows plainly leads where the text says."""
    url, label = text_at(node, "url"), text_at(node, "text")
    return references.link(label if label and label == decode(url) else url, label, names)


_INLINE: dict[str, Callable[[Mapping[str, Any], Names], Run]] = {
    "text": lambda node, names: references.said(text_at(node, "text"), names),
    "link": _link,
    "user": lambda node, names: references.user(text_at(node, "user_id", "userId"), "", names),
    "canvas_user_mention": lambda node, names: references.user(text_at(node, "user_id", "userId"), "", names),
    "message_mention": lambda node, names: Run("a message in Slack"),
    "canvas_message_unfurl": lambda node, names: Run("a message in Slack"),
    "list_record": lambda node, names: Run(text_at(node, "text", "title") or "a list in Slack"),
    "canvas": lambda node, names: Run(text_at(node, "text", "title") or "a file in Slack"),
    "file": lambda node, names: Run(text_at(node, "text", "title", "name") or "a file in Slack"),
    "usergroup": lambda node, names: references.group(text_at(node, "usergroup_id", "usergroupId"), "", names),
    "channel": lambda node, names: references.channel(text_at(node, "channel_id", "channelId"), names),
    "broadcast": lambda node, names: references.command(text_at(node, "range") or "channel", "", names),
    "team": lambda node, names: Run("a workspace"),
    "color": lambda node, names: Run(text_at(node, "value")),
    "date": lambda node, names: references.date(
        node.get("timestamp"), text_at(node, "fallback"), text_at(node, "url"), names
    ),
    "emoji": lambda node, names: emoji_run(
        text_at(node, "name"), text_at(node, "unicode"), count(node.get("skin_tone"), 9)
    ),
}
