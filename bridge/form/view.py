"""The form as people see it; `read_back` reads it back, and each is the other's proof. Pure.

Limits of Block Kit: https://docs.slack.dev/surfaces/modals and the pages of each element.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from bridge.form.signed_metadata import Seal
from bridge.language import sentences
from bridge.post import attachment
from bridge.post.attachment import File
from bridge.post.draft import MOST_GUESTS, Origin
from bridge.telling.blocks import FORM, Block, button, context, option, plain, section
from bridge.words.mrkdwn import escape

MORE = "more_options"
# The block that says so, which goes once they are known.
PLACES_UNKNOWN = "places_unknown"

# Slack's ceiling for what stands in a text field, in characters.
MOST_TYPED = 3000
# Slack's ceiling for the options in a select, and in a group of options.
MOST_OPTIONS = 100


@dataclass(frozen=True)
class FormMemory:
    """What a form's private_metadata remembers, and the choices in it that change what is carried.

    `original` names a kept message attached whole below what is typed, `conversation` a kept thread, `prefill` is
    the digest of the words that the message field opened with, `files` names the kept list of the message's files.
    `ticked` are the chosen ones of these by id, `thread_ticked` of the thread's, `spared` those that were unticked.
    `again` is the draft that was not posted and whose words the form opened with.
    """

    origin: Origin
    credit: str | None = None
    anonymous: bool = False
    original: str | None = None
    threaded: bool = False
    whole: bool = False
    conversation: str | None = None
    thread_said: str = ""
    prefill: str = ""
    files: str | None = None
    ticked: tuple[str, ...] = ()
    thread_ticked: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    more: bool = False
    left: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    again: str = ""


# What Slack sends back with the form by itself.
_CHOICES = ("anonymous", "whole", "ticked", "thread_ticked")


@dataclass(frozen=True, kw_only=True)
class Form(FormMemory):
    """What a form shows."""

    subject: str = ""
    message: Mapping[str, Any] | None = None
    tags: str = ""
    listed: tuple[File, ...] = ()
    thread_listed: tuple[File, ...] = ()
    locations: tuple[Mapping[str, Any], ...] = ()
    location: int | None = None
    groups: tuple[Mapping[str, Any], ...] = ()
    group: int | None = None
    may_choose: bool = True
    delivery: Literal["digest", "instant"] = "digest"
    private: bool = False
    guests: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    places_unknown: str = ""
    warning: str = ""


def form_view(form: Form, seal: Seal) -> Block:
    """The form as a modal. Its private_metadata carries what Slack will not send back otherwise."""
    blocks = [
        *(context(note) for note in form.notes),
        *_places_unknown(form),
        # Before the fields: the end of a form is out of sight until somebody looks for it.
        *([section(form.warning) | {"block_id": "warning"}] if form.warning else []),
        _input("subject", _text("subject", form.subject)),
        _input("message", _rich_text(form.message)),
        *_files_blocks("files", form.listed),
        *_thread_blocks(form),
        *_credit_block(form),
        *_location_block(form),
        *_group_block(form),
        _input("tags", _text("tags", form.tags), optional=True),
        *([_delivery_block(form)] if form.may_choose else []),
        *_more_blocks(form),
    ]
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": plain(sentences.TITLE),
        "submit": plain(sentences.BUTTONS["post"]),
        "close": plain(sentences.BUTTONS["cancel"]),
        "notify_on_close": True,
        "private_metadata": _metadata(form, seal),
        "blocks": blocks,
    }


def _places_unknown(form: Form) -> list[Block]:
    """Whose fault it is that the form lacks its locations and groups."""
    if not form.places_unknown:
        return []
    told = sentences.PLACES_UNKNOWN.format(why=sentences.FAULTS[form.places_unknown])
    return [context(told) | {"block_id": PLACES_UNKNOWN}]


def _metadata(form: Form, seal: Seal) -> str:
    names = [each.name for each in fields(FormMemory) if each.name not in ("origin", *_CHOICES)]
    kept = {name: getattr(form, name) for name in names}
    return _dump({"origin": asdict(form.origin)} | {name: value for name, value in kept.items() if value}, seal)


def _dump(memory: Mapping[str, Any], seal: Seal) -> str:
    # At most 3,000 characters, which escapes would use up. https://docs.slack.dev/surfaces/modals
    return seal.close(json.dumps(memory, separators=(",", ":"), ensure_ascii=False))


def _input(name: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """The field `name`: its block and action ids, its label, and its hint if it has one."""
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": plain(sentences.LABELS[name]),
        "optional": optional,
        "element": element | {"action_id": name},
    }
    shown = hint or sentences.HINTS.get(name)
    return block | ({"hint": plain(shown)} if shown else {})


def _text(name: str, value: str) -> Block:
    element: Block = {"type": "plain_text_input", "placeholder": plain(sentences.PLACEHOLDERS[name])}
    return element | ({"initial_value": value[:MOST_TYPED]} if value else {})


def _rich_text(value: Mapping[str, Any] | None) -> Block:
    element: Block = {"type": "rich_text_input"}
    return element | ({"initial_value": value} if value else {})


def _files_blocks(name: str, files: Sequence[File], spared: Collection[str] = ()) -> list[Block]:
    """The boxes for the files that can be carried, and below them why the others cannot."""
    options = [option(attachment.label(each), str(each["id"])) for each in files if not each.get("reason")]
    chosen = [each for each in options if each["value"] not in spared]
    boxes: Block = {"type": "checkboxes", "options": options} | ({"initial_options": chosen} if chosen else {})
    return [*([_input(name, boxes, optional=True)] if options else []), *_staying(files)]


def _staying(files: Sequence[File]) -> list[Block]:
    """The files that cannot be carried and why, a few of them, before anybody counts on them."""
    stay = [(str(each["name"]), sentences.file_reason(each)) for each in files if each.get("reason")]
    if not stay:
        return []
    one = len({why for _, why in stay}) == 1  # then it is said once, after all of them
    told = ", ".join(sentences.some_of([name if one else f"{name} ({why})" for name, why in stay], 5))
    said = f"{told} ({stay[0][1]})" if one else told
    return [context(sentences.FILES_STAY.format(files=escape(said)))]


def _thread_blocks(form: Form) -> list[Block]:
    """The choice of the whole thread, and what it brings only while it is made: the form shows what would cross."""
    if not form.threaded:
        return []
    choice = option(sentences.CHOICES["thread"], "thread")
    boxes: Block = {"type": "checkboxes", "options": [choice]} | ({"initial_options": [choice]} if form.whole else {})
    # Read only once it is chosen, so the choice must reach us before the form is sent.
    chosen = _input("thread", boxes, optional=True, hint=form.thread_said if form.whole else "")
    files = _files_blocks("thread_files", form.thread_listed, form.spared) if form.whole else []
    return [chosen | {"dispatch_action": True}, *files]


def _credit_block(form: Form) -> list[Block]:
    if not (form.credit or form.threaded):
        return []
    choice = option(sentences.CHOICES["credit"], "credit")
    boxes: Block = {"type": "checkboxes", "options": [choice]}
    chosen = {} if form.anonymous else {"initial_options": [choice]}
    return [_input("credit", boxes | chosen, optional=True)]


def _location_block(form: Form) -> list[Block]:
    if len(form.locations) < 2:
        return []
    options = [option(str(each["Name"]), str(each["Id"])) for each in form.locations[:MOST_OPTIONS]]
    element: Block = {
        "type": "static_select",
        "placeholder": plain(sentences.PLACEHOLDERS["location"]),
        "options": options,
    }
    chosen = [each for each in options if each["value"] == str(form.location)]
    # The groups follow the location, so a change must reach us before the form is sent.
    block = _input("location", element | ({"initial_option": chosen[0]} if chosen else {}))
    return [block | {"dispatch_action": True}]


def _group_block(form: Form) -> list[Block]:
    if not form.groups:
        return []
    options = [option(str(each["Name"]), str(each["Id"])) for each in form.groups]
    element: Block = {"type": "static_select", "placeholder": plain(sentences.PLACEHOLDERS["group"])}
    if len(options) > MOST_OPTIONS:
        element["option_groups"] = [_option_group(options[at : at + 100]) for at in range(0, len(options), 100)]
    else:
        element["options"] = options
    chosen = [each for each in options if each["value"] == str(form.group)]
    return [_input("group", element | ({"initial_option": chosen[0]} if chosen else {}), optional=True)]


def _option_group(options: list[Block]) -> Block:
    first, last = options[0]["text"]["text"], options[-1]["text"]["text"]
    return {"label": plain(f"{first[:34]} – {last[:34]}"), "options": options}


def _delivery_block(form: Form) -> Block:
    digest, instant = [
        option(sentences.CHOICES[name], name, sentences.DESCRIPTIONS[name]) for name in ("digest", "instant")
    ]
    initial = instant if form.delivery == "instant" else digest
    element = {"type": "radio_buttons", "options": [digest, instant], "initial_option": initial}
    return _input("delivery", element)


def _more_blocks(form: Form) -> list[Block]:
    if not form.more:
        press = button(sentences.BUTTONS["more"], MORE, "more")
        return [{"type": "actions", "block_id": "more", "elements": [press]}]
    return _private_blocks(private=form.private, guests=form.guests)


def _private_blocks(*, private: bool, guests: tuple[str, ...]) -> list[Block]:
    choice = option(sentences.CHOICES["private"], "private")
    boxes: Block = {"type": "checkboxes", "options": [choice]}
    people: Block = {"type": "multi_users_select", "placeholder": plain(sentences.PLACEHOLDERS["guests"])}
    people["max_selected_items"] = MOST_GUESTS
    return [
        _input("private", boxes | ({"initial_options": [choice]} if private else {}), optional=True),
        _input("guests", people | ({"initial_users": list(guests)} if guests else {}), optional=True),
    ]


def with_more(view: Mapping[str, Any], seal: Seal) -> Block:
    """An open form with the fields behind its button; everything else stays as it is."""
    shown = list(view.get("blocks") or [])
    at = next((n for n, block in enumerate(shown) if block.get("block_id") == "more"), len(shown))
    kept_memory = seal.open(str(view.get("private_metadata") or ""))
    memory = _dump({**json.loads(kept_memory), "more": True}, seal) if kept_memory else ""
    kept = {name: view[name] for name in ("type", "callback_id", "title", "submit", "close") if view.get(name)}
    blocks = [*shown[:at], *_private_blocks(private=False, guests=()), *shown[at + 1 :]]
    return kept | {"notify_on_close": True, "private_metadata": memory, "blocks": blocks}
