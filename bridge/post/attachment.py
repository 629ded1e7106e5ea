"""A file of Slack on its way to a thread, as JSON, and which files can be carried at all. Pure.

{"id", "name", "type", "size", "url", "link", "state", "reason", ...}. Waiting, it may be tried; adding, the board
was asked and may have it; there, the board says that it has it; then it is added, or it stays in Slack with a reason:

    waiting ──► adding ──► there ──► added
       └──────────┴─────────┴──────► stays
"""

import json
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.post import filename
from bridge.words.mrkdwn import escape

File = Mapping[str, Any]

# The scope without which Slack hands out no file's content. https://docs.slack.dev/reference/scopes/files.read
SCOPE = "files:read"

ENDED = ("added", "stays")
# A checkbox group of Slack has room for so many; the others stay.
# https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
MOST = 10

_PERMALINK = re.compile(r"https://[a-z0-9.-]+\.slack(?:-gov)?\.com/[^\s<>|\"']+")
KIND = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+_-]*")
# What a browser could run, whatever an operator allows.
LIVE = re.compile(r"(?i)html|svg|xml|javascript|ecmascript|x-sh|msdownload|x-executable")
OFFICE = re.compile(r"application/vnd\.(openxmlformats-officedocument|oasis\.opendocument)\.[a-z0-9.+-]+")


@dataclass(frozen=True)
class Rules:
    """`types` are MIME types, "image/*" for all of a kind; `most_bytes` for one file; `on`: any are carried."""

    on: bool
    types: frozenset[str]
    most_bytes: int

    def allows(self, kind: str) -> bool:
        """Whether a file of this MIME type may be carried; nothing that a browser could run ever is."""
        if not KIND.fullmatch(kind) or (LIVE.search(kind) and not OFFICE.fullmatch(kind)):
            return False
        return kind in self.types or f"{kind.partition('/')[0]}/*" in self.types


def listed(files: object, rules: Rules) -> list[File]:
    """A message's files as they may be carried, each once; those that cannot be have their `reason`."""
    given = [each for each in files if isinstance(each, Mapping)] if isinstance(files, list) else []
    found = list({str(each.get("id")): _file(each, rules) for each in given}.values())
    free = [each for each in found if "reason" not in each]
    late = {each["id"] for each in free[MOST:]}
    return [each | {"reason": "too_many"} if each["id"] in late else each for each in found]


def _file(file: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    size = file.get("size")
    made = {
        "id": str(file.get("id")),
        "name": filename.cleaned(file.get("name") or file.get("title")),
        "type": str(file.get("mimetype") or "").lower(),
        "size": size if isinstance(size, int) else 0,
        "url": str(file.get("url_private_download") or file.get("url_private") or ""),
        "link": str(file.get("permalink") or ""),
    }
    reason = _reason(file, made, rules)
    return made | ({"reason": reason} if reason else {})


def _reason(file: Mapping[str, Any], made: Mapping[str, Any], rules: Rules) -> str | None:
    if not rules.on:
        return "off"
    if filename.runs(made["name"]) or not all(rules.allows(each) for each in filename.kinds(made["name"])):
        return "type"  # a board that goes by the name would serve it as what it says there
    if file.get("is_external") or file.get("mode") == "external":
        return "elsewhere"
    # https://docs.slack.dev/reference/objects/file-object: deleted, beyond the plan's limit, or of another workspace.
    shown = file.get("file_access", "visible") == "visible" and file.get("mode") not in ("tombstone", "hidden_by_limit")
    if not (made["url"] and shown):
        return "gone"
    if not rules.allows(made["type"]):
        return "type"
    return "too_large" if made["size"] > rules.most_bytes else None


def of_thread(file: File) -> File:
    """A file that hangs on another message of the thread, and crosses only with it."""
    return {**file, "of_thread": True}


def chosen(listed: Sequence[File], ticked: Collection[str]) -> tuple[File, ...]:
    """What a sent form asks for, under names that differ; what cannot be carried stays on the list to be told."""
    wanted = [each for each in listed if each.get("reason") or each["id"] in ticked]
    names: dict[str, int] = {}
    return tuple({**each, "name": _distinct(str(each["name"]), names)} for each in wanted)


def _distinct(name: str, names: dict[str, int]) -> str:
    """The board's files are told apart by their names alone."""
    names[name.casefold()] = count = names.get(name.casefold(), 0) + 1
    if count == 1:
        return name
    stem, ending = filename.parted(name)
    return _distinct(f"{stem} ({count}){ending}", names)


def in_two(files: Sequence[File]) -> tuple[tuple[File, ...], tuple[File, ...]]:
    """A message's own files, as many as one group of boxes has room for, and the others of its thread."""
    own = [each for each in files if not each.get("of_thread")]
    free = [each["id"] for each in own if not each.get("reason")][:MOST]
    first = tuple(each for each in own if each.get("reason") or each["id"] in free)
    return first, tuple(each for each in files if each not in first)


def planned(files: Sequence[File]) -> tuple[str, int]:
    """The files of a draft whose thread exists now, as JSON, and how many are to be added."""
    plan = [{**each, "state": "stays" if each.get("reason") else "waiting"} for each in files]
    return json.dumps(plan), sum(each["state"] == "waiting" for each in plan)


def is_same(record: Mapping[str, Any], thread: int, file: File) -> bool:
    """Whether a record of the board is this file: of this thread, and under its name."""
    return record.get("CommunityThreadId") == thread and _text(record.get("Name")) == _text(file["name"])


def _text(value: object) -> str:
    return " ".join(unicodedata.normalize("NFC", str(value or "")).split()).casefold()


def label(file: File) -> str:
    """A file for a checkbox: its name and size."""
    size = int(file["size"])
    told = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
    name = filename.fitted(str(file["name"]), 55)
    return f"{name} ({told})" if size else name


def linked(file: File) -> str:
    """A file for a report: its name with its link in Slack, as mrkdwn."""
    name, link = escape(str(file["name"])), str(file.get("link") or "")
    return f"<{link}|{name}>" if _PERMALINK.fullmatch(link) else name
