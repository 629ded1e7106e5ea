"""Emoji by their short names.

emoji.json: every short name of the npm package emoji-datasource 16 with its characters.
"""

import json
import re
from functools import cache
from importlib.resources import files

from bridge.words.parts import Run, clean

SHORT_NAME = re.compile(r"(?<!\d):([a-z0-9_+'-]+)(::skin-tone-[2-6](?:-[2-6])?)?(?=:)")


def emoji_run(name: str, code: str = "", tone: int = 0) -> Run:
    """A standard emoji as its characters, two people of two tones without any; a custom one as its `:name:`."""
    base, _, suffix = name.partition("::skin-tone-")
    tone = int(suffix) if suffix in {"2", "3", "4", "5", "6"} else tone if 2 <= tone <= 6 else 0
    given = _characters(code)
    text = given or _table().get(base, "")
    if not text:
        return Run(f":{name}:" if name else "")
    if tone and not re.search("[\U0001f3fb-\U0001f3ff]", text):
        text = text[0] + chr(0x1F3F9 + tone) + text[1:].removeprefix("\ufe0f")
    plain = re.fullmatch(r"[a-z0-9_+'-]+", base)
    return Run(text, emoji=base + (f"::skin-tone-{tone}" if tone else "") if plain else "")


def _characters(code: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{2,6}(-[0-9a-fA-F]{2,6}){0,15}", code):
        return ""
    points = [int(point, 16) for point in code.split("-")]
    return clean("".join(map(chr, points))) if max(points) <= 0x10FFFF else ""


@cache
def _table() -> dict[str, str]:
    """Slack's short names with their characters."""
    table: dict[str, str] = json.loads(files("bridge.words").joinpath("emoji.json").read_text("utf-8"))
    return table
