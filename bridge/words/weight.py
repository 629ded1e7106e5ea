"""How much there is to read in a message, before it is read: conversion costs a time for each character."""

from collections.abc import Mapping
from typing import Any

# Their values are names of Slack's, not anybody's words.
_NAMES = ("type", "block_id", "action_id")


def weight_of(message: Mapping[str, Any]) -> int:
    """The characters of its words, with those of their markup and addresses, and one for each piece of JSON.

    The text is read where the blocks say nothing, so whichever is heavier counts.
    """
    blocks, text = _weight(message.get("blocks")), len(str(message.get("text") or ""))
    return max(blocks, text) + _weight([message.get("attachments"), message.get("files")])


def _weight(node: Any) -> int:
    pending, total = [node], 0
    while pending:
        node, total = pending.pop(), total + 1
        if isinstance(node, str):
            total += len(node)
        elif isinstance(node, Mapping):
            pending += [value for name, value in node.items() if name not in _NAMES]
        elif isinstance(node, list):
            pending += node
    return total
