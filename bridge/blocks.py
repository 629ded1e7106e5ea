"""Every form and report that a person sees, and reading a form back. Pure.

Limits of Block Kit: https://docs.slack.dev/surfaces/modals and the pages of each element.
Text of other people is shown as plain_text, or escaped and verbatim, so that it never notifies anybody.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from bridge import sentences, words
from bridge.draft import Draft, Entry, Origin, Outcome, Problem, parse_tags

FORM = "community_post"
MORE = "more_options"
CANCEL = "cancel_draft"
REOPEN = "reopen_form"
OPEN_THREAD = "open_thread"

# Slack's ceilings: options in a select or group of options, characters in an option.
MOST_OPTIONS, OPTION_TEXT = 100, 75

Block = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """What a form shows. `original` names a kept message attached whole below what is typed."""

    origin: Origin
    subject: str = ""
    message: Mapping[str, Any] | None = None
    tags: str = ""
    credit: str | None = None
    original: str | None = None
    locations: tuple[Mapping[str, Any], ...] = ()
    location: int | None = None
    groups: tuple[Mapping[str, Any], ...] = ()
    group: int | None = None
    may_choose: bool = True
    delivery: Literal["digest", "instant"] = "digest"
    more: bool = False
    private: bool = False
    guests: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)


def form_view(form: Form) -> Block:
    """The form as a modal. Its private_metadata carries what Slack will not send back otherwise."""
    blocks = [
        *(_context(note) for note in form.notes),
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
        "title": _plain(sentences.TITLE),
        "submit": _plain("Post"),
        "close": _plain("Cancel"),
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
    }
    return json.dumps(kept, separators=(",", ":"))


def _input(name: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": _plain(label),
        "optional": optional,
        "element": element | {"action_id": name},
    }
    return block | ({"hint": _plain(hint)} if hint else {})


def _text(value: str, placeholder: str) -> Block:
    element: Block = {"type": "plain_text_input", "placeholder": _plain(placeholder)}
    return element | ({"initial_value": value[:3000]} if value else {})


def _rich_text(value: Mapping[str, Any] | None) -> Block:
    element: Block = {"type": "rich_text_input"}
    return element | ({"initial_value": value} if value else {})


def _location_block(form: Form) -> list[Block]:
    if len(form.locations) < 2:
        return []
    options = [_option(str(each["Name"]), str(each["Id"])) for each in form.locations[:MOST_OPTIONS]]
    element: Block = {
        "type": "static_select",
        "placeholder": _plain("Where should it appear?"),
        "options": options,
    }
    chosen = [each for each in options if each["value"] == str(form.location)]
    # The groups follow the location, so a change must reach us before the form is sent.
    block = _input("location", "Location", element | ({"initial_option": chosen[0]} if chosen else {}))
    return [block | {"dispatch_action": True}]


def _group_block(form: Form) -> list[Block]:
    if not form.groups:
        return []
    options = [_option(str(each["Name"]), str(each["Id"])) for each in form.groups]
    element: Block = {"type": "static_select", "placeholder": _plain("The whole board")}
    if len(options) > MOST_OPTIONS:
        element["option_groups"] = [_option_group(options[at : at + 100]) for at in range(0, len(options), 100)]
    else:
        element["options"] = options
    chosen = [each for each in options if each["value"] == str(form.group)]
    return [_input("group", "Group", element | ({"initial_option": chosen[0]} if chosen else {}), optional=True)]


def _option_group(options: list[Block]) -> Block:
    first, last = options[0]["text"]["text"], options[-1]["text"]["text"]
    return {"label": _plain(f"{first[:34]} – {last[:34]}"), "options": options}


def _delivery_block(form: Form) -> Block:
    digest = _option("With the daily digest", "digest", "Most posts: people read it in the morning mail")
    instant = _option("Right away", "instant", "Notifies everybody who follows at once; use it sparingly")
    initial = instant if form.delivery == "instant" else digest
    element = {"type": "radio_buttons", "options": [digest, instant], "initial_option": initial}
    return _input("delivery", "Delivery", element)


def _more_blocks(form: Form) -> list[Block]:
    if not form.more:
        button = {"type": "button", "action_id": MORE, "text": _plain("More options"), "value": "more"}
        return [{"type": "actions", "block_id": "more", "elements": [button]}]
    choice = _option("Only me and the guests can read it", "private")
    private: Block = {"type": "checkboxes", "options": [choice]}
    people: Block = {"type": "multi_users_select", "placeholder": _plain("People in this workspace")}
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


# ── reading a form back ──────────────────────────────────────────────────────


@dataclass(frozen=True)
class FormMemory:
    """What a form's private_metadata remembers."""

    origin: Origin
    credit: str | None
    original: str | None
    more: bool


def read_memory(view: Mapping[str, Any], user: str, team: str) -> FormMemory:
    """The memory of a form, for the person who really acted: the payload's ids win over the form's."""
    try:
        data = json.loads(view.get("private_metadata") or "{}")
        origin = Origin(**data["origin"])
    except (ValueError, TypeError, KeyError):
        data, origin = {}, Origin(team, user, 0.0)
    origin = replace(origin, user=user, team=team, view=str(view.get("id")))
    return FormMemory(origin, _str(data.get("credit")), _str(data.get("original")), bool(data.get("more")))


def read_form(view: Mapping[str, Any], user: str, team: str) -> tuple[Draft, FormMemory]:
    """The draft that a sent form asks for; whatever is not of the expected shape counts as not given."""
    memory = read_memory(view, user, team)
    values = _values(view)
    rich = values.get("message", {}).get("rich_text_value")
    chosen = values.get("private", {}).get("selected_options") or []
    draft = Draft(
        origin=memory.origin,
        subject=" ".join(str(values.get("subject", {}).get("value") or "").split()),
        message=({"rich_text": rich},) if isinstance(rich, Mapping) else (),
        tags=parse_tags(_str(values.get("tags", {}).get("value"))),
        group=_selected(values.get("group")),
        location=_selected(values.get("location")),
        delivery="instant" if _selected_text(values.get("delivery")) == "instant" else "digest",
        private=any(_value(each) == "private" for each in chosen),
        guests=tuple(str(each) for each in values.get("guests", {}).get("selected_users") or []),
        credit=memory.credit,
    )
    return draft, memory


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
    return None if text is None else int(text) if text.isascii() and text.isdigit() else 0


def _value(option: object) -> str | None:
    return str(option.get("value")) if isinstance(option, Mapping) else None


def _str(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def errors(problems: Iterable[Problem], view: Mapping[str, Any]) -> dict[str, str]:
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
        return errors([Problem(outcome.field or "subject", outcome.reason, outcome.detail)], view)
    problems = [
        Problem(PROPERTIES.get(name, "subject"), "board_refused", {"said": said})
        for name, said in outcome.fields.items()
    ]
    return errors(problems, view)


# ── reports ──────────────────────────────────────────────────────────────────


def heading(entry: Entry, outcome: Outcome | None) -> str:
    if outcome is None:
        return sentences.CHECKING if entry.state == "sending" else sentences.TRYING
    if outcome.ending == "posted":
        return sentences.POSTED_LATE if outcome.late else sentences.POSTED
    return sentences.UNSURE if outcome.ending == "unsure" else sentences.REFUSED


def explanation(outcome: Outcome) -> str:
    """Why it was not, or may not have been, posted, and what to do next."""
    said = sentences.reason(outcome.reason, outcome.detail)
    told = " ".join(outcome.fields.values())
    if told and told not in said:
        said = f"{said} {told}"
    return f"{said} {sentences.UNSURE_NEXT}" if outcome.ending == "unsure" else said


def report_blocks(entry: Entry, outcome: Outcome | None) -> list[Block]:
    """Subject, group, delivery, link and the id that the logs carry too."""
    subject = words.escape(entry.draft.subject)
    linked = f"<{outcome.link}|{subject}>" if outcome and outcome.link else subject
    lines = [f"*{heading(entry, outcome)}*", linked]
    if outcome is None:
        lines.append(sentences.TRYING_TEXT)
    elif outcome.ending != "posted":
        lines.append(words.escape(explanation(outcome)))
    blocks = [_section("\n".join(lines)), _context(_facts(entry, outcome))]
    buttons = _buttons(entry, outcome)
    return [*blocks, {"type": "actions", "elements": buttons}] if buttons else blocks


def _facts(entry: Entry, outcome: Outcome | None) -> str:
    facts = []
    if outcome and outcome.ending == "posted":
        group = outcome.detail.get("group")
        facts = [f"Group: {group}" if group else "Whole board", sentences.DELIVERY[entry.draft.delivery]]
        facts += ["private"] if entry.draft.private else []
    return " · ".join([*facts, f"Reference {entry.id}"])


def _buttons(entry: Entry, outcome: Outcome | None) -> list[Block]:
    if outcome is None:
        return [_button("Cancel this post", CANCEL, entry.id, style="danger")] if entry.state == "kept" else []
    if outcome.ending == "posted":
        return [_button("Open the thread", OPEN_THREAD, entry.id, url=outcome.link)] if outcome.link else []
    return [] if outcome.ending == "unsure" else [_button("Edit and try again", REOPEN, entry.id)]


def report_text(entry: Entry, outcome: Outcome | None) -> str:
    """The report as one line, for notifications and screen readers; escaped for mrkdwn."""
    parts = [heading(entry, outcome), words.escape(entry.draft.subject)]
    if outcome and outcome.link:
        parts.append(outcome.link)
    elif outcome and outcome.ending != "posted":
        parts.append(words.escape(explanation(outcome)))
    return ": ".join(parts[:2]) + (f" — {parts[2]}" if len(parts) > 2 else "") + f" ({entry.id})"


def report_message(entry: Entry, outcome: Outcome | None) -> Block:
    return {"text": report_text(entry, outcome), "blocks": report_blocks(entry, outcome)}


def report_view(entry: Entry, outcome: Outcome | None, *, said: str | None = None) -> Block:
    """A report in the form's place; `said` stands above it."""
    blocks = report_blocks(entry, outcome)
    return _closing_view([*([_section(said)] if said else []), *blocks])


def waiting_view(entry_id: str, subject: str) -> Block:
    """What stands in the form's place while the post is on its way."""
    text = f"*{sentences.WAITING}*\n{words.escape(subject)}\n{sentences.WAITING_TEXT}"
    return _closing_view([_section(text), _context(f"Reference {entry_id}")])


def waiting_message(entry_id: str, subject: str) -> Block:
    text = f"{sentences.WAITING}: {words.escape(subject)} ({entry_id})"
    return {"text": text, "blocks": waiting_view(entry_id, subject)["blocks"]}


def _closing_view(blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": _plain(sentences.TITLE),
        "close": _plain("Close"),
        "notify_on_close": True,
        "blocks": blocks,
    }


def note(text: str) -> Block:
    """A plain answer to a command."""
    return {"text": text, "blocks": [_section(text)]}


def status_message(entries: Sequence[Entry], command: str) -> Block:
    """A person's latest posts and where each stands."""
    if not entries:
        return note(sentences.NOTHING_YET.format(command=command))
    told = [_section(_standing(entry)) for entry in entries]
    return {"text": sentences.STATUS_TITLE, "blocks": [_section(f"*{sentences.STATUS_TITLE}*"), *told]}


def _standing(entry: Entry) -> str:
    subject = words.escape(entry.draft.subject)
    linked = f"<{entry.outcome.link}|{subject}>" if entry.outcome and entry.outcome.link else subject
    state = heading(entry, entry.outcome)
    why = f"\n{words.escape(explanation(entry.outcome))}" if entry.outcome and entry.outcome.reason else ""
    return f"{linked}\n{state} · <!date^{int(entry.kept)}^{{date_short_pretty}} {{time}}|earlier> · {entry.id}{why}"


def credit_line(draft: Draft, author: str | None, link: str | None) -> str:
    """The line under somebody's words on the board: who said it first, and where."""
    said = sentences.CREDIT.format(author=words.mrkdwn_to_markdown(words.escape(author))) if author else ""
    return " · ".join(filter(None, [said, sentences.CREDIT_LINK.format(link=link) if link else ""]))


# ── pieces ───────────────────────────────────────────────────────────────────


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text[:3000], "verbatim": True}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _option(text: str, value: str, description: str = "") -> Block:
    short = text if len(text) <= OPTION_TEXT else text[: OPTION_TEXT - 1] + "…"
    option: Block = {"text": _plain(short or "–"), "value": value}
    return option | ({"description": _plain(description)} if description else {})


def _button(text: str, action: str, value: str, *, url: str | None = None, style: str | None = None) -> Block:
    button: Block = {"type": "button", "text": _plain(text), "action_id": action, "value": value}
    return button | ({"url": url} if url else {}) | ({"style": style} if style else {})
