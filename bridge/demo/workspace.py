"""A stand-in for Slack: the Web API that bridge calls and the response_urls that it answers to."""

import asyncio
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from bridge.demo.loopback import hang_up
from bridge.demo.sender import Json, block_faults, rendered, view_faults

SCOPES = "commands,users:read,users:read.email,chat:write"


@dataclass(frozen=True)
class Call:
    """One call as it came in; a response_url's has the method "hooks". `at` is time.monotonic()."""

    method: str
    args: Json
    at: float = field(default_factory=time.monotonic)


@dataclass
class Channel:
    """A conversation; `error` makes every post to it fail by that name."""

    id: str
    name: str
    is_private: bool
    members: set[str]
    is_ext_shared: bool
    error: str | None = None


@dataclass
class Ticket:
    """A trigger_id or a response_url: short-lived, and good for so many uses."""

    user: str
    channel: str = ""
    view: str | None = None
    born: float = field(default_factory=time.monotonic)
    uses: int = 0


@dataclass
class Trouble:
    """What a method does instead of its work: an error by name, or an HTTP status with its header."""

    error: str | int
    times: int | None
    retry_after: float | None = None


class Refusal(Exception):
    """Ends a call with `ok: false`, the error, and what Slack has to say about the arguments."""

    def __init__(self, error: str, messages: Iterable[str] = ()) -> None:
        super().__init__(error)
        self.error, self.messages = error, list(messages)


class Workspace:
    """One workspace with one app installed. Seed it, serve `app`, and set `url` to where it is served."""

    def __init__(self, token: str = "xoxb-demo", team_id: str = "T0BRIDGE") -> None:  # noqa: S107 - opens nothing
        self.token, self.team_id, self.domain = token, team_id, "harbour"
        self.app_id, self.bot_id, self.bot_user_id = "A0BRIDGE", "B0BRIDGE", "U0BRIDGE"
        self.url, self.scopes = "http://127.0.0.1", SCOPES
        self.trigger_life, self.hook_life, self.hook_uses = 3.0, 1800.0, 5
        self.down = self.dead_hooks = False
        self.users: dict[str, Json] = {}
        self.channels: dict[str, Channel] = {}
        self.calls: list[Call] = []
        self.triggers: dict[str, Ticket] = {}
        self.hooks: dict[str, Ticket] = {}
        self.views: dict[str, Json] = {}
        self.owners: dict[str, str] = {}
        self.closed: set[str] = set()
        self.responses: dict[str, list[Json]] = defaultdict(list)
        self.dms: dict[str, list[Json]] = defaultdict(list)
        self.posted: dict[str, list[Json]] = defaultdict(list)
        self.ephemerals: list[Json] = []
        self.threads: dict[tuple[str, str], list[Json]] = {}
        self.usergroups: dict[str, str] = {}
        self.emoji: dict[str, str] = {}
        self.slowness: dict[str, float] = {}
        self.troubles: dict[str, Trouble] = {}
        self._methods: dict[str, Callable[[Json], Json]] = self._table()
        hooks = Route("/hooks/{kind}/{id}", self._hook, methods=["POST"])
        api = Route("/api/{method}", self._call, methods=["GET", "POST"])
        self.app = Starlette(routes=[Mount("/", self._unless_down(Starlette(routes=[hooks, api])))])

    def _unless_down(self, app: Starlette) -> Any:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            await (hang_up(scope, receive) if self.down else app(scope, receive, send))

        return door

    # Seeding and misbehaving

    def add_user(
        self,
        id: str,  # noqa: A002 - Slack's word
        name: str,
        email: str | None,
        *,
        team_id: str | None = None,
        confirmed: bool = True,
        deleted: bool = False,
        is_bot: bool = False,
        restricted: bool = False,
        ultra_restricted: bool = False,
        stranger: bool = False,
    ) -> Json:
        profile = {"real_name": name, "display_name": name, "email": email, "team": team_id or self.team_id}
        flags = {"deleted": deleted, "is_bot": is_bot, "is_email_confirmed": confirmed, "is_app_user": False}
        flags |= {
            "is_restricted": restricted,
            "is_ultra_restricted": ultra_restricted,
            "is_stranger": stranger,
        }
        user = {
            "id": id,
            "team_id": team_id or self.team_id,
            "name": name.lower(),
            "real_name": name,
            **flags,
        }
        self.users[id] = user | {"tz": "Europe/Zurich", "updated": int(time.time()), "profile": profile}
        return self.users[id]

    def add_channel(
        self,
        id: str,  # noqa: A002 - Slack's word
        name: str,
        private: bool = False,
        members: Iterable[str] = (),
        ext_shared: bool = False,
    ) -> Channel:
        """The app's own bot is in the channel only when `members` holds `bot_user_id`."""
        self.channels[id] = Channel(id, name, private, set(members), ext_shared)
        return self.channels[id]

    def slow(self, method: str, seconds: float) -> None:
        self.slowness[method] = seconds

    def fail(self, method: str, error: str | int, times: int | None = 1) -> None:
        """An error by Slack's name, or a bare HTTP status; `times` None is until `behave()`."""
        self.troubles[method] = Trouble(error, times)

    def ratelimit(self, method: str, seconds: float, times: int | None = 1) -> None:
        self.troubles[method] = Trouble("ratelimited", times, seconds)

    def behave(self) -> None:
        self.slowness.clear()
        self.troubles.clear()
        self.down = self.dead_hooks = False

    # What Slack hands out

    def trigger(self, user: str = "", view: str | None = None) -> str:
        """A trigger_id: 3 seconds, one use."""
        trigger_id = f"{time.time_ns()}.{uuid.uuid4().hex[:12]}"
        self.triggers[trigger_id] = Ticket(user, view=view)
        return trigger_id

    def response_url(self, kind: str, user: str, channel: str) -> str:
        """A response_url: five uses within 30 minutes."""
        id_ = uuid.uuid4().hex
        self.hooks[id_] = Ticket(user, channel)
        return f"{self.url}/hooks/{kind}/{id_}"

    def owner_of(self, message: Json) -> str:
        """Whom a direct message or a response_url's message was for."""
        channel, ts = message.get("channel", ""), message.get("ts")
        sent = (self.hooks[i].user for i, kept in self.responses.items() if any(m["ts"] == ts for m in kept))
        return next(sent, f"U{channel[1:]}")

    def open_view(self, view: Json, user: str, previous: str | None = None) -> Json:
        id_ = f"V{uuid.uuid4().hex[:12].upper()}"
        root = self.views[previous]["root_view_id"] if previous else id_
        fixed: Json = {"id": id_, "team_id": self.team_id, "app_id": self.app_id, "bot_id": self.bot_id}
        fixed |= {"app_installed_team_id": self.team_id, "root_view_id": root, "previous_view_id": previous}
        self.owners[id_] = user
        self.views[id_] = rendered(view, None) | fixed
        return self.views[id_]

    def replace_view(self, view_id: str, view: Json) -> Json:
        """What was typed stays where block_id and action_id stay; the id stays, the hash does not."""
        old = self.views[view_id]
        fixed = (
            "id",
            "team_id",
            "app_id",
            "bot_id",
            "app_installed_team_id",
            "root_view_id",
            "previous_view_id",
        )
        self.views[view_id] = rendered(view, old) | {name: old[name] for name in fixed}
        return self.views[view_id]

    def close_view(self, view_id: str, stack: bool = False) -> None:
        root = self.views[view_id]["root_view_id"]
        self.closed |= {each for each, view in self.views.items() if stack and view["root_view_id"] == root}
        self.closed.add(view_id)

    # The doors

    async def _trouble(self, method: str) -> Response | None:
        await asyncio.sleep(self.slowness.get(method, 0))
        trouble = self.troubles.get(method)
        if trouble is None:
            return None
        trouble.times = trouble.times and trouble.times - 1
        if trouble.times == 0:
            del self.troubles[method]
        body = {"ok": False, "error": str(trouble.error)}
        if trouble.retry_after is not None:
            return JSONResponse(body, 429, {"Retry-After": f"{trouble.retry_after:g}"})
        return JSONResponse(body, trouble.error if isinstance(trouble.error, int) else 200)

    async def _call(self, request: Request) -> Response:
        """JSON, a form, or a query; always 200 with `ok`, except for rate limits and broken days."""
        method, args = request.path_params["method"], await _arguments(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or args.pop("token", None)
        self.calls.append(Call(method, args))
        if answer := await self._trouble(method):
            return answer
        try:
            reply = self._answer(method, token, args)
        except Refusal as refusal:
            detail = {"response_metadata": {"messages": refusal.messages}} if refusal.messages else {}
            reply = {"ok": False, "error": refusal.error} | detail
        return JSONResponse(reply, headers={"x-oauth-scopes": self.scopes})

    def _answer(self, method: str, token: str | None, args: Json) -> Json:
        if method not in self._methods:
            raise Refusal("unknown_method")
        if token != self.token:
            raise Refusal("invalid_auth" if token else "not_authed")
        return {"ok": True} | self._methods[method](args)

    async def _hook(self, request: Request) -> Response:
        """A response_url takes a message of the app, five times within 30 minutes."""
        id_, payload = request.path_params["id"], await _arguments(request)
        self.calls.append(Call("hooks", {"id": id_} | payload))
        if answer := await self._trouble("hooks"):
            return answer
        hook = self.hooks.get(id_)
        if hook is None or self.dead_hooks or hook.uses >= self.hook_uses or _age(hook) > self.hook_life:
            return PlainTextResponse("used_url", 404)
        if block_faults(payload.get("blocks", []), 50):
            return PlainTextResponse("invalid_blocks", 400)
        hook.uses += 1
        ephemeral = payload.get("response_type") != "in_channel"
        self.responses[id_].append(
            payload | {"ts": _ts(), "channel": hook.channel, "is_ephemeral": ephemeral}
        )
        return PlainTextResponse("ok")

    # The methods

    def _table(self) -> dict[str, Callable[[Json], Json]]:
        return {
            "auth.test": self._auth_test,
            "users.info": lambda args: {"user": self._person(args.get("user"))},
            "users.lookupByEmail": self._lookup,
            "views.open": lambda args: {"view": self._opened(args, push=False)},
            "views.push": lambda args: {"view": self._opened(args, push=True)},
            "views.update": self._updated,
            "chat.postEphemeral": self._ephemeral,
            "chat.postMessage": self._message,
            "chat.update": self._edited,
            "chat.getPermalink": self._permalink,
            "conversations.info": lambda args: {"channel": self._described(args.get("channel", ""))},
            "conversations.open": lambda args: {"channel": {"id": f"D{args['users'][1:]}"}},
            "conversations.replies": self._replies,
            "usergroups.list": lambda args: {
                "usergroups": [{"id": id_, "handle": handle} for id_, handle in self.usergroups.items()]
            },
            "emoji.list": lambda args: {"emoji": self.emoji},
        }

    def _auth_test(self, args: Json) -> Json:
        ours = {"team_id": self.team_id, "user_id": self.bot_user_id, "bot_id": self.bot_id}
        names = {"url": f"https://{self.domain}.slack.com/", "team": self.domain, "user": "bridge"}
        return ours | names | {"is_enterprise_install": False}

    def _person(self, user_id: Any) -> Json:
        """The e-mail only with users:read.email."""
        if user_id not in self.users:
            raise Refusal("user_not_found")
        user = self.users[user_id]
        hidden = () if "users:read.email" in self.scopes else ("email",)
        profile = {
            key: value for key, value in user["profile"].items() if key not in hidden and value is not None
        }
        return user | {"profile": profile}

    def _lookup(self, args: Json) -> Json:
        for user_id, user in self.users.items():
            if (user["profile"]["email"] or "").lower() == str(args.get("email")).lower():
                return {"user": self._person(user_id)}
        raise Refusal("users_not_found")

    def _opened(self, args: Json, push: bool) -> Json:
        """A trigger_id opens one view, within three seconds; at most three are stacked."""
        ticket = self.triggers.get(args.get("trigger_id", ""))
        if ticket is None or _age(ticket) > self.trigger_life:
            raise Refusal("expired_trigger_id")
        if ticket.uses:
            raise Refusal("exchanged_trigger_id")
        _check(view_faults(args.get("view")))
        if push and len(self._stack(ticket.view)) >= 3:
            raise Refusal("push_limit_reached")
        ticket.uses += 1
        return self.open_view(args["view"], ticket.user, ticket.view if push else None)

    def _stack(self, view_id: str | None) -> list[str]:
        root = self.views[view_id]["root_view_id"] if view_id else ""
        return [i for i, view in self.views.items() if view["root_view_id"] == root and i not in self.closed]

    def _updated(self, args: Json) -> Json:
        """By view_id or external_id; with `hash`, only while nothing else has changed the view."""
        external = args.get("external_id")
        named = (i for i, view in self.views.items() if external and view["external_id"] == external)
        view_id = args.get("view_id") or next(named, "")
        if view_id not in self.views or view_id in self.closed:
            raise Refusal("not_found")
        if args.get("hash") not in (None, "", self.views[view_id]["hash"]):
            raise Refusal("hash_conflict")
        _check(view_faults(args.get("view")))
        return {"view": self.replace_view(view_id, args["view"])}

    def _channel(self, id_: str, writing: bool = False) -> Channel:
        """A private channel without our bot does not exist for us; a public one cannot be written to."""
        channel = self.channels.get(id_)
        if channel is None or (channel.is_private and self.bot_user_id not in channel.members):
            raise Refusal("channel_not_found")
        if writing and channel.error:
            raise Refusal(channel.error)
        if writing and self.bot_user_id not in channel.members and "chat:write.public" not in self.scopes:
            raise Refusal("not_in_channel")
        return channel

    def _described(self, id_: str) -> Json:
        channel = self._channel(id_)
        flags = {"is_private": channel.is_private, "is_channel": not channel.is_private, "is_im": False}
        flags |= {"is_ext_shared": channel.is_ext_shared, "is_member": self.bot_user_id in channel.members}
        return {"id": id_, "name": channel.name} | flags

    def _ephemeral(self, args: Json) -> Json:
        if args.get("user") not in self._channel(args.get("channel", ""), writing=True).members:
            raise Refusal("user_not_in_channel")
        message = _message(args) | {"is_ephemeral": True}
        self.ephemerals.append(message)
        return {"message_ts": message["ts"]}

    def _message(self, args: Json) -> Json:
        """To a channel, or to a person: `channel` may be a user id or the D… of conversations.open."""
        to = args.get("channel", "")
        user = next((each for each in self.users if to in (each, f"D{each[1:]}")), None)
        place = self.dms[user] if user else self.posted[self._channel(to, writing=True).id]
        message = _message(args) | {"channel": f"D{user[1:]}" if user else to, "is_ephemeral": False}
        place.append(message)
        return {"channel": message["channel"], "ts": message["ts"], "message": message}

    def _edited(self, args: Json) -> Json:
        for message in (
            each for place in (self.dms, self.posted) for kept in place.values() for each in kept
        ):
            if (message["ts"], message["channel"]) == (args.get("ts"), args.get("channel")):
                message.update(_message(args) | {"ts": message["ts"]})
                return {"channel": message["channel"], "ts": message["ts"], "text": message.get("text")}
        raise Refusal("message_not_found")

    def _permalink(self, args: Json) -> Json:
        channel, ts = self._channel(args.get("channel", "")).id, str(args.get("message_ts"))
        link = f"https://{self.domain}.slack.com/archives/{channel}/p{ts.replace('.', '')}"
        return {"channel": channel, "permalink": link}

    def _replies(self, args: Json) -> Json:
        channel = self._channel(args.get("channel", "")).id
        if (channel, args.get("ts", "")) not in self.threads:
            raise Refusal("thread_not_found")
        return {"messages": self.threads[channel, args["ts"]], "has_more": False}


def _age(ticket: Ticket) -> float:
    return time.monotonic() - ticket.born


def _ts() -> str:
    return f"{time.time_ns() / 1e9:.6f}"


def _check(faults: list[str], error: str = "invalid_arguments") -> None:
    if faults:
        raise Refusal(error, [f"[ERROR] {fault}" for fault in faults])


def _message(args: Json) -> Json:
    _check(block_faults(args.get("blocks") or [], 50), "invalid_blocks")
    if not args.get("text") and not args.get("blocks") and not args.get("markdown_text"):
        raise Refusal("no_text")
    return args | {"ts": _ts()}


async def _arguments(request: Request) -> Json:
    """Form values that hold JSON (view, blocks) are read as such."""
    body = (await request.body()).decode()
    if "json" in request.headers.get("content-type", ""):
        return dict(json.loads(body))
    form = dict(request.query_params) | dict(parse_qsl(body))
    return {key: json.loads(value) if value[:1] in ("{", "[") else value for key, value in form.items()}
