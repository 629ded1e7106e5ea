"""Reading messages: the blocks or else the text, the attachments, the files' names."""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from bridge.words import references, slack_links
from bridge.words.mrkdwn import decode, mrkdwn_parts
from bridge.words.names import Names
from bridge.words.parts import Part, Run, clean, spoken, styled, text_at, text_of
from bridge.words.rich_text import block_parts, maps

_LABELLED = re.compile(r"<[@!](?:subteam\^)?([A-Z0-9]+)\|@?([^<>|]+)>")
# Slack's own words where a client can show nothing, and below a message that was forwarded.
_NO_PREVIEW = "[no preview available]"
# What marks an attachment as a message from another conversation.
_UNFURLED = ("is_msg_unfurl", "is_reply_unfurl", "is_share", "channel_id", "message_blocks")


def parts_of(blocks: object, text: object, names: Names) -> list[Part]:
    """The blocks' parts, or the text's where the blocks say nothing."""
    given = clean(text)
    # Slack writes the handles of groups into the text, and only their ids into the blocks.
    if labels := {ident: decode(label) for ident, label in _LABELLED.findall(given)}:
        names = replace(names, labels=labels)
    return _discreet(spoken(block_parts(blocks, names)) or spoken(mrkdwn_parts(given, names)), names)


def _discreet(parts: list[Part], names: Names) -> list[Part]:
    """The parts without Slack's addresses that may not be told, wherever somebody typed one: in code, in a label."""
    return [
        _discreet_part(part, names) if slack_links.may_lead_to_slack(text_of(part.runs)) else part for part in parts
    ]


def _discreet_part(part: Part, names: Names) -> Part:
    """Marks that turned out to be none, as in an address, have cut the text; a style may have cut it too."""
    alike = groupby(part.runs, lambda run: (run.style, run.url))
    runs = [Run(slack_links.told(text_of(group), names), *key) for key, group in alike]
    whole = slack_links.told(text_of(runs), names)
    if whole == text_of(part.runs):
        return part
    return part._replace(runs=tuple(runs) if whole == text_of(runs) else (Run(whole),))


def parts_of_message(message: object, names: Names) -> list[Part]:
    """A whole message's parts: its words, its attachments, its files' names."""
    if not isinstance(message, Mapping):
        return []
    attached = [part for node in maps(message.get("attachments")) for part in _attachment(node, names)]
    said = parts_of(message.get("blocks"), message.get("text"), names)
    if message.get("subtype") == "me_message":
        said = styled(said, "italic")
    return said + _discreet(spoken([*attached, *_files(message.get("files"))]), names)


def _files(files: object) -> list[Part]:
    """Files that are words are read; the others are named, as Slack shows them."""
    read = [(node, _words_of_file(node)) for node in maps(files)]
    called = [text_at(node, "title", "name") for node, words in read if not words]
    listed = "\n".join("File in Slack: " + " ".join(name.split()) for name in called if name.strip())
    return [*(part for _, words in read for part in words), Part("text", (Run(listed),))]


def _words_of_file(node: Mapping[str, Any]) -> list[Part]:
    """An e-mail that was sent into a channel, a snippet, or what Slack heard in a recording.

    https://docs.slack.dev/reference/objects/file-object
    """
    mode = text_at(node, "mode")
    if mode == "email":
        senders = [text_at(each, "original", "name", "address") for each in maps(node.get("from"))]
        subject = Run(text_at(node, "subject", "title"), frozenset({"bold"}))
        head = Part("text", (subject, Run("\n" + ", ".join(filter(None, senders)))))
        return [head, Part("text", (Run(text_at(node, "plain_text", "preview_plain_text")),))]
    if mode == "snippet" and (preview := text_at(node, "preview")):
        more = Run("\n…") if node.get("preview_is_truncated") or node.get("lines_more") else Run("")
        return [Part("text", (Run(text_at(node, "title", "name")),)), Part("code", (Run(preview), more))]
    transcription = node.get("transcription")
    heard = transcription.get("preview") if isinstance(transcription, Mapping) else None
    if isinstance(heard, Mapping) and (content := text_at(heard, "content")):
        more = Run(" …") if heard.get("has_more") else Run("")
        return [Part("text", (Run(text_at(node, "title", "name")),)), Part("text", (Run(content), more), quoted=True)]
    return []


def _attachment(node: Mapping[str, Any], names: Names) -> list[Part]:
    # An unfurled message may come from a private channel that its readers here never saw.
    if any(node.get(key) for key in _UNFURLED) and not names.channels.get(text_at(node, "channel_id")):
        return []
    forwarded = [part for each in maps(node.get("message_blocks")) for part in _forwarded(each.get("message"), names)]
    footer = "" if node.get("is_share") or node.get("is_msg_unfurl") else text_at(node, "footer")
    said = [
        *mrkdwn_parts(text_at(node, "pretext"), names),
        _linked(node, "author_link", "author_name", names),
        _linked(node, "title_link", "title", names),
        *(forwarded or mrkdwn_parts(text_at(node, "text"), names)),
        *(part for pair in maps(node.get("fields")) for part in _field(pair, names)),
        *block_parts(node.get("blocks"), names),
        *block_parts(node.get("actions"), names),
        _picture(node, names),
        *_files(node.get("files")),
        *mrkdwn_parts(footer, names),
    ]
    fallback = text_at(node, "fallback")
    return spoken(said) or mrkdwn_parts("" if fallback == _NO_PREVIEW else fallback, names)


def _forwarded(message: object, names: Names) -> list[Part]:
    """A forward is a message: its blocks and attachments are read like any other's."""
    if not isinstance(message, Mapping):
        return []
    attached = [part for node in maps(message.get("attachments")) for part in _attachment(node, names)]
    return spoken([*block_parts(message.get("blocks"), names), *attached])


def _linked(node: Mapping[str, Any], url: str, label: str, names: Names) -> Part:
    shown = decode(text_at(node, label))
    return Part("text", (references.link(text_at(node, url) if shown.strip() else "", shown, names),))


def _field(pair: Mapping[str, Any], names: Names) -> list[Part]:
    title = Run(decode(text_at(pair, "title")), frozenset({"bold"}))
    first, *more = mrkdwn_parts(text_at(pair, "value"), names)
    if first.kind == "text" and not first.quoted:
        return [Part("text", (title, Run("\n"), *first.runs)), *more]
    return [Part("text", (title,)), first, *more]


def _picture(node: Mapping[str, Any], names: Names) -> Part:
    url = text_at(node, "image_url")
    # The picture that a link in the message itself leads to is there already.
    told = url in (text_at(node, "from_url"), text_at(node, "original_url"))
    return Part("text", () if told else (references.link(url, "", names),))
