"""Hostile text through every field, in both directions: it comes out dead, and as the characters typed."""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.form.signed_metadata import Seal
from bridge.form.view import Form, form_view
from bridge.post import draft as drafts
from bridge.post.conversation import Conversation
from bridge.post.draft import Draft, Origin, Outcome
from bridge.post.entry import Entry
from bridge.telling import blocks
from bridge.words.conversions import inert, message_to_markdown, name_to_markdown, to_plain
from bridge.words.into_form import as_rich_text
from bridge.words.mrkdwn import escape
from bridge.words.names import Names
from tests.support.hostile import HOSTILE
from tests.support.shown import Alive, Raw, Shown, alive, bare, check_rich
from tests.support.typed import link, mrkdwn_to_markdown, rich, rows, said, section, to_markdown

Json = dict[str, Any]

UNKNOWN: list[Json] = [
    {"type": "user", "user_id": "U1"}, said(" "), {"type": "channel", "channel_id": "C1"}, said(" "),
    {"type": "usergroup", "usergroup_id": "S1"}, {"type": "user", "user_id": "U1", "style": {"bold": True, "code": True}},
]  # fmt: skip


def named(text: str) -> str:
    """Display names, channels' and groups' names, in every style."""
    names = Names({"U1": text}, {"C1": text}, labels={"S1": text}, late=frozenset({"U1"}))
    late = said("ask @U1 (@U1)", "italic")
    return to_markdown([*section(*UNKNOWN), *section(late), *rich(rows("bullet", "@U1"))], "", names)


def labelled(text: str) -> str:
    label = text.replace("|", "")
    return mrkdwn_to_markdown(
        f"<@U9|{label}> <#C9|{label}> <!subteam^S9|{label}> <!date^0^{{date}}|{label}> <!x|{label}> <http://a.example|{label}>"
    )


def elements(text: str) -> str:
    odd: list[Json] = [
        {"type": "emoji", "name": text, "unicode": text}, {"type": "color", "value": text},
        {"type": "date", "timestamp": text, "fallback": text, "url": text}, {"type": "broadcast", "range": text},
        {"type": "team", "team_id": text}, {"type": "novel", "text": text, "url": text}, {"type": "user", "user_id": text},
    ]  # fmt: skip
    return to_markdown(section(*odd))


def attached(text: str) -> str:
    keys = ("pretext", "author_name", "author_link", "title", "title_link", "text", "footer", "image_url", "fallback")
    everything = dict.fromkeys(keys, text) | {"fields": [{"title": text, "value": text}], "blocks": blocks_of(text)}
    attachments = [everything, {"fallback": text}, {"actions": [{"type": "button", "text": text, "url": text}]}]
    return message_to_markdown({"text": text, "attachments": attachments, "files": [{"name": text}]})


def blocks_of(text: str) -> list[Json]:
    mrkdwn, plain = {"type": "mrkdwn", "text": text}, {"type": "plain_text", "text": text}
    image = {"type": "image", "image_url": text, "alt_text": text, "title": plain}
    button = {"type": "button", "text": plain, "url": text}
    return [
        {"type": "section", "text": mrkdwn, "fields": [plain, mrkdwn], "accessory": image},
        {"type": "header", "text": plain}, {"type": "context", "elements": [mrkdwn, image]}, image,
        {"type": "actions", "elements": [button]}, {"type": "markdown", "text": text},
        {"type": "table", "rows": [[{"type": "raw_text", "text": text}, section(said(text))[0]]] * 2},
        {"type": "video", "title": plain, "title_url": text, "video_url": text, "alt_text": text},
        {"type": "novel", "content": text, "deeper": {"body": text, "items": [text]}},
    ]  # fmt: skip


def coded(text: str) -> str:
    block = {"type": "rich_text_preformatted", "language": text, "elements": [said(text), link(text, text)]}
    return to_markdown([*section(said("a "), said(text, "code")), *rich(block, {**block, "border": 1})])


def conversed(text: str) -> str:
    """Speakers, apps, the time zone, and what they said."""
    said_ = [{"ts": "1", "user": "U1", "text": text}, {"ts": "2", "username": text, "text": escape(text)}]
    return Conversation(tuple(said_), 9, text).markdown(Names({"U1": text}))


FIELDS: dict[str, Callable[[str], str]] = {
    "rich text": lambda text: to_markdown(section(said(text))),
    "in words": lambda text: to_markdown(section(said("a"), said(text, "bold"), said(text, "italic", "strike"), said("b"))),
    "lists and quotes": lambda text: to_markdown(
        rich(rows("bullet", text, text), rows("ordered", text, indent=1), {"type": "rich_text_quote", "elements": [said(text)]})
    ),
    "code": coded,
    "mrkdwn": mrkdwn_to_markdown,
    "escaped mrkdwn": lambda text: mrkdwn_to_markdown(f"> {escape(text)}\n• *{escape(text)}*"),
    "labels": labelled,
    "names": named,
    "link text": lambda text: to_markdown(section(said("!"), link("https://a.example/", text), said("(x)"))),
    "addresses": lambda text: to_markdown(section(link(text, text), link(text, "x"), link("https://a.example/" + text, "y", "bold"))),
    "typed addresses": lambda text: mrkdwn_to_markdown(f"<{text}|x> <{text}> <https://a.example/{text}>"),
    "elements": elements,
    "attachments": attached,
    "whole threads": conversed,
    "credit": lambda text: f"Originally by {name_to_markdown(text)}, shared by **{name_to_markdown(text)}** · x",
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_text_is_dead_on_the_board(field: str) -> None:
    """Rendered as CommonMark with HTML enabled, no element, attribute, scheme or mention is alive but our own."""
    for text in HOSTILE:
        out = FIELDS[field](text)
        out.encode()
        assert alive(out) == [], (text, out)


@pytest.mark.parametrize("field", sorted(set(FIELDS) - {"code"}))
def test_hostile_text_is_dead_where_the_board_shows_html(field: str) -> None:
    """Taken for HTML itself, the Markdown has no element but a bracketed address. Code is left as it was written."""
    for text in HOSTILE:
        if "`" not in text:
            page = Raw(re.sub(r"(`+).*?\1", "", FIELDS[field](text), flags=re.DOTALL))
            assert [tag for tag in page.tags if not tag.startswith(("http", "mailto:", "tel:"))] == [], text
            assert page.obeyed == [], text


@pytest.mark.parametrize("field", ["rich text", "lists and quotes", "link text"])
def test_hostile_text_is_read_as_typed(field: str) -> None:
    """Whatever was tried, the reader sees the characters, as often as they were written."""
    for text in HOSTILE:
        typed = bare(to_plain(section(said(text))))
        shown = bare(Shown(FIELDS[field](text)).text)
        if typed:
            assert shown in (typed, typed * 4, f"!{typed}(x)"), text


def test_a_hostile_name_is_only_a_name() -> None:
    """A name keeps its characters on one line, and holds nothing that a renderer would link by itself."""
    for text in HOSTILE:
        out = name_to_markdown(text)
        assert "\n" not in out
        assert not re.search(r"(?i)\w@\w|://|www\.", out), text
        assert bare(Shown(f"by {out}").text) == bare(
            "by" + re.sub("[\u202a-\u202e]", "", to_plain(section(said(text))))
        )


def test_a_subject_and_tags_are_dead_and_read_as_typed() -> None:
    """Plain fields: no element in them taken for HTML, nothing for the board's stripping filter, no mention."""
    for text in HOSTILE:
        draft = Draft(Origin("T", "U", 0), text, ({"mrkdwn": "x"},), tags=drafts.parse_tags(text))
        for line in (inert(draft.subject), drafts.compose_tags(draft)):
            assert Alive(line).found == []
            assert not re.search(
                r"(?s)<.*?>|[\x00-\x1f\ud800-\udfff]|(?i)@\[[^\]]*\]\(contact:".replace("(?i)", ""), line
            )
            assert inert(line) == line
        same = to_plain(section(said(text)))
        assert bare(inert(text).replace("‹", "<").replace("›", ">")) == bare(same), text


# ── back in Slack ────────────────────────────────────────────────────────────


def texts(node: Any) -> Iterator[Json]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def shows(node: Json) -> None:
    """Every text of a message or view is plain, or escaped but for our own link and date, and never parsed anew."""
    for each in texts(node):
        if each.get("type") != "plain_text":
            ours = r"<https://board\.example/1(\|[^<>]*)?>|<!date\^\d+\^[^<>]*>|<@UANA>"
            assert not re.search("[<>]", re.sub(ours, "", each["text"])), each
            assert each.get("type") != "mrkdwn" or each["verbatim"] is True


def test_hostile_subjects_and_groups_are_dead_in_slack() -> None:
    """Reports, the status and the form notify nobody, whatever subject, group, reason or file they show."""
    for text in HOSTILE:
        draft = Draft(Origin("T", "UANA", 0), text, (), left=(text,))
        posted = Outcome("posted", detail={"group": text, "name": text}, link="https://board.example/1")
        refused = Outcome("refused", "board_refused", detail={"said": text}, fields={"Subject": text})
        file = {"id": "F1", "name": text, "type": "image/png", "size": 1, "url": "", "link": text}
        files = ({**file, "state": "stays", "reason": "gone"},)
        entries = [Entry("r", "posted", draft, 1, outcome=outcome, files=files) for outcome in (posted, refused, None)]
        for entry in entries:
            shows(blocks.report_message(entry, entry.outcome))
            shows(blocks.report_view(entry, entry.outcome))
        shows(blocks.status_message(entries, "/community"))
        shows(blocks.waiting_message("r", text))
        groups = ({"Id": 1, "Name": text},)
        form = Form(
            draft.origin, subject=text, tags=text, locations=groups * 2, groups=groups, listed=(file,), threaded=True
        )
        shows(form_view(form, Seal.of("xoxb")))


def test_hostile_messages_are_dead_in_the_form() -> None:
    """A field is prefilled with text, emoji and living links, never with a mention of anybody."""
    names = Names(dict.fromkeys(["U1"], "<!channel>"))
    for text in HOSTILE:
        message = {
            "blocks": [*section(said(text), link(text, text), *UNKNOWN), *blocks_of(text)],
            "attachments": [{"text": text}],
        }
        block, _ = as_rich_text(message, names, 100_000)
        check_rich(block)
