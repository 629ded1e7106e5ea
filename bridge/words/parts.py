"""Runs of styled text, the parts that they make up, and how JSON of any shape is read into them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

_ODD = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSAFE = re.compile("[\0-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_BREAK = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class Run(NamedTuple):
    """A stretch of text in one style; `emoji` is its short name, where it is one."""

    text: str
    style: frozenset[str] = frozenset()
    url: str = ""
    emoji: str = ""


class Part(NamedTuple):
    """A paragraph, an item or code: `kind` is text, item or code."""

    kind: str
    runs: tuple[Run, ...]
    indent: int = 0
    number: int = 0
    quoted: bool = False
    language: str = ""


def clean(value: object) -> str:
    """Text without control characters, its lines ended by line feeds; "" for whatever is no text."""
    if not isinstance(value, str):
        return ""
    if not _ODD.search(value):
        return value
    return re.sub("[\ud800-\udfff]", "\ufffd", _UNSAFE.sub("", _BREAK.sub("\n", value)))


def text_at(node: Mapping[str, Any], *keys: str) -> str:
    """The first of these keys that holds text."""
    for key in keys:
        if text := clean(node.get(key)):
            return text
    return ""


def count(value: object, most: int) -> int:
    """A whole number from 0 to `most`; 0 for whatever is no number."""
    return max(0, min(int(value), most)) if isinstance(value, int) else 0


def text_of(runs: Iterable[Run]) -> str:
    """What the runs say."""
    return "".join(run.text for run in runs)


def spoken(parts: Iterable[Part]) -> list[Part]:
    """The parts that say something."""
    return [part for part in parts if text_of(part.runs).strip()]


def styled(parts: Iterable[Part], style: str) -> list[Part]:
    """The parts with one style more on every run."""
    return [part._replace(runs=tuple(run._replace(style=run.style | {style}) for run in part.runs)) for part in parts]
