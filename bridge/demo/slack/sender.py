"""The other half of Slack's stand-in: its client, which sends people's doings to bridge."""

import hashlib
import hmac
import json
import time
import uuid
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import httpx

from bridge.demo.loopback import Json
from bridge.demo.slack.limits import view_faults
from bridge.demo.slack.views import elements_of, filled, is_empty, mentions
from bridge.demo.slack.workspace import Workspace

FORM = "application/x-www-form-urlencoded"
TROUBLE = "We had some trouble connecting. Try again?"


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
        self, workspace: Workspace, secret: str, client: httpx.AsyncClient, url: str, patience: float = 3.0
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
        reply = await self.form(fields | extra)
        if reply.status == 200 and isinstance(reply.json, dict) and reply.json:
            self.workspace.answers[user].append(reply.json | {"ts": _now(), "channel": channel})
        return reply

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

    async def submit(self, view_id: str, values: Json, user: str | None = None, *, force: bool = False) -> Reply:
        """Submits the view as it is now; `force` sends what Slack's client would not let through."""
        view = self.workspace.views[view_id]
        self.fill(view_id, values)
        if not force and (refused := self._refused(view, values)):
            return refused
        who = user or self.workspace.owners[view_id]
        payload = self._payload("view_submission", who, view_id) | {"view": deepcopy(view), "response_urls": []}
        return self._applied(view_id, await self.interact(payload))

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
            if not block.get("optional") and is_empty(state):
                missing[block["block_id"]] = "Please complete this required field."
            if element["action_id"] not in values and mentions(state.get("rich_text_value")):
                return Reply(0, "", 0.0, TROUBLE)
        errors = json.dumps({"response_action": "errors", "errors": missing})
        return Reply(0, errors, 0.0, "incomplete") if missing else None

    def _applied(self, view_id: str, reply: Reply) -> Reply:
        """Does to the view what the reply says; what Slack would not understand leaves it open."""
        if reply.status != 200:
            return replace(reply, trouble=reply.trouble and TROUBLE)
        if complaint := self._complaint(view_id, reply):
            return replace(reply, trouble=complaint)
        if reply.action == "update":
            self.workspace.replace_view(view_id, reply.json["view"])
        elif reply.action != "errors":
            self.workspace.close_view(view_id)
        return reply

    def _complaint(self, view_id: str, reply: Reply) -> str:
        if reply.action == "update":
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
        action: Json = {name: element[name] for name in ("type", "action_id", "text", "value") if name in element}
        action |= {"block_id": block.get("block_id", "b"), "action_ts": _now()}
        return await self._act(target, action | ({} if value is None else {"value": value}), user)

    async def choose(self, view_id: str, block_id: str, action_id: str, value: Any, user: str | None = None) -> Reply:
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

    async def close(self, view_id: str, user: str | None = None, is_cleared: bool = False) -> Reply:
        """Cancel, or with `is_cleared` the ×; bridge hears of it only after `notify_on_close`."""
        view, who = self.workspace.views[view_id], user or self.workspace.owners[view_id]
        self.workspace.close_view(view_id)
        if not view["notify_on_close"]:
            return Reply(0, "", 0.0)
        payload = self._payload("view_closed", who) | {"view": deepcopy(view), "is_cleared": is_cleared}
        payload.pop("trigger_id")
        return await self.interact(payload)

    async def event(self, event: Json, event_id: str | None = None) -> Reply:
        """An event_callback of the Events API, as JSON."""
        ours = self.workspace
        envelope: Json = {"token": "deprecated", "team_id": ours.team_id, "api_app_id": ours.app_id, "event": event}
        envelope |= {"type": "event_callback", "event_id": event_id or f"Ev{uuid.uuid4().hex[:10].upper()}"}
        bot: Json = {"team_id": ours.team_id, "user_id": ours.bot_user_id, "is_bot": True, "enterprise_id": None}
        envelope |= {"event_time": int(time.time()), "authorizations": [bot | {"is_enterprise_install": False}]}
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
        payload: Json = {"type": kind, "token": "deprecated", "api_app_id": self.workspace.app_id, "user": who}
        payload |= {"team": {"id": person["team_id"], "domain": self.workspace.domain}, "enterprise": None}
        return payload | {"is_enterprise_install": False, "trigger_id": self.workspace.trigger(user)}


def _now() -> str:
    return f"{time.time():.6f}"
