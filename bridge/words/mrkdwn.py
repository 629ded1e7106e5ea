"""Reading mrkdwn: https://docs.slack.dev/messaging/formatting-message-text."""

import re
from collections.abc import Sequence
from itertools import groupby

from bridge.words import references
from bridge.words.emoji import SHORT_NAME, emoji_run
from bridge.words.names import Names
from bridge.words.parts import Part, Run

_MARKS = {"*": "bold", "_": "italic", "~": "strike"}
# A code span starts after no letter, digit or closing bracket, and two backticks are none. A bare address keeps its
# underscores, and ends before what may end a sentence or a style.
_TOKEN = re.compile(
    r"(?<![^\W_])(?<![)\]}`])`(?!`)[^`]+`(?!`)|<[^<>]*>|https?://[^\s<>|`]*[^\s<>|`*_~.,;:!?)\]}'\"]|[*_~]|"
    + SHORT_NAME.pattern
)
_BULLET = re.compile("([ \u00a0]*)[•◦▪▫] +")
# It ends at three backticks that no fourth follows.
_FENCE = re.compile("(?s)```(.*?)```(?!`)")
_QUOTE = re.compile("(?:>|&gt;) ?")
_LONE = re.compile(r"(?:>|&gt;){3}\s*")
# Before and after what a mark neither opens nor closes; beside its own kind it is only itself.
_CLOSED_BEFORE, _OPEN_AFTER = ")]}@\\`", "(@&|\\`"


def escape(text: str) -> str:
    """Somebody's text for Slack's mrkdwn, where it can mention nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decode(text: str) -> str:
    """The three characters that Slack escapes, as themselves."""
    return re.sub("&(amp|lt|gt);", lambda m: {"amp": "&", "lt": "<", "gt": ">"}[m[1]], text)


def mrkdwn_parts(text: str, names: Names) -> list[Part]:
    """The parts of a text: code between its fences, paragraphs, quotes and items around them."""
    parts: list[Part] = []
    at = 0
    for found in _FENCE.finditer(text):
        if not found[1].strip():
            continue
        before = text[at : found.start()]
        line = before[before.rfind("\n") + 1 :]
        quoted = bool(_QUOTE.fullmatch(line))
        before = before[: len(before) - len(line)] if quoted else before
        parts += _paragraphs(before, names) if before else []
        code = re.sub(f"(?m)^{_QUOTE.pattern}", "", found[1]) if quoted else found[1]
        parts.append(Part("code", (Run(_coded(code, names).strip("\n")),), quoted=quoted))
        at = found.end()
    return parts + (_paragraphs(text[at:], names) if text[at:] or not parts else [])


def _coded(text: str, names: Names) -> str:
    # Slack wraps links and mentions in code too; its wrapping would show ids.
    return decode(re.sub("<([^<>\n]+)>", lambda m: escape(_angle(m[1], names).text), text))


def _paragraphs(text: str, names: Names) -> list[Part]:
    head, mark, tail = text, "", ""
    if (found := re.search("^(?:>|&gt;){3}", text, re.MULTILINE)) and text[found.end() :].strip():
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
    quote_mark = None if _LONE.fullmatch(line) else _QUOTE.match(line)
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
        runs += _token(found, names)
        # An unknown `:name` leaves its last colon to whatever follows.
        at += runs[-1].emoji != ""
    return [run for run in [*runs, Run(decode(line[at:]))] if run.text]


def _mark(runs: list[Run], opened: dict[str, int], mark: str, last: str, following: str) -> None:
    """Opens or closes a style, as Slack does; what does neither is text, and ends the hope of an opener of its kind.

    `_` within a word is a letter. A mark right behind another one opens only where that one has just opened.
    """
    inside = last.isalnum() and following.isalnum()
    if (mark == "_" and inside) or mark in (last, following):
        runs.append(Run(mark))
        return
    start = opened.pop(mark, None)
    closes = bool(last.strip()) and not following.isalnum() and not (following and following in _OPEN_AFTER)
    if start is not None and closes and any(map(_says, runs[start + 1 :])):
        for i in range(start + 1, len(runs)):
            runs[i] = runs[i]._replace(style=runs[i].style | {_MARKS[mark]})
        runs[start] = Run("")
        return
    behind_mark = last in _MARKS and opened.get(last) != len(runs) - 2
    if following.strip() and not (last.isalnum() or (last and last in _CLOSED_BEFORE) or behind_mark):
        opened[mark] = len(runs)
    runs.append(Run(mark))


def _says(run: Run) -> bool:
    """Whether somebody would see a style on it: `*/*` and `¯\\_(ツ)_/¯` are no words."""
    return bool(run.emoji or run.url) or any(map(str.isalnum, run.text))


def _token(found: re.Match[str], names: Names) -> list[Run]:
    if found[0][0] == "<":
        return _angle_runs(found[0][1:-1], names)
    if found[0][0] == "`":
        return [Run(_coded(found[0][1:-1], names), frozenset({"code"}))]
    if found[0][0] == "h":
        return [Run(decode(found[0]))]
    run = emoji_run(found[1] + (found[2] or ""))
    return [run if run.emoji else Run(found[0])]


def _angle_runs(inner: str, names: Names) -> list[Run]:
    """A link's label may have marks and code in it; whatever else stands in angle brackets is one run."""
    whole, label = _angle(inner, names), inner.partition("|")[2]
    if not (whole.url and whole.text == decode(label)):
        return [whole]
    return [run._replace(url=whole.url) for run in lex(label, names, _TOKEN)]


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
