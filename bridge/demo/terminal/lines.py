"""Slack's blocks and the board's records as plain lines for a terminal of 80 columns."""

import html
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from bridge.demo.loopback import Json
from bridge.demo.slack.views import VALUES

WIDTH = 78


def heading(title: str) -> None:
    lines("", "", title, "-" * WIDTH)


def paragraph(text: str) -> None:
    lines("", *textwrap.wrap(text, WIDTH))


def typed(text: str) -> None:
    lines("", *textwrap.wrap(text, WIDTH, initial_indent="  > ", subsequent_indent="    "))


def box(title: str, content: Iterable[str]) -> None:
    """A titled quotation; long lines are wrapped, links are left whole."""
    lines("", f"  {title}", *(f"    | {each}".rstrip() for line in content for each in _wrapped(line)))


def _wrapped(line: str) -> list[str]:
    # Markdown's links hold spaces, too.
    whole = re.sub(r"\[[^\]]*\]\([^)]*\)", lambda found: found[0].replace(" ", "\0"), line)
    wrapped = textwrap.wrap(whole, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return [each.replace("\0", " ") for each in wrapped] or [""]


def lines(*each: str) -> None:
    for line in each:
        typer.echo(line)


def message(shown: Json, names: Mapping[str, str]) -> list[str]:
    """A message or a view as the person sees it."""
    blocks = shown.get("blocks") or [{"type": "section", "text": {"text": shown.get("text", "")}}]
    state = shown.get("state", {}).get("values", {})
    found = [line for block in blocks for line in _block(block, state, names)]
    if title := shown.get("title"):
        found = [f"[ {title['text']} ]", *found]
    return found


def _block(block: Json, state: Json, names: Mapping[str, str]) -> list[str]:
    kind = block["type"]
    if kind == "section":
        return _said(block["text"]["text"], names)
    if kind == "context":
        return [line for each in block["elements"] for line in _said(each["text"], names)]
    if kind == "actions":
        return ["  ".join(f"[{each['text']['text']}]" for each in block["elements"])]
    if kind == "input":
        element = block["element"]
        value = state.get(block["block_id"], {}).get(element["action_id"], {})
        first, *more = _value(value, names).splitlines() or ["-"]
        return [f"{block['label']['text'] + ':':<10} {first}", *(" " * 11 + each for each in more)]
    return []


def _said(mrkdwn: str, names: Mapping[str, str]) -> list[str]:
    text = re.sub(r"<@(\w+)>", lambda found: f"@{names.get(found[1], found[1])}", mrkdwn)
    text = re.sub(r"<(https?:[^|>]+)\|([^>]*)>", r"\2\n\1", text)
    text = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"\1", text)
    return html.unescape(text).splitlines()


def _value(state: Json, names: Mapping[str, str]) -> str:
    held = state.get(VALUES[state["type"]][0]) if state else None
    if isinstance(held, dict) and "elements" in held:
        return spoken(held, names)
    if isinstance(held, dict):
        return str(held["text"]["text"])
    return ", ".join(map(str, held)) if isinstance(held, list) else str(held or "")


def spoken(rich: Any, names: Mapping[str, str]) -> str:
    """Slack's rich text as the words in it."""
    if rich.get("type") == "user":
        return f"@{names.get(rich['user_id'], rich['user_id'])}"
    if rich.get("type") == "emoji":
        return f":{rich['name']}:"
    return str(rich.get("text", "")) + "".join(spoken(each, names) for each in rich.get("elements", ()))


def thread(record: Json, author: str, group: str | None) -> list[str]:
    """A thread as it stands on the board."""
    how = "at once, to everybody" if record["InstantDelivery"] else "with the daily digest"
    return [
        f"Author:    {author} (UserId {record['UserId']})",
        f"Subject:   {record['Subject']}",
        f"Tags:      {record['Tags'] or '-'}",
        f"Sent:      {how}, to {group or 'the whole board'}",
        "",
        *record["Message"].splitlines(),
    ]
