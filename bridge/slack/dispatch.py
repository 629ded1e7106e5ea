"""From a parsed request to its listener. Bolt has them all; those that somebody waits for are found at once."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bridge.slack.intake import Refusal

log = structlog.get_logger()

Listener = Callable[..., Awaitable[BoltResponse]]

# What a listener that is found at once may ask for, by the names that Bolt has for it.
_GIVEN = {"ack", "body", "view"}


class App(AsyncApp):
    """Bolt's. It asks each middleware and each listener in turn, which takes longer than most of our answers."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._found: dict[tuple[str, str], tuple[Listener, Sequence[str]]] = {}
        # What runs before every listener that is found at once; Bolt's own middleware is for the others.
        self.before: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None

    def hears(self, kind: str, name: str, listener: Listener) -> None:
        """`kind` is the request's type, or "command"; a shortcut's is "shortcut" wherever it was begun."""
        ways = {"command": self.command, "shortcut": self.shortcut, "block_actions": self.action}
        ways |= {"view_submission": self.view, "view_closed": self.view_closed}
        ways[kind](name)(listener)
        wanted = tuple(inspect.signature(listener).parameters)
        assert _GIVEN.issuperset(wanted), wanted
        self._found[kind, name] = listener, wanted

    async def answer(self, body: dict[str, Any]) -> BoltResponse:
        """What the listener answers; 404 where there is none. Raises Refusal(400) for what Slack does not send."""
        if (found := self._found.get(_heard(body))) is None:
            return await self._search(body)
        listener, wanted = found
        given = {
            "ack": AsyncAck(),  # type: ignore[no-untyped-call]
            "body": body,
            "view": body.get("view"),
        }
        try:
            if self.before is not None:
                await self.before(body)
            return await listener(**{name: given[name] for name in wanted})
        except Exception:  # as Bolt does: what a listener did not expect ends its request alone
            log.exception("listener_failed", listener=listener.__name__)
            return BoltResponse(status=500)

    async def _search(self, body: dict[str, Any]) -> BoltResponse:
        """As Socket Mode: a parsed body and no second verification. No header reaches Bolt, which would obey some."""
        try:
            request = AsyncBoltRequest(body=body, mode="socket_mode")
        except (TypeError, AttributeError, KeyError, IndexError, ValueError):
            raise Refusal(400) from None  # Bolt looks for ids in places that Slack never leaves empty
        return await self.async_dispatch(request)


def _heard(body: Mapping[str, Any]) -> tuple[str, str]:
    """What `hears` would have been told of this request."""
    kind, name = str(body.get("type")), None
    if "command" in body:
        kind, name = "command", body["command"] if "ssl_check" not in body else None
    elif kind in ("shortcut", "message_action"):
        kind, name = "shortcut", body.get("callback_id")
    elif kind in ("view_submission", "view_closed"):
        name = body["view"].get("callback_id")
    elif kind == "block_actions":
        name = body["actions"][0]["action_id"]
    return kind, name if isinstance(name, str) else ""
