"""The form: writing it, and reading it back; each is the other's proof. Pure.

Limits of Block Kit: https://docs.slack.dev/surfaces/modals and the pages of each element.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bridge import sentences
from bridge.blocks import FORM, Block, button, context, option, plain
from bridge.draft import Draft, Origin, Outcome, Problem, parse_tags

MORE = "more_options"

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
    return json.dumps(kept, separators=(",", ":"))


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
    return element | ({"initial_value": value[:3000]} if value else {})


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
    digest = option("With the daily digest", "digest", "Most posts: people read it in the morning mail")
    instant = option("Right away", "instant", "Notifies everybody who follows at once; use it sparingly")
    initial = instant if form.delivery == "instant" else digest
    element = {"type": "radio_buttons", "options": [digest, instant], "initial_option": initial}
    return _input("delivery", "Delivery", element)


def _more_blocks(form: Form) -> list[Block]:
    if not form.more:
        press = button("More options", MORE, "more")
        return [{"type": "actions", "block_id": "more", "elements": [press]}]
    choice = option("Only me and the guests can read it", "private")
    private: Block = {"type": "checkboxes", "options": [choice]}
    people: Block = {"type": "multi_users_select", "placeholder": plain("People in this workspace")}
    return [
        _input(
            "private",
            "Private",
            private | ({"initial_options": [choice]} if form.private else {}),
            optional=True,
        ),
        _input(
            "guests",
            "Guests",
            people | ({"initial_users": list(form.guests)} if form.guests else {}),
            optional=True,
            hint="They are mentioned and told. A private post needs at least one.",
        ),
    ]


def notes_of(view: Mapping[str, Any]) -> tuple[str, ...]:
    """The notes above an open form's fields, so that redrawing it keeps them."""
    contexts = [block for block in view.get("blocks", []) if block.get("type") == "context"]
    return tuple(str(block["elements"][0].get("text")) for block in contexts if block.get("elements"))


@dataclass(frozen=True)
class FormMemory:
    """What a form's private_metadata remembers."""

    origin: Origin
    credit: str | None
    original: str | None = None
    more: bool = False
    left: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()


def read_memory(view: Mapping[str, Any], user: str, team: str) -> FormMemory:
    """The memory of a form, for the person who really acted: the payload's ids win over the form's."""
    try:
        data = json.loads(view.get("private_metadata") or "{}")
        origin = Origin(**data["origin"])
    except (ValueError, TypeError, KeyError):
        data, origin = {}, Origin(team, user, 0.0)
    origin = replace(origin, user=user, team=team, view=str(view.get("id")))
    return FormMemory(
        origin,
        credit=_str(data.get("credit")),
        original=_str(data.get("original")),
        more=bool(data.get("more")),
        left=_strings(data.get("left")),
        unnamed=_strings(data.get("unnamed")),
    )


def read_form(view: Mapping[str, Any], user: str, team: str) -> tuple[Draft, FormMemory]:
    """The draft that a sent form asks for; whatever is not of the expected shape counts as not given."""
    memory = read_memory(view, user, team)
    values = _values(view)
    rich = values.get("message", {}).get("rich_text_value")
    chosen = _list(values.get("private", {}).get("selected_options"))
    draft = Draft(
        origin=memory.origin,
        subject=" ".join(str(values.get("subject", {}).get("value") or "").split()),
        message=({"rich_text": rich},) if isinstance(rich, Mapping) else (),
        tags=parse_tags(_str(values.get("tags", {}).get("value"))),
        group=_selected(values.get("group")),
        location=_selected(values.get("location")),
        delivery="instant" if _selected_text(values.get("delivery")) == "instant" else "digest",
        private=any(_value(each) == "private" for each in chosen),
        guests=tuple(str(each) for each in _list(values.get("guests", {}).get("selected_users"))),
        credit=memory.credit,
        left=memory.left,
        unnamed=memory.unnamed,
    )
    return draft, memory


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(value))


def _values(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By field: block_id and action_id are both its name."""
    state = (view.get("state") or {}).get("values") or {}
    found = {name: (block or {}).get(name) for name, block in state.items() if isinstance(block, Mapping)}
    return {name: dict(value) for name, value in found.items() if isinstance(value, Mapping)}


def _selected_text(value: Mapping[str, Any] | None) -> str | None:
    return _value((value or {}).get("selected_option"))


def _selected(value: Mapping[str, Any] | None) -> int | None:
    text = _selected_text(value)
    # A value that is no id must be refused later, not forgotten: 0 belongs to nobody.
    return None if text is None else int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


def _value(option: object) -> str | None:
    return str(option.get("value")) if isinstance(option, Mapping) else None


def _str(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def field_errors(problems: Iterable[Problem], view: Mapping[str, Any]) -> dict[str, str]:
    """Problems under their fields; a field that this form does not show speaks under the subject."""
    shown = {block.get("block_id") for block in view.get("blocks", []) if block.get("type") == "input"}
    told: dict[str, str] = {}
    for problem in problems:
        name = problem.field if problem.field in shown else "subject"
        told[name] = " ".join(filter(None, [told.get(name), sentences.reason(problem.reason, problem.detail)]))
    return told


# The board's names for the form's fields.
PROPERTIES = {
    "Subject": "subject",
    "Message": "message",
    "Tags": "tags",
    "CommunityGroupId": "group",
    "BusinessId": "location",
    "InstantDelivery": "delivery",
    "Private": "private",
    "Guests": "guests",
}


def refusal(outcome: Outcome, view: Mapping[str, Any]) -> dict[str, str]:
    """A refusal told in the form: the board's own words under the fields that they are about."""
    if not outcome.fields:
        return field_errors([Problem(outcome.field or "subject", outcome.reason, outcome.detail)], view)
    problems = [
        Problem(PROPERTIES.get(name, "subject"), "board_refused", {"said": said})
        for name, said in outcome.fields.items()
    ]
    return field_errors(problems, view)
