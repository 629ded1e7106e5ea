"""What a view holds: its elements, and what a person put into them."""

import time
import uuid
from copy import deepcopy
from typing import Any

from bridge.demo.loopback import Json

# The state's key and the element's initial property, by element type.
VALUES = {
    "plain_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
}


def options_of(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", ()) for option in group["options"]]
    return [*element.get("options", ()), *grouped]


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of one block."""
    inner = block.get("elements", ()) if block.get("type") == "actions" else ()
    return [each for each in (block.get("element"), block.get("accessory"), *inner) if each]


def _value(kind: str, given: Any) -> Json:
    key = VALUES[kind][0]
    return {"type": kind, key: given if given is not None or not key.endswith("s") else []}


def rendered(view: Json, old: Json | None) -> Json:
    """A view as Slack keeps it: with ids for its blocks, a new hash, and what was typed before."""
    blank: Json = {"private_metadata": "", "callback_id": "", "external_id": "", "close": None, "submit": None}
    blank |= {"notify_on_close": False, "clear_on_close": False}
    shown = blank | deepcopy(view) | {"hash": f"{time.time():.0f}.{uuid.uuid4().hex[:8]}"}
    typed: Json = old["state"]["values"] if old else {}
    values: Json = {}
    for block in shown["blocks"]:
        block.setdefault("block_id", uuid.uuid4().hex[:5])
        for element in elements_of(block):
            name = element.setdefault("action_id", uuid.uuid4().hex[:5])
            if element["type"] in VALUES:
                before = typed.get(block["block_id"], {}).get(name)
                values.setdefault(block["block_id"], {})[name] = _kept(element, before)
    return shown | {"state": {"values": values}}


def _kept(element: Json, before: Json | None) -> Json:
    """What was there before, unless the element is another one or no longer offers it."""
    kind = element["type"]
    key, initial = VALUES[kind]
    if before is None or before["type"] != kind:
        return _value(kind, element.get(initial))
    chosen = before[key] if key == "selected_option" else None
    gone = chosen and chosen not in options_of(element)
    return _value(kind, element.get(initial)) if gone else before


def filled(element: Json, simple: Any) -> Json:
    """An element's state from a simple value: a text, an option's value, a list of ids or values."""
    kind = element["type"]
    key = VALUES[kind][0]
    if isinstance(simple, str) and key == "rich_text_value":
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": simple}]}
        return _value(kind, {"type": "rich_text", "elements": [section]} if simple else None)
    if key == "selected_option":
        return _value(kind, _option(element, simple) if simple is not None else None)
    if key == "selected_options":
        every = [option["value"] for option in options_of(element)]
        chosen = {True: every, False: [], None: []}[simple] if simple in (True, False, None) else simple
        chosen = [chosen] if isinstance(chosen, str) else chosen
        return _value(kind, [_option(element, each) for each in chosen])
    return _value(kind, simple)


def _option(element: Json, value: Any) -> Json:
    # A value that was never offered is sent all the same, as somebody with curl would.
    forged = {"text": {"type": "plain_text", "text": str(value)}, "value": str(value)}
    return next((each for each in options_of(element) if each["value"] == str(value)), forged)


def is_empty(state: Json) -> bool:
    return state[VALUES[state["type"]][0]] in (None, "", [])


def mentions(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(mentions, value))
    return isinstance(value, dict) and (
        value.get("type") in ("user", "channel", "usergroup") or mentions(value.get("elements", []))
    )
