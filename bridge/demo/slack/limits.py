"""What Slack finds wrong with blocks and views: the limits of Block Kit, each as a sentence."""

import json
from collections.abc import Iterator
from typing import Any

from bridge.demo.loopback import Json
from bridge.demo.slack.views import VALUES, elements_of, options_of


def _long(where: str, value: Any, limit: int) -> Iterator[str]:
    text = value.get("text") if isinstance(value, dict) else value
    if value is not None and not (isinstance(text, str) and 1 <= len(text) <= limit):
        yield f"{where}: must be a text of 1 to {limit} characters"


def _element_faults(where: str, element: Json) -> Iterator[str]:
    kind, offered = element.get("type", ""), options_of(element)
    if kind not in {*VALUES, "button", "overflow", "image"}:
        yield f"{where}: unknown element {kind!r}"
    for name, limit in (("action_id", 255), ("placeholder", 150), ("url", 3000)):
        yield from _long(f"{where}/{name}", element.get(name), limit)
    if kind == "button":
        yield from _long(f"{where}/text", element.get("text", ""), 75)
        yield from _long(f"{where}/value", element.get("value"), 2000)
    if kind == "plain_text_input" and len(element.get("initial_value") or "") > element.get("max_length", 3000):
        yield f"{where}/initial_value: too long"
    yield from _option_faults(where, element, offered)


def _option_faults(where: str, element: Json, offered: list[Json]) -> Iterator[str]:
    kind = element.get("type")
    most = 10 if kind in ("checkboxes", "radio_buttons") else 100
    lists = [group["options"] for group in element.get("option_groups", ())] or [offered]
    if kind in ("static_select", "checkboxes", "radio_buttons") and (
        not 1 <= len(element.get("option_groups", "1")) <= 100 or not all(1 <= len(each) <= most for each in lists)
    ):
        yield f"{where}: must have 1 to {most} options"
    for option in offered:
        yield from _long(f"{where}/option/text", option.get("text", ""), 75)
        yield from _long(f"{where}/option/value", option.get("value", ""), 75)
    chosen = [element[name] for name in ("initial_option",) if name in element] + element.get("initial_options", [])
    if any(each not in offered for each in chosen):
        yield f"{where}: the initial option is not among the options"


def _block_faults(where: str, block: Json) -> Iterator[str]:
    kind = block.get("type")
    yield from _long(f"{where}/block_id", block.get("block_id"), 255)
    if kind == "section":
        texts = [block["text"]] if block.get("text") else block.get("fields", [""])
        for text in texts[:11]:
            yield from _long(f"{where}/text", text, 2000 if block.get("fields") else 3000)
    elif kind == "header":
        yield from _long(f"{where}/text", block.get("text", ""), 150)
    elif kind == "input":
        yield from _long(f"{where}/label", block.get("label", ""), 2000)
        yield from _long(f"{where}/hint", block.get("hint"), 2000)
    elif kind in ("context", "actions") and not 1 <= len(block.get("elements", ())) <= {"context": 10}.get(kind, 25):
        yield f"{where}: too many or too few elements"
    elif kind not in ("context", "actions", "divider", "image", "rich_text", "markdown", "video", "file"):
        yield f"{where}: unknown block {kind!r}"
    for element in elements_of(block):
        yield from _element_faults(where, element)


def block_faults(blocks: Any, most: int) -> list[str]:
    if not isinstance(blocks, list) or len(blocks) > most:
        return [f"/blocks: must be a list of at most {most}"]
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    faults = [f"/blocks/{i}: block_id {id_!r} is not unique" for i, id_ in enumerate(ids) if id_ in ids[:i]]
    return faults + [fault for i, block in enumerate(blocks) for fault in _block_faults(f"/blocks/{i}", block)]


def view_faults(view: Any) -> list[str]:
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        return ["/view: must be a modal or a home view"]
    faults = block_faults(view.get("blocks"), 100)
    for name in ("title", "submit", "close"):
        faults += _long(f"/{name}", view.get(name, "" if name == "title" else None), 24)
    if len(view.get("private_metadata") or "") > 3000:
        faults.append("/private_metadata: longer than 3000 characters")
    if not faults and not view.get("submit") and any(block["type"] == "input" for block in view["blocks"]):
        faults.append("/submit: required when there are inputs")
    return [*faults, *(["/view: larger than 250 kB"] if len(json.dumps(view)) > 250_000 else [])]
