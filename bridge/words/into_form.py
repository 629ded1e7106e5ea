"""Writing what Slack accepts back: the rich text that a form opens with."""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from bridge.words.message import parts_of_message
from bridge.words.names import Names
from bridge.words.parts import Part, Run, text_of

# A whole view takes 250 kB. https://docs.slack.dev/reference/methods/views.open
_MOST_BYTES = 200_000


def as_rich_text(message: Mapping[str, Any], names: Names, limit: int) -> tuple[dict[str, Any] | None, bool]:
    """A message as a rich_text_input's `initial_value`, and whether it was too long for one.

    `limit` counts visible characters; what is too much JSON for a view is too long as well.
    (None, True) is too long, (None, False) says nothing.
    https://docs.slack.dev/reference/block-kit/block-elements/rich-text-input-element
    """
    parts = parts_of_message(message, replace(names, inside=True))
    if sum(len(run.text) for part in parts for run in part.runs) > limit:
        return None, True
    grouped = groupby(enumerate(parts), lambda pair: _list_key(*pair))
    elements = [_rich(key, [part for _, part in group]) for key, group in grouped]
    block = {"type": "rich_text", "elements": elements}
    if len(json.dumps(block)) > _MOST_BYTES:
        return None, True
    return block if elements else None, False


def _list_key(i: int, part: Part) -> tuple[str, int, int, bool, int]:
    if part.kind == "item":
        return "item", part.indent, min(part.number, 1), part.quoted, part.number and part.number - i
    return part.kind, 0, 0, part.quoted, i + 1_000_000


def _rich(key: tuple[str, int, int, bool, int], parts: list[Part]) -> dict[str, Any]:
    kind, indent, ordered, quoted, _ = key
    border = {"border": 1} if quoted else {}
    rows = [[_element(run) for run in part.runs if run.text] for part in parts]
    if kind == "item":
        offset = {"offset": parts[0].number - 1} if parts[0].number > 1 else {}
        sections = [{"type": "rich_text_section", "elements": row} for row in rows]
        style = {"style": "ordered" if ordered else "bullet", "indent": indent}
        return {"type": "rich_text_list", **style, **offset, **border, "elements": sections}
    if kind == "code":
        text = [{"type": "text", "text": text_of(parts[0].runs)}]
        known = {"language": parts[0].language} if parts[0].language else {}
        return {"type": "rich_text_preformatted", "elements": text, **border, **known}
    return {"type": "rich_text_quote" if quoted else "rich_text_section", "elements": rows[0]}


def _element(run: Run) -> dict[str, Any]:
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
