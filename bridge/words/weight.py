"""How much there is to read in a message, before it is read: conversion costs a time for each character."""

from collections.abc import Mapping
from typing import Any

# Their values are names of Slack's, not anybody's words.
_NAMES = ("type", "block_id", "action_id")


def weight(message: Mapping[str, Any]) -> int:
    """The characters of its words, with those of their markup and addresses. No more than what Slack sent."""
    pending: list[Any] = [message.get("blocks") or message.get("text"), message.get("attachments")]
    total = 0
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            total += len(node)
        elif isinstance(node, Mapping):
            pending += [value for name, value in node.items() if name not in _NAMES]
        elif isinstance(node, list):
            pending += node
    return total
