"""From raw bytes to the parsed request that Bolt's listeners want; whatever Slack would not send is 400.

Pure, but for what `http` notes of the request under way.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qsl

from bridge.words.well_formed import well_formed


class Refusal(Exception):
    """A request that is answered with a bare status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def _never() -> bool:
    return False


# Whether Slack has hung up on the request that is being answered: what the answer says would reach nobody.
hung_up: ContextVar[Callable[[], Awaitable[bool]]] = ContextVar("hung_up", default=_never)


# When Slack sent the request that is being answered, in whole epoch seconds: its patience is counted from there.
sent_at: ContextVar[float] = ContextVar("sent_at", default=float("inf"))


# Bolt takes these apart without asking what they are, and bridge needs neither.
_UNUSED = ("authorizations", "response_urls")


def parse(raw: bytes, content_type: str) -> dict[str, Any]:
    """The request as Bolt's listeners want it. Raises Refusal(400) for anything that Slack does not send."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = raw.decode()
        if kind == "application/json":
            body = _json(text)
        elif kind == "application/x-www-form-urlencoded":
            body = _form(text)
        else:
            raise Refusal(400)
    except (ValueError, RecursionError):
        raise Refusal(400) from None
    return _admitted(body)


def admit(body: Any) -> dict[str, Any]:
    """What somebody else has parsed, as `parse` would have answered it. Raises Refusal(400), or 404."""
    try:
        return _admitted(well_formed(body))
    except RecursionError:
        raise Refusal(400) from None


def _admitted(body: Any) -> dict[str, Any]:
    """The parsed request with the shapes that Bolt and our listeners count on. Raises Refusal(400), or 404."""
    if not isinstance(body, dict):
        raise Refusal(400)
    # Slack sends null where there is nothing (a team, in an organisation); Bolt asks only whether a name is there.
    for name in (*_OBJECTS, *_TEXTS, "actions"):
        if body.get(name, ...) is None:
            del body[name]
    if not is_well_formed(body):
        raise Refusal(400)
    if not ("command" in body or "ssl_check" in body or body.get("type") in _KINDS):
        raise Refusal(404)  # well-formed for all we know, and nothing that bridge listens to
    if body.get("view"):
        body["view"].setdefault("type", "modal")  # Bolt asks for it
    for name in _UNUSED:
        body.pop(name, None)
    return body


def _form(text: str) -> Any:
    fields = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=200))
    # A command is flat; an interaction stands as JSON in the one field "payload".
    return _json(fields["payload"]) if "payload" in fields and "command" not in fields else fields


def _json(text: str) -> Any:
    # Only JSON's escapes can bring half a surrogate pair: bytes are decoded strictly, percent signs with replacements.
    return well_formed(json.loads(text))


# What Bolt and our listeners take apart must at least be of its kind.
_OBJECTS = ("team", "user", "channel", "view", "message", "container", "event", "enterprise")


_TEXTS = ("type", "callback_id", "command", "trigger_id", "challenge", "response_url")

# Other kinds that Bolt knows are not ours; some of them it takes apart without asking.
_KINDS = frozenset({
    "shortcut", "message_action", "view_submission", "view_closed", "block_actions", "event_callback",
    "url_verification",
})  # fmt: skip

# What a request of a kind cannot be without.
_NEEDED = {
    "event": ("event_callback",),
    "actions": ("block_actions",),
    "view": ("view_submission", "view_closed"),
    "callback_id": ("shortcut", "message_action"),
}


def is_well_formed(body: Mapping[str, Any]) -> bool:
    """Whether the parts have the shapes of https://docs.slack.dev/reference/interaction-payloads."""
    if not body or any(not isinstance(body[name], dict) for name in _OBJECTS if name in body):
        return False
    if any(not isinstance(body[name], str) for name in _TEXTS if name in body):
        return False
    kind = body.get("type")
    for needed, kinds in _NEEDED.items():
        if kind in kinds and needed not in body:
            return False
    return (
        ("event" not in body or _is_event(body["event"]))
        and ("actions" not in body or _are_actions(body["actions"]))
        and ("view" not in body or _is_view(body["view"]))
    )


def _is_event(event: Any) -> bool:
    ids = ("user", "channel")
    return isinstance(event, dict) and all(isinstance(event.get(name), str | dict | None) for name in ids)


def _are_actions(actions: Any) -> bool:
    if not isinstance(actions, list) or not actions:
        return False
    return all(isinstance(each, dict) and isinstance(each.get("action_id"), str) for each in actions)


def _is_view(view: Mapping[str, Any]) -> bool:
    blocks, state = view.get("blocks", []), view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    return (
        view.get("type", "modal") in ("modal", "home")
        and isinstance(blocks, list)
        and all(isinstance(each, dict) for each in blocks)
        and isinstance(state, dict | None)
        and isinstance(values, dict | None)
    )
