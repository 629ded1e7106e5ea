"""Writing CommonMark that renders as typed: https://spec.commonmark.org."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import groupby
from urllib.parse import quote

from bridge.words.parts import Part, Run, spoken, text_of

_DELIMITERS = {"bold": ("**", "__"), "italic": ("_", "*"), "strike": ("~~",)}
_LITERAL = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|\s*$)|[`\[\]]|(?<!\s)\*|\*(?!\s)|(?<!\s)~|~(?=~)"
    r"|(?<![^\W_])(?<!\s)_|(?<=\s)_(?!\s)|(?<=[^\W_])_(?![^\W_])"
)
_REFERENCE = re.compile(r"&(?=#?\w+;)")
_NUMBER = re.compile(r"(\d+)([.)])(?=\s|$)")
_MAIL = re.compile(r"mailto:[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_STARTS = re.compile(r"[#>]|[-+*](?=\s|$)|=+$|[-:|][-:|\s]*$")


def markdown_of(parts: list[Part]) -> str:
    """The parts as one CommonMark text."""
    out: list[str] = []
    before: Part | None = None
    margins: list[tuple[int, int]] = []
    for part in spoken(parts):
        listed = before is not None and before.kind == part.kind == "item" and before.quoted == part.quoted
        margins = [pair for pair in margins if listed and pair[0] < part.indent]
        prefix = "> " if part.quoted else ""
        if before and not (listed and _continues(before, part)):
            out.append(">" if listed and prefix else "")
        out += [(prefix + line) if line else prefix.strip() for line in _block(part, margins)]
        before = part
    return "\n".join(out)


def _continues(before: Part, part: Part) -> bool:
    # CommonMark lets an ordered list break into a paragraph only when it starts with 1.
    deeper = part.indent - before.indent
    return part.number < 2 or deeper < 0 or (deeper == 0 and before.number > 0)


def _block(part: Part, margins: list[tuple[int, int]]) -> list[str]:
    if part.kind == "code":
        return _fenced(text_of(part.runs), part.language)
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
    return [fence + language, *unmentioning(text).strip("\n").split("\n"), fence]


def unmentioning(code: str) -> str:
    """Code in which the board will find no mention of its own."""
    # The board may look for its mentions in code as well, where nothing can be escaped; the other half of one may
    # stand anywhere behind it.
    return code.replace("@[", "@\u2060[")


def _broken(rows: list[str]) -> list[str]:
    out: list[str] = []
    for row, following in zip(rows, [*rows[1:], ""], strict=True):
        if row or (out and out[-1]):
            out.append(row + ("  " if row and following else ""))
    return out if not out or out[-1] else out[:-1]


def _lines(runs: Iterable[Run]) -> list[list[Run]]:
    lines: list[list[Run]] = [[]]
    for run in runs:
        style = run.style - {"underline"} if run.style else run.style
        for i, piece in enumerate(run.text.split("\n")):
            if i:
                lines.append([])
            if piece:
                lines[-1].append(Run(piece, style, run.url))
    return [_merged(line) for line in lines]


def _merged(line: list[Run]) -> list[Run]:
    if len(line) < 2:
        return line
    # Two code spans that touch would become one with backticks in it, so code joins code.
    alike = groupby(line, lambda run: (run.url, {"code"} if "code" in run.style else run.style))
    groups = [list(group) for _, group in alike]
    shared = [frozenset.intersection(*(run.style for run in group)) for group in groups]
    return [Run(text_of(group), style, group[0].url) for group, style in zip(groups, shared, strict=True)]


def _line(runs: list[Run]) -> str:
    out = _spans(runs, _levels(runs), "", "")
    body = out.strip()
    # Indentation would make a code block; no-break spaces keep the look of it.
    width = len(out[: len(out) - len(out.lstrip())].expandtabs(4))
    indent = "\u00a0" * width if body and width > 1 else ""
    body = _NUMBER.sub(r"\1\\\2", body, count=1) if _NUMBER.match(body) else body
    return indent + ("\\" if _STARTS.match(body) else "") + body


def _levels(runs: list[Run]) -> tuple[str, ...]:
    """What has marks in this line, from the outside in: the wider a style, the further out."""
    reach: dict[str, int] = {}
    for run in runs:
        for name in run.style:
            reach[name] = reach.get(name, 0) + len(run.text)
    widest = sorted((name for name in _DELIMITERS if name in reach), key=lambda name: -reach[name])
    links = ("url",) if any(run.url for run in runs) else ()
    return (*links, *widest, *(("code",) if "code" in reach else ()))


def _spans(runs: list[Run], levels: tuple[str, ...], before: str, after: str) -> str:
    if not levels:
        return _literal(text_of(runs), after)
    level, out = levels[0], []
    alike = groupby(runs, lambda run: run.url if level == "url" else level if level in run.style else "")
    groups = [(value, list(group)) for value, group in alike]
    for i, (value, group) in enumerate(groups):
        then = _opening(groups[i + 1][1][0]) if i + 1 < len(groups) else after
        out.append(_span(value, group, levels[1:], before, then))
        before = out[-1][-1:] or before
    return "".join(out)


def _opening(run: Run) -> str:
    return "[" if run.url else "`" if "code" in run.style else run.text[0]


def _span(value: str, runs: list[Run], rest: tuple[str, ...], before: str, after: str) -> str:
    if value == "code":
        return _code_span(text_of(runs))
    if value in _DELIMITERS:
        return _emphasis(value, runs, rest, before, after)
    return _anchor(value, runs, rest, before) if value else _spans(runs, rest, before, after)


def _emphasis(name: str, runs: list[Run], rest: tuple[str, ...], before: str, after: str) -> str:
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
    return fence + pad + unmentioning(text) + pad + fence


def _anchor(url: str, runs: list[Run], rest: tuple[str, ...], before: str) -> str:
    # Nothing inside the brackets could carry a style.
    if shown := "" if any(run.style for run in runs) else _self_named(url, text_of(runs)):
        return shown
    # A line that begins with [`]:` is the definition of a reference, code or not.
    inner = _spans([run._replace(url="", style=run.style - _uncoded(run)) for run in runs], rest, "[", "]")
    lead, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    # `@[` begins the board's own mentions.
    gap = "\u2060" if before == "@" and not lead else ""
    return f"{lead}{gap}[{inner.strip()}]({_destination(url)}){tail}"


def _uncoded(run: Run) -> frozenset[str]:
    return frozenset({"code"}) if "]:" in run.text else frozenset()


def _self_named(url: str, label: str) -> str:
    """An address that is its own label, in angle brackets; "" where renderers would not agree upon it."""
    if _MAIL.fullmatch(url) and label == url.removeprefix("mailto:"):
        return f"<{label}>"
    # Read as HTML, `/name=` inside angle brackets would be an attribute.
    same = label == url == _address(url) and not _REFERENCE.search(url)
    return f"<{url}>" if same and not re.search(r"/[\w-]+=", url) else ""


def _address(url: str) -> str:
    # `@[` begins the board's own mentions, wherever it stands.
    return re.sub(r"""[\s<>"'`\\{}|^]|(?<=@)\[""", lambda found: quote(found[0]), url)


def _destination(url: str) -> str:
    url = _REFERENCE.sub("&amp;", _address(url))
    depth, deepest = 0, 0
    for char in url:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, abs(depth) if depth >= 0 else 99)
    return url if depth == 0 and deepest < 9 else url.replace("(", "%28").replace(")", "%29")


def _literal(text: str, after: str) -> str:
    """Text escaped so that it renders as typed; `after` is the character that will follow."""
    text = _LITERAL.sub(lambda found: "\\" + found[0], text)
    if "&" in text:
        text = _REFERENCE.sub("&amp;", text)
    text = text.replace("<", "&lt;")
    if after.isalnum() or after in ("#", ";"):
        text = re.sub(r"&(?=#?\w*$)", "&amp;", text)
    return text[:-1] + "\\!" if after == "[" and text.endswith("!") else text
