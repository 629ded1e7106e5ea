"""Reading a form back: what was typed, and what is told under its fields. Pure.

Whatever is not of the expected shape counts as not given; ids are decided upon at delivery.
https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, takewhile
from typing import Any

from bridge.form.signed_metadata import Seal
from bridge.form.view import PLACES_UNKNOWN, Form
from bridge.language import sentences
from bridge.post.draft import Draft, Origin, Outcome, Problem, parse_tags


def read_open(view: Mapping[str, Any], user: str, team: str, seal: Seal) -> Form:
    """An open form as it shows itself: what was given to it would be lost if it were drawn anew without.

    Its memory is for the person who really acted, and only if the form was theirs and is as we left it. It names
    messages and threads that this person could see when they opened the form; a memory that is nobody's, somebody
    else's or forged names nothing.
    """
    try:
        data = json.loads(seal.open(str(view.get("private_metadata") or "")) or "{}")
        origin = Origin(**data["origin"])
    except (ValueError, TypeError, KeyError):
        data, origin = {}, Origin(team, user, 0.0)
    if origin.user != user:
        data, origin = {}, Origin(team, user, 0.0)
    origin = replace(origin, team=team, view=str(view.get("id")))
    values = _values(view)
    return Form(
        origin,
        credit=_str(data.get("credit")),
        anonymous="credit" in values and not _is_ticked(values, "credit"),
        original=_str(data.get("original")),
        threaded=bool(data.get("threaded")),
        whole=bool(data.get("threaded")) and _is_ticked(values, "thread"),
        conversation=_str(data.get("conversation")),
        thread_said=_str(data.get("thread_said")) or "",
        prefill=_str(data.get("prefill")) or "",
        files=_str(data.get("files")),
        ticked=_ticked(values, "files"),
        thread_ticked=_ticked(values, "thread_files"),
        spared=_spared(view, values, data),
        more=bool(data.get("more")),
        left=_strings(data.get("left")),
        unnamed=_strings(data.get("unnamed")),
        again=_str(data.get("again")) or "",
        notes=_notes(view),
        locations=_offered(view, "location"),
        location=_selected(values.get("location")),
        groups=_offered(view, "group"),
    )


def read_form(view: Mapping[str, Any], user: str, team: str, seal: Seal) -> tuple[Draft, Form]:
    """The draft that a sent form asks for, and the form; whatever is not of the expected shape counts as not given."""
    form = read_open(view, user, team, seal)
    values = _values(view)
    rich = values.get("message", {}).get("rich_text_value")
    draft = Draft(
        origin=form.origin,
        subject=" ".join(str(values.get("subject", {}).get("value") or "").split()),
        message=({"rich_text": rich},) if isinstance(rich, Mapping) else (),
        tags=parse_tags(_str(values.get("tags", {}).get("value"))),
        group=_selected(values.get("group")),
        location=form.location,
        delivery="instant" if _selected_text(values.get("delivery")) == "instant" else "digest",
        private=_is_ticked(values, "private"),
        guests=tuple(str(each) for each in _list(values.get("guests", {}).get("selected_users"))),
        credit=form.credit,
        anonymous=form.anonymous,
        left=form.left,
        unnamed=form.unnamed,
        again=form.again,
    )
    return draft, form


def _is_ticked(values: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    """Whether a box that is named like its only choice is ticked."""
    return name in _ticked(values, name)


def _ticked(values: Mapping[str, Mapping[str, Any]], name: str) -> tuple[str, ...]:
    """The values of the ticked boxes. Whoever sends the form may have made them up."""
    found = (_value(each) for each in _list(values.get(name, {}).get("selected_options")))
    return tuple(each for each in found if each)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(value))


def _spared(
    view: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any]
) -> tuple[str, ...]:
    """The thread's files that were unticked, also while the thread itself is."""
    offered = [str(_value(each)) for each in _options(view, "thread_files")]
    ticked = _ticked(values, "thread_files")
    return tuple(each for each in offered if each not in ticked) if offered else _strings(data.get("spared"))


def _notes(view: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands above the fields."""
    above = takewhile(lambda block: block.get("type") == "context", _list(view.get("blocks")))
    elements = [_list(block.get("elements")) for block in above if block.get("block_id") != PLACES_UNKNOWN]
    return tuple(str(each[0].get("text")) for each in elements if each and isinstance(each[0], Mapping))


def _offered(view: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """The options of a select as the board's records that they were made of."""
    options = [each for each in _options(view, name) if isinstance(each.get("text"), Mapping)]
    return tuple({"Id": _value(each), "Name": each["text"].get("text")} for each in options)


def _options(view: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    element = next((each.get("element") for each in _list(view.get("blocks")) if each.get("block_id") == name), None)
    if not isinstance(element, Mapping):
        return []
    groups = [_list(each.get("options")) for each in _list(element.get("option_groups")) if isinstance(each, Mapping)]
    return [each for each in [*_list(element.get("options")), *chain(*groups)] if isinstance(each, Mapping)]


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
    shown = {str(block.get("block_id")) for block in view.get("blocks", []) if block.get("type") == "input"}
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
