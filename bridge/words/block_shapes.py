"""Blocks whose words lie in places of their own, in the shape of ordinary ones.

https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Callable, Mapping
from typing import Any

Block = Mapping[str, Any]


def ordinary(node: Block) -> object:
    """The same words where every block has them: an object, or a list of them; `node` itself where it is ordinary."""
    reshape = _SHAPES.get(str(node.get("type")))
    return reshape(node) if reshape else node


def _at(node: object, *path: str) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _figure(value: object) -> str:
    """A number as people write it; "" for what is none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if number and abs(float(value)) < 1e6 else str(value) if number else ""  # type: ignore[arg-type] # just checked


def _number(node: Block) -> object:
    return {"text": node.get("text") or _figure(node.get("value"))}


def _call(node: Block) -> object:
    """A meeting: what it is called, its number, and the way in."""
    call = _at(node, "call", "v1") or _at(node, "call")
    title = _at(call, "name") or "Call"
    return [{"text": title, "url": _at(call, "join_url") or ""}, {"text": _at(call, "display_id") or ""}]


def _video(node: Block) -> object:
    said = [each for each in (node.get("author_name"), node.get("provider_name")) if isinstance(each, str) and each]
    first = {name: node.get(name) for name in ("title", "title_url", "video_url")}
    return [first, {"text": " · ".join(said)}, {"text": node.get("description")}]


def _container(node: Block) -> object:
    title = node.get("rich_text_title") or node.get("title")
    return [title, node.get("subtitle"), *_items(node.get("child_blocks"))]


def _table(node: Block) -> object:
    return [{"text": node.get("caption") or ""}, {"rows": node.get("rows")}]


def _action_cell(node: Block) -> object:
    """A button in a table, or what stands there where it cannot be shown."""
    return node.get("element") or node.get("fallback") or {}


def _chart(node: Block) -> object:
    """A table: the labels, then a row for each series; a pie's segments stand a row each."""
    chart = node.get("chart")
    if segments := _items(_at(chart, "segments")):
        rows = [[_at(each, "label"), _figure(_at(each, "value"))] for each in segments]
        return [{"text": node.get("title")}, {"rows": rows}]
    series = _items(_at(chart, "series"))
    labels = [_at(point, "label") for point in _items(_at(series[0], "data"))] if series else []
    figures = [[_at(each, "name"), *(_figure(_at(at, "value")) for at in _items(_at(each, "data")))] for each in series]
    return [{"text": node.get("title")}, {"rows": [["", *labels], *figures]}]


def _nothing(node: Block) -> object:
    """Controls under an answer are no part of what was said."""
    return {}


_SHAPES: Mapping[str, Callable[[Block], object]] = {
    "raw_number": _number,
    "call": _call,
    "video": _video,
    "container": _container,
    "data_table": _table,
    "action_cell": _action_cell,
    "data_visualization": _chart,
    "context_actions": _nothing,
    "feedback_buttons": _nothing,
    "icon_button": _nothing,
}
