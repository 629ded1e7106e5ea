"""The other half of Slack's stand-in: its client, which renders views and sends people's doings to bridge."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

if TYPE_CHECKING:
    from bridge.demo.workspace import Workspace

Json = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
TROUBLE = "We had some trouble connecting. Try again?"
# The state's key and the element's initial property, by element type.
VALUES = {
    "plain_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
}


# What Slack finds wrong with blocks and views


def _long(where: str, value: Any, limit: int) -> Iterator[str]:
    text = value.get("text") if isinstance(value, dict) else value
    if value is not None and not (isinstance(text, str) and 1 <= len(text) <= limit):
        yield f"{where}: must be a text of 1 to {limit} characters"


def options_of(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", ()) for option in group["options"]]
    return [*element.get("options", ()), *grouped]


def _element_faults(where: str, element: Json) -> Iterator[str]:
    kind, offered = element.get("type", ""), options_of(element)
    if kind not in {*VALUES, "button", "overflow", "image"}:
        yield f"{where}: unknown element {kind!r}"
    for name, limit in (("action_id", 255), ("placeholder", 150), ("url", 3000)):
        yield from _long(f"{where}/{name}", element.get(name), limit)
    if kind == "button":
        yield from _long(f"{where}/text", element.get("text", ""), 75)
        yield from _long(f"{where}/value", element.get("value"), 2000)
    if kind == "plain_text_input" and len(element.get("initial_value") or "") > element.get(
        "max_length", 3000
    ):
        yield f"{where}/initial_value: too long"
    yield from _option_faults(where, element, offered)


def _option_faults(where: str, element: Json, offered: list[Json]) -> Iterator[str]:
    kind = element.get("type")
    most = 10 if kind in ("checkboxes", "radio_buttons") else 100
    lists = [group["options"] for group in element.get("option_groups", ())] or [offered]
    if kind in ("static_select", "multi_static_select", "checkboxes", "radio_buttons") and (
        not 1 <= len(element.get("option_groups", "1")) <= 100
        or not all(1 <= len(each) <= most for each in lists)
    ):
        yield f"{where}: must have 1 to {most} options"
    for option in offered:
        yield from _long(f"{where}/option/text", option.get("text", ""), 75)
        yield from _long(f"{where}/option/value", option.get("value", ""), 75)
    chosen = [element[name] for name in ("initial_option",) if name in element] + element.get(
        "initial_options", []
    )
    if kind != "external_select" and any(each not in offered for each in chosen):
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
    elif kind in ("context", "actions") and not 1 <= len(block.get("elements", ())) <= {"context": 10}.get(
        kind, 25
    ):
        yield f"{where}: too many or too few elements"
    elif kind not in ("context", "actions", "divider", "image", "rich_text", "markdown", "video", "file"):
        yield f"{where}: unknown block {kind!r}"
    for element in elements_of(block):
        yield from _element_faults(where, element)


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of one block."""
    inner = block.get("elements", ()) if block.get("type") == "actions" else ()
    return [each for each in (block.get("element"), block.get("accessory"), *inner) if each]


def block_faults(blocks: Any, most: int) -> list[str]:
    if not isinstance(blocks, list) or len(blocks) > most:
        return [f"/blocks: must be a list of at most {most}"]
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    faults = [f"/blocks/{i}: block_id {id_!r} is not unique" for i, id_ in enumerate(ids) if id_ in ids[:i]]
    return faults + [
        fault for i, block in enumerate(blocks) for fault in _block_faults(f"/blocks/{i}", block)
    ]


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


# What a view holds, and what a person put into it


def _value(kind: str, given: Any) -> Json:
    key = VALUES[kind][0]
    return {"type": kind, key: given if given is not None or not key.endswith("s") else []}


def rendered(view: Json, old: Json | None) -> Json:
    """A view as Slack keeps it: with ids for its blocks, a new hash, and what was typed before."""
    blank: Json = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "close": None,
        "submit": None,
    }
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
    gone = chosen and kind != "external_select" and chosen not in options_of(element)
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


def _empty(state: Json) -> bool:
    return state[VALUES[state["type"]][0]] in (None, "", [])


def _mentions(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_mentions, value))
    return isinstance(value, dict) and (
        value.get("type") in ("user", "channel", "usergroup") or _mentions(value.get("elements", []))
    )


# What people do


@dataclass(frozen=True)
class Reply:
    """What bridge answered. `trouble` is what Slack would have shown instead; then status may be 0."""

    status: int
    text: str
    seconds: float
    trouble: str = ""

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            return {}

    @property
    def action(self) -> str:
        return str(self.json.get("response_action", "")) if isinstance(self.json, dict) else ""

    @property
    def errors(self) -> dict[str, str]:
        return self.json.get("errors", {}) if self.action == "errors" else {}


class Sender:
    """Slack's client, pointed at bridge's `/slack/events`: every method is something a person does."""

    def __init__(
        self, workspace: "Workspace", secret: str, client: httpx.AsyncClient, url: str, patience: float = 3.0
    ) -> None:
        self.workspace, self.secret, self.client, self.url = workspace, secret, client, url
        self.patience = patience

    def sign(self, body: bytes, timestamp: float | None = None, content_type: str = FORM) -> dict[str, str]:
        """The headers of a request from Slack: v0 HMAC-SHA256 over `v0:timestamp:body`."""
        stamp = str(int(time.time() if timestamp is None else timestamp))
        digest = hmac.new(self.secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
        return signed | {"Content-Type": content_type}

    async def raw(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Slack waits three seconds, then tells the person that it timed out."""
        began = time.monotonic()
        try:
            answer = await self.client.post(self.url, content=body, headers=headers, timeout=self.patience)
        except httpx.TimeoutException:
            return Reply(0, "", time.monotonic() - began, "operation_timeout")
        except httpx.TransportError:
            return Reply(0, "", time.monotonic() - began, "dispatch_failed")
        trouble = "" if answer.status_code == 200 else "http_client_error"
        return Reply(answer.status_code, answer.text, time.monotonic() - began, trouble)

    async def form(self, fields: Json) -> Reply:
        body = urlencode(fields).encode()
        return await self.raw(body, self.sign(body))

    async def interact(self, payload: Json) -> Reply:
        return await self.form({"payload": json.dumps(payload)})

    async def command(
        self, user: str, text: str = "", channel: str = "C1", command: str = "/community", **extra: str
    ) -> Reply:
        """A slash command: flat form fields, with a trigger_id and a response_url of its own."""
        person, place = self._user(user), self.workspace.channels.get(channel)
        hidden = "directmessage" if channel.startswith("D") else "privategroup"
        name = hidden if place is None or place.is_private else place.name
        fields = {"token": "deprecated", "team_id": person["team_id"], "team_domain": self.workspace.domain}
        fields |= {"channel_id": channel, "channel_name": name, "user_id": user, "user_name": person["name"]}
        fields |= {"command": command, "text": text, "api_app_id": self.workspace.app_id}
        fields |= {"is_enterprise_install": "false", "trigger_id": self.workspace.trigger(user)}
        fields["response_url"] = self.workspace.response_url("commands", user, channel)
        return await self.form(fields | extra)

    async def message_shortcut(
        self, user: str, message: Json, channel: str = "C1", callback_id: str = "post_to_community"
    ) -> Reply:
        payload = self._payload("message_action", user) | {"callback_id": callback_id, "action_ts": _now()}
        payload |= {"message_ts": message.get("ts"), "message": message, "channel": self._place(channel)}
        payload["response_url"] = self.workspace.response_url("app", user, channel)
        return await self.interact(payload)

    async def global_shortcut(self, user: str, callback_id: str = "new_community_post") -> Reply:
        payload = self._payload("shortcut", user) | {"callback_id": callback_id, "action_ts": _now()}
        return await self.interact(payload)

    async def submit(
        self, view_id: str, values: Json, user: str | None = None, *, force: bool = False
    ) -> Reply:
        """Submits the view as it is now; `force` sends what Slack's client would not let through."""
        view = self.workspace.views[view_id]
        self.fill(view_id, values)
        if not force and (refused := self._refused(view, values)):
            return refused
        who = user or self.workspace.owners[view_id]
        payload = self._payload("view_submission", who, view_id) | {
            "view": deepcopy(view),
            "response_urls": [],
        }
        return self._applied(view_id, who, await self.interact(payload))

    def fill(self, view_id: str, values: Json) -> None:
        """Types into the open form without sending anything; a dict for an unknown field is sent as it is."""
        view = self.workspace.views[view_id]
        fields = {e["action_id"]: (b["block_id"], e) for b in view["blocks"] for e in elements_of(b)}
        for name, simple in values.items():
            if name in fields:
                block_id, element = fields[name]
                view["state"]["values"][block_id][name] = filled(element, simple)
            elif isinstance(simple, dict):
                view["state"]["values"][name] = {name: simple}
            else:
                raise KeyError(f"the form has no field {name!r}")

    def _refused(self, view: Json, values: Json) -> Reply | None:
        """Required fields; and prefilled rich text with a mention, which Slack itself cannot submit."""
        missing, inputs = {}, [block for block in view["blocks"] if block["type"] == "input"]
        for block in inputs:
            element = block["element"]
            state = view["state"]["values"][block["block_id"]][element["action_id"]]
            if not block.get("optional") and _empty(state):
                missing[block["block_id"]] = "Please complete this required field."
            if element["action_id"] not in values and _mentions(state.get("rich_text_value")):
                return Reply(0, "", 0.0, TROUBLE)
        errors = json.dumps({"response_action": "errors", "errors": missing})
        return Reply(0, errors, 0.0, "incomplete") if missing else None

    def _applied(self, view_id: str, user: str, reply: Reply) -> Reply:
        """Does to the view what the reply says; what Slack would not understand leaves it open."""
        if reply.status != 200:
            return replace(reply, trouble=reply.trouble and TROUBLE)
        if complaint := self._complaint(view_id, reply):
            return replace(reply, trouble=complaint)
        if reply.action == "update":
            self.workspace.replace_view(view_id, reply.json["view"])
        elif reply.action == "push":
            self.workspace.open_view(reply.json["view"], user, view_id)
        elif reply.action != "errors":
            self.workspace.close_view(view_id, stack=reply.action == "clear")
        return reply

    def _complaint(self, view_id: str, reply: Reply) -> str:
        if reply.action in ("update", "push"):
            return "; ".join(view_faults(reply.json.get("view")))
        inputs = [b["block_id"] for b in self.workspace.views[view_id]["blocks"] if b["type"] == "input"]
        stray = [name for name in reply.errors if name not in inputs]
        if stray or (reply.action == "errors" and not reply.errors):
            return f"errors for blocks that are no inputs: {stray}"
        return "" if reply.action in ("errors", "clear") or not reply.text else "the body must be empty"

    async def press(
        self, target: str | Json, action_id: str, value: str | None = None, user: str | None = None
    ) -> Reply:
        """A button in a view (its id) or in a message (as the workspace kept it)."""
        blocks = (self.workspace.views[target] if isinstance(target, str) else target).get("blocks", [])
        buttons = [(b, e) for b in blocks for e in elements_of(b) if e.get("action_id") == action_id]
        chosen = [(b, e) for b, e in buttons if value in (None, e.get("value"))] or buttons
        if not chosen:
            raise KeyError(f"there is no button {action_id!r}")
        block, element = chosen[0]
        action: Json = {
            name: element[name] for name in ("type", "action_id", "text", "value") if name in element
        }
        action |= {"block_id": block.get("block_id", "b"), "action_ts": _now()}
        return await self._act(target, action | ({} if value is None else {"value": value}), user)

    async def choose(
        self, view_id: str, block_id: str, action_id: str, value: Any, user: str | None = None
    ) -> Reply:
        """A select, radio or checkbox that changed: the action carries the choice, the view all values."""
        view = self.workspace.views[view_id]
        elements = [e for b in view["blocks"] if b["block_id"] == block_id for e in elements_of(b)]
        element = next(each for each in elements if each["action_id"] == action_id)
        view["state"]["values"][block_id][action_id] = state = filled(element, value)
        action = state | {"block_id": block_id, "action_id": action_id, "action_ts": _now()}
        return await self._act(view_id, action, user)

    async def _act(self, target: str | Json, action: Json, user: str | None) -> Reply:
        if isinstance(target, str):
            view = deepcopy(self.workspace.views[target])
            payload = self._payload("block_actions", user or self.workspace.owners[target], target)
            where = {"view": view, "container": {"type": "view", "view_id": target}, "state": view["state"]}
            return await self.interact(payload | where | {"actions": [action]})
        channel = target.get("channel", "C1")
        who = user or target.get("user") or self.workspace.owner_of(target)
        payload = self._payload("block_actions", who) | {"channel": self._place(channel), "actions": [action]}
        container = {"type": "message", "message_ts": target.get("ts"), "channel_id": channel}
        payload["container"] = container | {"is_ephemeral": target.get("is_ephemeral", True)}
        payload |= {"state": {"values": {}}, "message": {"type": "message"} | target}
        payload["response_url"] = self.workspace.response_url("actions", who, channel)
        return await self.interact(payload)

    async def suggest(self, view_id: str, action_id: str, typed: str = "") -> Reply:
        """Somebody types into an external_select."""
        view = self.workspace.views[view_id]
        block = next(b for b in view["blocks"] for e in elements_of(b) if e["action_id"] == action_id)
        payload = self._payload("block_suggestion", self.workspace.owners[view_id], view_id)
        payload |= {
            "action_id": action_id,
            "block_id": block["block_id"],
            "value": typed,
            "view": deepcopy(view),
        }
        return await self.interact(payload | {"container": {"type": "view", "view_id": view_id}})

    async def close(self, view_id: str, user: str | None = None, is_cleared: bool = False) -> Reply:
        """Cancel, or with `is_cleared` the ×; bridge hears of it only after `notify_on_close`."""
        view, who = self.workspace.views[view_id], user or self.workspace.owners[view_id]
        self.workspace.close_view(view_id, stack=is_cleared)
        if not view["notify_on_close"]:
            return Reply(0, "", 0.0)
        payload = self._payload("view_closed", who) | {"view": deepcopy(view), "is_cleared": is_cleared}
        payload.pop("trigger_id")
        return await self.interact(payload)

    async def event(self, event: Json, event_id: str | None = None) -> Reply:
        """An event_callback of the Events API, as JSON."""
        ours = self.workspace
        envelope: Json = {
            "token": "deprecated",
            "team_id": ours.team_id,
            "api_app_id": ours.app_id,
            "event": event,
        }
        envelope |= {"type": "event_callback", "event_id": event_id or f"Ev{uuid.uuid4().hex[:10].upper()}"}
        bot: Json = {
            "team_id": ours.team_id,
            "user_id": ours.bot_user_id,
            "is_bot": True,
            "enterprise_id": None,
        }
        envelope |= {
            "event_time": int(time.time()),
            "authorizations": [bot | {"is_enterprise_install": False}],
        }
        body = json.dumps(envelope).encode()
        return await self.raw(body, self.sign(body, content_type="application/json"))

    def _user(self, user: str) -> Json:
        stranger = {"id": user, "name": user.lower(), "team_id": self.workspace.team_id}
        return self.workspace.users.get(user, stranger)

    def _place(self, channel: str) -> Json:
        known = self.workspace.channels.get(channel)
        return {"id": channel, "name": known.name if known and not known.is_private else "privategroup"}

    def _payload(self, kind: str, user: str, view_id: str | None = None) -> Json:
        """What all interactions share; `team` is the team of the one who acts, also in shared channels."""
        person = self._user(user)
        who = {"id": user, "username": person["name"], "name": person["name"], "team_id": person["team_id"]}
        payload: Json = {
            "type": kind,
            "token": "deprecated",
            "api_app_id": self.workspace.app_id,
            "user": who,
        }
        payload |= {"team": {"id": person["team_id"], "domain": self.workspace.domain}, "enterprise": None}
        return payload | {"is_enterprise_install": False, "trigger_id": self.workspace.trigger(user, view_id)}


def _now() -> str:
    return f"{time.time():.6f}"
