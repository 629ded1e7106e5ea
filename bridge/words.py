"""Slack's rich text and mrkdwn → the board's Markdown, plain text, and back into a form.

Whatever arrives is read into parts (paragraphs, items, quotes, code) made of runs of
styled text; each way out writes parts. Nothing here raises, whatever the JSON. Pure, but
for emoji.json: every short name of the npm package emoji-datasource 16 with its characters.
Vendor pages: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block and
https://docs.slack.dev/messaging/formatting-message-text; the other side is CommonMark.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any
from urllib.parse import quote

_DEPTH = 16  # Slack nests four deep; a hostile payload must not exhaust the stack.
_STYLES = ("bold", "italic", "strike", "code", "underline")
_MARKS = {"*": "bold", "_": "italic", "~": "strike"}
_DELIMITERS = {"bold": ("**",), "italic": ("_", "*"), "strike": ("~~",)}
_READABLE = ("title", "text", "fields", "elements", "rows", "items", "label", "alt_text", "description")
_UNSAFE = re.compile("[\0-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_BREAK = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_LIVE = re.compile(r"(?i)https?://[^\s/?#]\S*|(?:mailto|tel):\S+")
_EMOJI = re.compile(r"(?<!\d):([a-z0-9_+'-]+)(::skin-tone-[2-6])?(?=:)")
_TOKEN = re.compile(r"(?<![^\W_])`[^`]+`|<[^<>]*>|[*_~]|" + _EMOJI.pattern)
_BULLET = re.compile("([ \u00a0]*)[•◦▪▫] +")
_LITERAL = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|[`\[\]]|(?<!\s)\*|\*(?!\s)|(?<!\s)~|~(?=~)"
    r"|(?<![^\W_])(?<!\s)_|(?<=\s)_(?!\s)|(?<=[^\W_])_(?![^\W_])"
)
_STARTS = re.compile(r"[#>]|[-+](?=\s|$)|=+$|[-:|][-:|\s]*$")


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


@dataclass(frozen=True)
class _Run:
    text: str
    style: frozenset[str] = frozenset()
    url: str = ""
    emoji: str = ""


@dataclass(frozen=True)
class _Part:
    kind: str
    runs: tuple[_Run, ...]
    indent: int = 0
    number: int = 0
    quoted: bool = False
    language: str = ""


_NOBODY = Names()


class _Asked(dict[str, str]):
    """Names nothing, and remembers what it was asked for."""

    def get(self, key: str, default: Any = None) -> Any:
        if key:
            self[key] = ""
        return default


def mentioned(blocks: object, text: str = "") -> Mentioned:
    """The ids that `to_markdown` would ask `Names` for, given the same arguments."""
    users, channels, groups = _Asked(), _Asked(), _Asked()
    _said(blocks, text, Names(users, channels, groups))
    return Mentioned(frozenset(users), frozenset(channels), frozenset(groups))


def to_markdown(blocks: object, text: str = "", names: Names = _NOBODY) -> str:
    """CommonMark that reads well as plain text and holds no HTML and no live mention.

    `text`, mrkdwn, speaks only where the blocks say nothing. https://spec.commonmark.org
    """
    return _markdown(_said(blocks, text, names))


def mrkdwn_to_markdown(text: str, names: Names = _NOBODY) -> str:
    """The same for mrkdwn alone, as in a command's text."""
    return _markdown(_mrkdwn(_clean(text), names))


def message_to_markdown(message: Mapping[str, Any], names: Names = _NOBODY) -> str:
    """The same for a whole message: its words, then its attachments, then its files' names.

    An unfurled message is left out unless its channel is among the public ones of `names`.
    """
    return _markdown(_message(message, names))


def to_plain(blocks: object, text: str = "", names: Names = _NOBODY) -> str:
    """The words without any markup, a line for a line."""
    lines = [_text_of(part.runs) for part in _said(blocks, text, names)]
    return _unmentioning("\n".join(lines)).strip()


def first_line(plain: str, limit: int) -> str:
    """The first line with something on it, in at most `limit` characters, cut at a word."""
    line = next((" ".join(line.split()) for line in plain.split("\n") if line.strip()), "")
    if len(line) <= limit:
        return line
    cut = line[: max(limit - 1, 0)]
    if " " in cut and line[len(cut)] != " ":
        cut = cut[: cut.rindex(" ")]
    return (cut.rstrip(" ,;:-–—") + "…")[: max(limit, 0)]


def escape(text: str) -> str:
    """Somebody's text for Slack's mrkdwn, where it can mention nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_rich_text(message: Mapping[str, Any], names: Names, limit: int) -> tuple[dict[str, Any] | None, bool]:
    """A message as a rich_text_input's `initial_value`, and whether it was too long for one.

    `limit` counts visible characters. (None, True) is too long, (None, False) says nothing.
    https://docs.slack.dev/reference/block-kit/block-elements/rich-text-input-element
    """
    parts = _message(message, names)
    if sum(len(run.text) for part in parts for run in part.runs) > limit:
        return None, True
    grouped = groupby(enumerate(parts), lambda pair: _list_key(*pair))
    elements = [_rich(key, [part for _, part in group]) for key, group in grouped]
    return ({"type": "rich_text", "elements": elements} if elements else None), False


# --- Reading -----------------------------------------------------------------------


def _clean(value: object) -> str:
    text = _BREAK.sub("\n", value) if isinstance(value, str) else ""
    return re.sub("[\ud800-\udfff]", "\ufffd", _UNSAFE.sub("", text))


def _first(node: Mapping[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := _clean(node.get(key)))), "")


def _count(value: object, most: int) -> int:
    return max(0, min(int(value), most)) if isinstance(value, int) else 0


def _text_of(runs: Iterable[_Run]) -> str:
    return "".join(run.text for run in runs)


def _spoken(parts: Iterable[_Part]) -> list[_Part]:
    return [part for part in parts if _text_of(part.runs).strip()]


def _said(blocks: object, text: object, names: Names) -> list[_Part]:
    return _spoken(_parts(blocks, names)) or _spoken(_mrkdwn(_clean(text), names))


def _message(message: object, names: Names) -> list[_Part]:
    if not isinstance(message, Mapping):
        return []
    attached = [part for node in _maps(message.get("attachments")) for part in _attachment(node, names)]
    called = (_first(node, "name", "title") for node in _maps(message.get("files")))
    listed = "\n".join("File: " + " ".join(name.split()) for name in called if name.strip())
    said = _said(message.get("blocks"), message.get("text"), names)
    return said + _spoken([*attached, _Part("text", (_Run(listed),))])


def _maps(nodes: object) -> list[Mapping[str, Any]]:
    return [node for node in nodes if isinstance(node, Mapping)] if isinstance(nodes, list) else []


def _attachment(node: Mapping[str, Any], names: Names) -> list[_Part]:
    # An unfurled message may come from a private channel that its readers here never saw.
    unfurled = node.get("is_msg_unfurl") or node.get("is_reply_unfurl")
    if unfurled and not names.channels.get(_first(node, "channel_id")):
        return []
    title = _Part("text", (_link(_first(node, "title_link"), _decode(_first(node, "title"))),))
    said = [*_mrkdwn(_first(node, "pretext"), names), title]
    fields = [text for pair in _maps(node.get("fields")) for text in (pair.get("title"), pair.get("value"))]
    for text in (node.get("text"), *fields):
        said += _mrkdwn(_clean(text), names)
    return _spoken(said + _parts(node.get("blocks"), names)) or _mrkdwn(_first(node, "fallback"), names)


def _parts(node: object, names: Names, depth: int = 0) -> list[_Part]:
    """Blocks of whatever shape; those of no known type give the strings a person could read."""
    if isinstance(node, str):
        return [_Part("text", tuple(_lex(_clean(node), names, _EMOJI)))]
    if isinstance(node, list) and depth < _DEPTH:
        return [part for child in node for part in _parts(child, names, depth + 1)]
    if not isinstance(node, Mapping) or depth >= _DEPTH:
        return []
    kind = _first(node, "type")
    if kind == "mrkdwn":
        return _mrkdwn(_first(node, "text"), names)
    if kind.startswith("rich_text_"):
        return _rich_parts(kind, node, names, depth + 1)
    return [part for key in _READABLE for part in _parts(node.get(key), names, depth + 1)]


def _rich_parts(kind: str, node: Mapping[str, Any], names: Names, depth: int) -> list[_Part]:
    nodes = node.get("elements")
    children = nodes if isinstance(nodes, list) else []
    quoted = kind == "rich_text_quote" or bool(node.get("border"))
    if kind == "rich_text_list":
        first = _count(node.get("offset"), 999_999) + 1 if node.get("style") == "ordered" else 0
        rows = [tuple(_flat(child, names, depth)) for child in children]
        indent = _count(node.get("indent"), 8)
        return [_Part("item", row, indent, first and first + i, quoted) for i, row in enumerate(rows)]
    name = "code" if kind == "rich_text_preformatted" else "text"
    runs = tuple(run for child in children for run in _inline(child, names, depth))
    return [_Part(name, runs, quoted=quoted, language=_first(node, "language"))]


def _flat(node: object, names: Names, depth: int) -> list[_Run]:
    return [run for part in _parts(node, names, depth) for run in part.runs]


def _inline(node: object, names: Names, depth: int) -> list[_Run]:
    kind = _first(node, "type") if isinstance(node, Mapping) else ""
    if not isinstance(node, Mapping) or kind not in _INLINE:
        return _flat(node, names, depth)
    marks = node.get("style")
    style = frozenset(k for k in _STYLES if marks.get(k)) if isinstance(marks, Mapping) else frozenset()
    return [replace(_INLINE[kind](node, names), style=style)]


def _link(url: str, label: str) -> _Run:
    url = url.strip()
    return _Run(label if label.strip() else url, url=url if _LIVE.fullmatch(url) else "")


def _user(ident: str, label: str, names: Names) -> _Run:
    name = names.users.get(ident) or label.removeprefix("@")
    return _Run("@" + (" ".join(_clean(name).split()) or "someone"))


def _channel(ident: str, names: Names) -> _Run:
    name = names.channels.get(ident)
    return _Run("#" + " ".join(_clean(name).split()) if name else "a private channel")


def _group(ident: str, label: str, names: Names) -> _Run:
    name = names.groups.get(ident) or label.removeprefix("@")
    return _Run("@" + (" ".join(_clean(name).split()) or "group"))


def _date(stamp: object, fallback: str, url: str = "") -> _Run:
    try:
        text = fallback or datetime.fromtimestamp(float(str(stamp)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        text = "a date"
    return _link(url, text)


def _emoji(name: str, code: str = "", tone: int = 0) -> _Run:
    """A standard emoji as its characters; a custom one as its `:name:`."""
    base, _, suffix = name.partition("::skin-tone-")
    tone = int(suffix) if suffix in {"2", "3", "4", "5", "6"} else tone if 2 <= tone <= 6 else 0
    given = _characters(code)
    text = given or _emoji_table().get(base, "")
    if not text:
        return _Run(f":{name}:" if name else "")
    if tone and not re.search("[\U0001f3fb-\U0001f3ff]", text):
        text = text[0] + chr(0x1F3F9 + tone) + text[1:].removeprefix("\ufe0f")
    plain = re.fullmatch(r"[a-z0-9_+'-]+", base)
    return _Run(text, emoji=base + (f"::skin-tone-{tone}" if tone else "") if plain else "")


def _characters(code: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{2,6}(-[0-9a-fA-F]{2,6}){0,15}", code):
        return ""
    points = [int(point, 16) for point in code.split("-")]
    return _clean("".join(map(chr, points))) if max(points) <= 0x10FFFF else ""


@cache
def _emoji_table() -> dict[str, str]:
    """Slack's short names with their characters."""
    table: dict[str, str] = json.loads(files("bridge").joinpath("emoji.json").read_text("utf-8"))
    return table


_INLINE: dict[str, Callable[[Mapping[str, Any], Names], _Run]] = {
    "text": lambda node, names: _Run(_first(node, "text")),
    "link": lambda node, names: _link(_first(node, "url"), _first(node, "text")),
    "user": lambda node, names: _user(_first(node, "user_id", "userId"), "", names),
    "usergroup": lambda node, names: _group(_first(node, "usergroup_id", "usergroupId"), "", names),
    "channel": lambda node, names: _channel(_first(node, "channel_id", "channelId"), names),
    "broadcast": lambda node, names: _command(_first(node, "range") or "channel", "", names),
    "team": lambda node, names: _Run("a workspace"),
    "color": lambda node, names: _Run(_first(node, "value")),
    "date": lambda node, names: _date(node.get("timestamp"), _first(node, "fallback"), _first(node, "url")),
    "emoji": lambda node, names: _emoji(
        _first(node, "name"), _first(node, "unicode"), _count(node.get("skin_tone"), 9)
    ),
}


# --- Reading mrkdwn ----------------------------------------------------------------


def _decode(text: str) -> str:
    return re.sub("&(amp|lt|gt);", lambda m: {"amp": "&", "lt": "<", "gt": ">"}[m[1]], text)


def _mrkdwn(text: str, names: Names) -> list[_Part]:
    pieces = text.split("```")
    if len(pieces) % 2 == 0:
        pieces[-2:] = ["```".join(pieces[-2:])]  # the last fence is never closed, so it is text
    parts: list[_Part] = []
    for i, piece in enumerate(pieces):
        if i % 2 and piece.strip():
            parts.append(_Part("code", (_Run(_coded(piece, names).strip("\n")),)))
        else:
            parts += _paragraphs(f"```{piece}```" if i % 2 else piece, names)
    return parts


def _coded(text: str, names: Names) -> str:
    # Slack wraps links and mentions in code too; its wrapping would show ids.
    return _decode(re.sub("<([^<>\n]+)>", lambda m: escape(_angle(m[1], names).text), text))


def _paragraphs(text: str, names: Names) -> list[_Part]:
    head, mark, tail = text, "", ""
    if found := re.search("^(?:>|&gt;){3}", text, re.MULTILINE):
        head, mark, tail = text[: found.start()], found[0], text[found.end() :]
    rows = [_row(line, names) for line in head.split("\n")] if head or not mark else []
    rows += [replace(_row(line, names), quoted=True) for line in tail.split("\n")] if mark else []
    parts: list[_Part] = []
    for (kind, _), alike in groupby(rows, lambda row: (row.kind, row.quoted)):
        group = list(alike)
        parts += group if kind == "item" else [_stacked(group)]
    return parts


def _stacked(rows: Sequence[_Part]) -> _Part:
    return replace(rows[0], runs=tuple(run for row in rows for run in (*row.runs, _Run("\n"))))


def _row(line: str, names: Names) -> _Part:
    quote_mark = re.match("(?:>|&gt;) ?", line)
    line = line[quote_mark.end() :] if quote_mark else line
    bullet = _BULLET.match(line)
    runs = tuple(_lex(line[bullet.end() :] if bullet else line, names, _TOKEN))
    indent = min(len(bullet[1]) // 4, 8) if bullet else 0
    return _Part("item" if bullet else "text", runs, indent, quoted=bool(quote_mark))


def _lex(line: str, names: Names, pattern: re.Pattern[str]) -> list[_Run]:
    runs: list[_Run] = []
    opened: dict[str, int] = {}
    at = 0
    while found := pattern.search(line, at):
        runs.append(_Run(_decode(line[at : found.start()])))
        at = found.end()
        if found[0] in _MARKS:
            _mark(runs, opened, found[0], line[: found.start()][-1:], line[at : at + 1])
            continue
        runs.append(_token(found, names))
        # An unknown `:name` leaves its last colon to whatever follows.
        at += runs[-1].emoji != ""
    return [run for run in [*runs, _Run(_decode(line[at:]))] if run.text]


def _mark(runs: list[_Run], opened: dict[str, int], mark: str, before: str, after: str) -> None:
    start = opened.get(mark)
    closes = bool(before.strip()) and not after.isalnum() and after != "`"
    if start is not None and closes and len(runs) > start + 1 and _text_of(runs[start + 1 :]):
        for i in range(start + 1, len(runs)):
            runs[i] = replace(runs[i], style=runs[i].style | {_MARKS[mark]})
        runs[start] = _Run("")
        del opened[mark]
        return
    if start is None and not before.isalnum() and before != "`" and after.strip():
        opened[mark] = len(runs)
    runs.append(_Run(mark))


def _token(found: re.Match[str], names: Names) -> _Run:
    if found[0][0] == "<":
        return _angle(found[0][1:-1], names)
    if found[0][0] == "`":
        return _Run(_coded(found[0][1:-1], names), frozenset({"code"}))
    run = _emoji(found[1] + (found[2] or ""))
    return run if run.emoji else _Run(found[0])


def _angle(inner: str, names: Names) -> _Run:
    body, _, label = inner.partition("|")
    body, label = _decode(body), _decode(label)
    if body[:1] == "@":
        return _user(body[1:], label, names)
    if body[:1] == "#":
        return _channel(body[1:], names)
    if body[:1] == "!":
        return _command(body[1:], label, names)
    if re.match("(?i)[a-z][a-z0-9+.-]*:", body):
        return _link(body, label)
    return _Run(label or f"<{_decode(inner)}>")


def _command(body: str, label: str, names: Names) -> _Run:
    kind, ident, _, url = (*body.split("^"), "", "", "")[:4]
    if kind in {"here", "channel", "everyone"}:
        return _Run("@" + kind)
    if kind == "subteam":
        return _group(ident, label, names)
    if kind == "date":
        return _date(ident, label, url)
    return _Run(label or kind)


# --- Writing -----------------------------------------------------------------------


def _list_key(i: int, part: _Part) -> tuple[str, int, int, bool, int]:
    if part.kind == "item":
        return "item", part.indent, min(part.number, 1), part.quoted, part.number and part.number - i
    return part.kind, 0, 0, part.quoted, i + 1_000_000


def _rich(key: tuple[str, int, int, bool, int], parts: list[_Part]) -> dict[str, Any]:
    kind, indent, ordered, quoted, _ = key
    border = {"border": 1} if quoted else {}
    rows = [[_element(run) for run in part.runs if run.text] for part in parts]
    if kind == "item":
        offset = {"offset": parts[0].number - 1} if parts[0].number > 1 else {}
        sections = [{"type": "rich_text_section", "elements": row} for row in rows]
        style = {"style": "ordered" if ordered else "bullet", "indent": indent}
        return {"type": "rich_text_list", **style, **offset, **border, "elements": sections}
    if kind == "code":
        text = [{"type": "text", "text": _text_of(parts[0].runs)}]
        return {"type": "rich_text_preformatted", "elements": text, **border}
    return {"type": "rich_text_quote" if quoted else "rich_text_section", "elements": rows[0]}


def _element(run: _Run) -> dict[str, Any]:
    name, _, tone = run.emoji.partition("::skin-tone-")
    if run.emoji:
        points = "-".join(f"{ord(char):x}" for char in run.text)
        made: dict[str, Any] = {"type": "emoji", "name": name, "unicode": points}
        made |= {"skin_tone": int(tone)} if tone else {}
    elif run.url:
        made = {"type": "link", "url": run.url, "text": run.text}
    else:
        made = {"type": "text", "text": run.text}
    return made | ({"style": dict.fromkeys(sorted(run.style), True)} if run.style else {})


def _markdown(parts: list[_Part]) -> str:
    out: list[str] = []
    before: _Part | None = None
    margins: list[tuple[int, int]] = []
    for part in _spoken(parts):
        listed = before is not None and before.kind == part.kind == "item" and before.quoted == part.quoted
        margins = [pair for pair in margins if listed and pair[0] < part.indent]
        prefix = "> " if part.quoted else ""
        if before and not (listed and _continues(before, part)):
            out.append(">" if listed and prefix else "")
        out += [(prefix + line) if line else prefix.strip() for line in _block(part, margins)]
        before = part
    return "\n".join(out)


def _continues(before: _Part, part: _Part) -> bool:
    # CommonMark lets an ordered list break into a paragraph only when it starts with 1.
    deeper = part.indent - before.indent
    return part.number < 2 or deeper < 0 or (deeper == 0 and before.number > 0)


def _block(part: _Part, margins: list[tuple[int, int]]) -> list[str]:
    if part.kind == "code":
        return _fenced(_text_of(part.runs), part.language)
    lines = _broken([_line(runs) for runs in _lines(part.runs)])
    if part.kind != "item":
        return lines
    margin = " " * sum(width for _, width in margins)
    marker = f"{part.number}. " if part.number else "- "
    # Four columns nest in CommonMark as in the older dialects.
    margins.append((part.indent, max(4, len(marker))))
    rest = [line and margin + " " * len(marker) + line for line in lines[1:]]
    return [margin + marker + lines[0], *rest]


def _fenced(text: str, language: str) -> list[str]:
    fence = "`" * max(3, *(len(run) + 1 for run in ["", *re.findall("`+", text)]))
    word = language if re.fullmatch("[A-Za-z0-9+#-]+", language) else ""
    return [fence + word, *_unmentioning(text).strip("\n").split("\n"), fence]


def _unmentioning(code: str) -> str:
    # The board may look for its mentions in code as well, where nothing can be escaped.
    return code.replace("@[", "@\u2060[") if "](contact:" in code.lower() else code


def _broken(rows: list[str]) -> list[str]:
    out: list[str] = []
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        if row or (out and out[-1]):
            out.append(row + ("  " if row and following else ""))
    return out if not out or out[-1] else out[:-1]


def _lines(runs: Iterable[_Run]) -> list[list[_Run]]:
    lines: list[list[_Run]] = [[]]
    for run in runs:
        for i, piece in enumerate(run.text.split("\n")):
            if i:
                lines.append([])
            if piece:
                lines[-1].append(_Run(piece, run.style - {"underline"}, run.url))
    return [_merged(line) for line in lines]


def _merged(line: list[_Run]) -> list[_Run]:
    # Two code spans that touch would become one with backticks in it, so code joins code.
    alike = groupby(line, lambda run: (run.url, {"code"} if "code" in run.style else run.style))
    groups = [list(group) for _, group in alike]
    return [replace(group[0], text=_text_of(group)) for group in groups]


def _line(runs: list[_Run]) -> str:
    reach = {name: sum(len(run.text) for run in runs if name in run.style) for name in _DELIMITERS}
    widest = sorted(reach, key=lambda name: -reach[name])
    out = _spans(runs, ("url", *widest, "code"), "", "")
    body = out.strip()
    # Indentation would make a code block; no-break spaces keep the look of it.
    width = len(out[: len(out) - len(out.lstrip())].expandtabs(4))
    indent = "\u00a0" * width if body and width > 1 else ""
    body = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", body)
    return indent + ("\\" if _STARTS.match(body) else "") + body


def _spans(runs: list[_Run], levels: tuple[str, ...], before: str, after: str) -> str:
    if not levels:
        return _literal(_text_of(runs), after)
    level, out = levels[0], []
    alike = groupby(runs, lambda run: run.url if level == "url" else level if level in run.style else "")
    groups = [(value, list(group)) for value, group in alike]
    for i, (value, group) in enumerate(groups):
        then = _opening(groups[i + 1][1][0]) if i + 1 < len(groups) else after
        out.append(_span(value, group, levels[1:], before, then))
        before = out[-1][-1:] or before
    return "".join(out)


def _opening(run: _Run) -> str:
    return "[" if run.url else "`" if "code" in run.style else run.text[0]


def _span(value: str, runs: list[_Run], rest: tuple[str, ...], before: str, after: str) -> str:
    if value == "code":
        return _code_span(_text_of(runs))
    if value in _DELIMITERS:
        return _emphasis(value, runs, rest, before, after)
    return _anchor(value, runs, rest, before, after) if value else _spans(runs, rest, before, after)


def _emphasis(name: str, runs: list[_Run], rest: tuple[str, ...], before: str, after: str) -> str:
    for mark in _DELIMITERS[name]:
        inner = _spans(runs, rest, mark[0], mark[0])
        core = inner.strip()
        lead, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
        if core and _flanks(mark[0], core, lead or before, tail or after):
            return lead + mark + core + mark + tail
    # Words without their style are better than words with asterisks.
    return _spans(runs, rest, before, after)


def _flanks(mark: str, core: str, before: str, after: str) -> bool:
    """Whether CommonMark will surely take the marks around `core` as opening and closing."""
    if mark in (before[-1:], after[:1], core[0], core[-1]):
        return False
    apart = _apart(before[-1:]), _apart(after[:1])
    if mark == "_":
        return all(apart)
    return (core[0].isalnum() or apart[0]) and (core[-1].isalnum() or apart[1])


def _apart(char: str) -> bool:
    punctuation = char in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" or unicodedata.category(char)[0] == "P"
    return punctuation or char.isspace()


def _code_span(text: str) -> str:
    if not text.strip():
        return text
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text[0] == "`" or text[-1] == "`" or text[0] == text[-1] == " " else ""
    return fence + pad + _unmentioning(text) + pad + fence


def _anchor(url: str, runs: list[_Run], rest: tuple[str, ...], before: str, after: str) -> str:
    coded = any("code" in run.style for run in runs)
    if shown := "" if coded else _self_named(url, _text_of(runs), before.strip(), after.strip()):
        return shown
    inner = _spans([replace(run, url="") for run in runs], rest, "[", "]")
    lead, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    # `@[` begins the board's own mentions.
    gap = " " if before == "@" and not lead else ""
    return f"{lead}{gap}[{inner.strip()}]({_destination(url)}){tail}"


def _self_named(url: str, label: str, before: str, after: str) -> str:
    """An address that is its own label, as it is or in angle brackets; "" where neither is safe."""
    if label not in (url, url.removeprefix("mailto:"), url.removeprefix("tel:")):
        return ""
    alone = before in ("", "(") and (not after or after in ".,!?)")
    if alone and _literal(label, "") == label and (label[-1].isalnum() or label[-1] == "/"):
        return label
    # Read as HTML, `/name=` inside angle brackets would be an attribute.
    bracketed = label == url == _address(url) and not re.search(r"/[\w-]+=", url)
    return f"<{url}>" if bracketed else ""


def _address(url: str) -> str:
    return re.sub(r"""[\s<>"'`\\{}|^]""", lambda found: quote(found[0]), url)


def _destination(url: str) -> str:
    url = re.sub(r"&(?=#?\w+;)", "&amp;", _address(url))
    depth, deepest = 0, 0
    for char in url:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, abs(depth) if depth >= 0 else 99)
    return url if depth == 0 and deepest < 9 else url.replace("(", "%28").replace(")", "%29")


def _literal(text: str, after: str) -> str:
    """Text escaped so that it renders as typed; `after` is the character that will follow."""
    text = _LITERAL.sub(lambda found: "\\" + found[0], text)
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")
    if after.isalnum() or after in ("#", ";"):
        text = re.sub(r"&(?=#?\w*$)", "&amp;", text)
    return text[:-1] + "\\!" if after == "[" and text.endswith("!") else text
