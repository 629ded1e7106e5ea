"""Reading mrkdwn: https://docs.slack.dev/messaging/formatting-message-text."""

import re
from collections.abc import Sequence
from itertools import groupby

from bridge.words import references
from bridge.words.emoji import SHORT_NAME, emoji_run
from bridge.words.names import Names
from bridge.words.parts import Part, Run, text_of

_MARKS = {"*": "bold", "_": "italic", "~": "strike"}
_TOKEN = re.compile(r"(?<![^\W_])`[^`]+`|<[^<>]*>|[*_~]|" + SHORT_NAME.pattern)
_BULLET = re.compile("([ \u00a0]*)[•◦▪▫] +")


def escape(text: str) -> str:
    """Somebody's text for Slack's mrkdwn, where it can mention nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decode(text: str) -> str:
    """The three characters that Slack escapes, as themselves."""
    return re.sub("&(amp|lt|gt);", lambda m: {"amp": "&", "lt": "<", "gt": ">"}[m[1]], text)


def mrkdwn_parts(text: str, names: Names) -> list[Part]:
    """The parts of a text: code between its fences, paragraphs, quotes and items around them."""
    pieces = text.split("```")
    if len(pieces) % 2 == 0:
        pieces[-2:] = ["```".join(pieces[-2:])]  # the last fence is never closed, so it is text
    parts: list[Part] = []
    for i, piece in enumerate(pieces):
        if i % 2 and piece.strip():
            parts.append(Part("code", (Run(_coded(piece, names).strip("\n")),)))
        else:
            parts += _paragraphs(f"```{piece}```" if i % 2 else piece, names)
    return parts


def _coded(text: str, names: Names) -> str:
    # Slack wraps links and mentions in code too; its wrapping would show ids.
    return decode(re.sub("<([^<>\n]+)>", lambda m: escape(_angle(m[1], names).text), text))


def _paragraphs(text: str, names: Names) -> list[Part]:
    head, mark, tail = text, "", ""
    if found := re.search("^(?:>|&gt;){3}", text, re.MULTILINE):
        head, mark, tail = text[: found.start()], found[0], text[found.end() :]
    rows = [_row(line, names) for line in head.split("\n")] if head or not mark else []
    rows += [_row(line, names)._replace(quoted=True) for line in tail.split("\n")] if mark else []
    parts: list[Part] = []
    for (kind, _), alike in groupby(rows, lambda row: (row.kind, row.quoted)):
        group = list(alike)
        parts += group if kind == "item" else [_stacked(group)]
    return parts


def _stacked(rows: Sequence[Part]) -> Part:
    return rows[0]._replace(runs=tuple(run for row in rows for run in (*row.runs, Run("\n"))))


def _row(line: str, names: Names) -> Part:
    quote_mark = re.match("(?:>|&gt;) ?", line)
    line = line[quote_mark.end() :] if quote_mark else line
    bullet = _BULLET.match(line)
    runs = tuple(lex(line[bullet.end() :] if bullet else line, names, _TOKEN))
    indent = min(len(bullet[1]) // 4, 8) if bullet else 0
    return Part("item" if bullet else "text", runs, indent, quoted=bool(quote_mark))


def lex(line: str, names: Names, pattern: re.Pattern[str]) -> list[Run]:
    """A line's runs; `pattern` finds everything in it that is more than its characters."""
    runs: list[Run] = []
    opened: dict[str, int] = {}
    at = 0
    while found := pattern.search(line, at):
        runs.append(Run(decode(line[at : found.start()])))
        at = found.end()
        if found[0] in _MARKS:
            _mark(runs, opened, found[0], line[max(0, found.start() - 1) : found.start()], line[at : at + 1])
            continue
        runs.append(_token(found, names))
        # An unknown `:name` leaves its last colon to whatever follows.
        at += runs[-1].emoji != ""
    return [run for run in [*runs, Run(decode(line[at:]))] if run.text]


def _mark(runs: list[Run], opened: dict[str, int], mark: str, before: str, after: str) -> None:
    start = opened.get(mark)
    closes = bool(before.strip()) and not after.isalnum() and after != "`"
    if start is not None and closes and len(runs) > start + 1 and text_of(runs[start + 1 :]):
        for i in range(start + 1, len(runs)):
            runs[i] = runs[i]._replace(style=runs[i].style | {_MARKS[mark]})
        runs[start] = Run("")
        del opened[mark]
        return
    if start is None and not before.isalnum() and before != "`" and after.strip():
        opened[mark] = len(runs)
    runs.append(Run(mark))


def _token(found: re.Match[str], names: Names) -> Run:
    if found[0][0] == "<":
        return _angle(found[0][1:-1], names)
    if found[0][0] == "`":
        return Run(_coded(found[0][1:-1], names), frozenset({"code"}))
    run = emoji_run(found[1] + (found[2] or ""))
    return run if run.emoji else Run(found[0])


def _angle(inner: str, names: Names) -> Run:
    body, _, label = inner.partition("|")
    body, label = decode(body), decode(label)
    if body[:1] == "@":
        return references.user(body[1:], label, names)
    if body[:1] == "#":
        return references.channel(body[1:], names)
    if body[:1] == "!":
        return references.command(body[1:], label, names)
    if re.match("(?i)[a-z][a-z0-9+.-]*:", body):
        return references.link(body, label, names)
    return Run(label or f"<{decode(inner)}>")
