"""Reading messages: the blocks or else the text, the attachments, the files' names."""

from collections.abc import Mapping
from typing import Any

from bridge.words import nouns
from bridge.words.mrkdwn import decode, mrkdwn_parts
from bridge.words.nouns import Names
from bridge.words.rich_text import block_parts
from bridge.words.runs import Part, Run, clean, spoken, text_at


def parts_of(blocks: object, text: object, names: Names) -> list[Part]:
    """The blocks' parts, or the text's where the blocks say nothing."""
    return spoken(block_parts(blocks, names)) or spoken(mrkdwn_parts(clean(text), names))


def parts_of_message(message: object, names: Names) -> list[Part]:
    """A whole message's parts: its words, its attachments, its files' names."""
    if not isinstance(message, Mapping):
        return []
    attached = [part for node in _maps(message.get("attachments")) for part in _attachment(node, names)]
    called = (text_at(node, "name", "title") for node in _maps(message.get("files")))
    listed = "\n".join("File: " + " ".join(name.split()) for name in called if name.strip())
    said = parts_of(message.get("blocks"), message.get("text"), names)
    return said + spoken([*attached, Part("text", (Run(listed),))])


def _maps(nodes: object) -> list[Mapping[str, Any]]:
    return [node for node in nodes if isinstance(node, Mapping)] if isinstance(nodes, list) else []


def _attachment(node: Mapping[str, Any], names: Names) -> list[Part]:
    # An unfurled message may come from a private channel that its readers here never saw.
    unfurled = node.get("is_msg_unfurl") or node.get("is_reply_unfurl")
    if unfurled and not names.channels.get(text_at(node, "channel_id")):
        return []
    title = Part("text", (nouns.link(text_at(node, "title_link"), decode(text_at(node, "title"))),))
    said = [*mrkdwn_parts(text_at(node, "pretext"), names), title]
    fields = [text for pair in _maps(node.get("fields")) for text in (pair.get("title"), pair.get("value"))]
    for text in (node.get("text"), *fields):
        said += mrkdwn_parts(clean(text), names)
    return spoken(said + block_parts(node.get("blocks"), names)) or mrkdwn_parts(text_at(node, "fallback"), names)
