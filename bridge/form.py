"""The form as people see it; `filled` reads it back, and each is the other's proof. Pure.

Limits of Block Kit: https://docs.slack.dev/surfaces/modals and the pages of each element.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bridge import sentences
from bridge.blocks import FORM, Block, button, context, option, plain
from bridge.draft import Origin

MORE = "more_options"

# Slack's ceiling for what stands in a text field, in characters.
MOST_TYPED = 3000
# Slack's ceiling for the options in a select, and in a group of options.
MOST_OPTIONS = 100


@dataclass(frozen=True)
class Form:
    """What a form shows. `original` names a kept message attached whole below what is typed."""

    origin: Origin
    subject: str = ""
    message: Mapping[str, Any] | None = None
    tags: str = ""
    credit: str | None = None
    original: str | None = None
    left: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    locations: tuple[Mapping[str, Any], ...] = ()
    location: int | None = None
    groups: tuple[Mapping[str, Any], ...] = ()
    group: int | None = None
    may_choose: bool = True
    delivery: Literal["digest", "instant"] = "digest"
    more: bool = False
    private: bool = False
    guests: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def form_view(form: Form) -> Block:
    """The form as a modal. Its private_metadata carries what Slack will not send back otherwise."""
    blocks = [
        *(context(note) for note in form.notes),
        _input("subject", "Subject", _text(form.subject, "One line that says what it is about"), hint=""),
        _input("message", "Message", _rich_text(form.message)),
        *_location_block(form),
        *_group_block(form),
        _input("tags", "Tags", _text(form.tags, "events, coffee"), optional=True, hint="Separated by commas"),
        *([_delivery_block(form)] if form.may_choose else []),
        *_more_blocks(form),
    ]
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": plain(sentences.TITLE),
        "submit": plain("Post"),
        "close": plain("Cancel"),
        "notify_on_close": True,
        "private_metadata": _metadata(form),
        "blocks": blocks,
    }


def _metadata(form: Form) -> str:
    kept = {
        "origin": asdict(form.origin),
        "credit": form.credit,
        "original": form.original,
        "more": form.more,
        "left": form.left,
        "unnamed": form.unnamed,
    }
    return _dump(kept)


def _dump(memory: Mapping[str, Any]) -> str:
    # At most 3,000 characters, which escapes would use up. https://docs.slack.dev/surfaces/modals
    return json.dumps(memory, separators=(",", ":"), ensure_ascii=False)


def _input(name: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": plain(label),
        "optional": optional,
        "element": element | {"action_id": name},
    }
    return block | ({"hint": plain(hint)} if hint else {})


def _text(value: str, placeholder: str) -> Block:
    element: Block = {"type": "plain_text_input", "placeholder": plain(placeholder)}
    return element | ({"initial_value": value[:MOST_TYPED]} if value else {})


def _rich_text(value: Mapping[str, Any] | None) -> Block:
    element: Block = {"type": "rich_text_input"}
    return element | ({"initial_value": value} if value else {})


def _location_block(form: Form) -> list[Block]:
    if len(form.locations) < 2:
        return []
    options = [option(str(each["Name"]), str(each["Id"])) for each in form.locations[:MOST_OPTIONS]]
    element: Block = {
        "type": "static_select",
        "placeholder": plain("Where should it appear?"),
        "options": options,
    }
    chosen = [each for each in options if each["value"] == str(form.location)]
    # The groups follow the location, so a change must reach us before the form is sent.
    block = _input("location", "Location", element | ({"initial_option": chosen[0]} if chosen else {}))
    return [block | {"dispatch_action": True}]


def _group_block(form: Form) -> list[Block]:
    if not form.groups:
        return []
    options = [option(str(each["Name"]), str(each["Id"])) for each in form.groups]
    element: Block = {"type": "static_select", "placeholder": plain("The whole board")}
    if len(options) > MOST_OPTIONS:
        element["option_groups"] = [_option_group(options[at : at + 100]) for at in range(0, len(options), 100)]
    else:
        element["options"] = options
    chosen = [each for each in options if each["value"] == str(form.group)]
    return [_input("group", "Group", element | ({"initial_option": chosen[0]} if chosen else {}), optional=True)]


def _option_group(options: list[Block]) -> Block:
    first, last = options[0]["text"]["text"], options[-1]["text"]["text"]
    return {"label": plain(f"{first[:34]} – {last[:34]}"), "options": options}


def _delivery_block(form: Form) -> Block:
    digest = option("With the daily digest", "digest", "People read it in their next digest mail")
    instant = option("Right away", "instant", "Members get a mail for this post alone; use it sparingly")
    initial = instant if form.delivery == "instant" else digest
    element = {"type": "radio_buttons", "options": [digest, instant], "initial_option": initial}
    return _input("delivery", "Delivery", element)


def _more_blocks(form: Form) -> list[Block]:
    if not form.more:
        press = button("More options", MORE, "more")
        return [{"type": "actions", "block_id": "more", "elements": [press]}]
    return _private_blocks(private=form.private, guests=form.guests)


def _private_blocks(*, private: bool, guests: tuple[str, ...]) -> list[Block]:
    choice = option("Only me and the guests can read it", "private")
    boxes: Block = {"type": "checkboxes", "options": [choice]}
    people: Block = {"type": "multi_users_select", "placeholder": plain("Who else can read it?")}
    return [
        _input(
            "private",
            "Private",
            boxes | ({"initial_options": [choice]} if private else {}),
            optional=True,
        ),
        _input(
            "guests",
            "Guests",
            people | ({"initial_users": list(guests)} if guests else {}),
            optional=True,
            hint="They are mentioned and told. A private post needs at least one.",
        ),
    ]


def with_more(view: Mapping[str, Any]) -> Block:
    """An open form with the fields behind its button; everything else stays as it is."""
    shown = list(view.get("blocks") or [])
    at = next((n for n, block in enumerate(shown) if block.get("block_id") == "more"), len(shown))
    kept_memory = view.get("private_metadata")
    try:
        memory = {**json.loads(kept_memory), "more": True} if isinstance(kept_memory, str) else {"more": True}
    except (ValueError, TypeError):
        memory = {"more": True}
    kept = {name: view[name] for name in ("type", "callback_id", "title", "submit", "close") if view.get(name)}
    blocks = [*shown[:at], *_private_blocks(private=False, guests=()), *shown[at + 1 :]]
    return kept | {"notify_on_close": True, "private_metadata": _dump(memory), "blocks": blocks}


def notes_of(view: Mapping[str, Any]) -> tuple[str, ...]:
    """The notes above an open form's fields, so that redrawing it keeps them."""
    contexts = [block for block in view.get("blocks", []) if block.get("type") == "context"]
    found = [each for block in contexts for each in _first(block.get("elements"))]
    return tuple(str(each.get("text")) for each in found)


def _first(elements: object) -> list[Mapping[str, Any]]:
    first = elements[0] if isinstance(elements, list) and elements else None
    return [first] if isinstance(first, Mapping) else []
