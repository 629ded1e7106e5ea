"""The Web API's methods that bridge calls, each as a function from its arguments to its answer."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from bridge.demo.loopback import Json
from bridge.demo.slack.limits import block_faults, view_faults
from bridge.demo.slack.memory import Channel, Memory


class Refusal(Exception):
    """Ends a call with `ok: false`, the error, and what Slack has to say about the arguments."""

    def __init__(self, error: str, messages: Iterable[str] = ()) -> None:
        super().__init__(error)
        self.error, self.messages = error, list(messages)


class Methods(Memory):
    """Raises Refusal where Slack would answer `ok: false`."""

    def table(self) -> dict[str, Callable[[Json], Json]]:
        return {
            "auth.test": self._auth_test,
            "users.info": lambda args: {"user": self._person(args.get("user"))},
            "views.open": lambda args: {"view": self._opened(args)},
            "views.update": self._updated,
            "chat.postEphemeral": self._ephemeral,
            "chat.postMessage": self._message,
            "conversations.info": lambda args: {"channel": self._described(args.get("channel", ""))},
            "conversations.replies": self._replies,
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
        profile = {key: value for key, value in user["profile"].items() if key not in hidden and value is not None}
        return user | {"profile": profile}

    def _opened(self, args: Json) -> Json:
        """A trigger_id opens one view, within three seconds."""
        ticket = self.triggers.get(args.get("trigger_id", ""))
        if ticket is None or ticket.age > self.trigger_life:
            raise Refusal("expired_trigger_id")
        if ticket.uses:
            raise Refusal("exchanged_trigger_id")
        _check(view_faults(args.get("view")))
        ticket.uses += 1
        return self.open_view(args["view"], ticket.user)

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
        """To a channel, or to a person: `channel` may be a user id or the D… of the conversation with them."""
        to = args.get("channel", "")
        user = next((each for each in self.users if to in (each, f"D{each[1:]}")), None)
        place = self.dms[user] if user else self.posted[self._channel(to, writing=True).id]
        message = _message(args) | {"channel": f"D{user[1:]}" if user else to, "is_ephemeral": False}
        place.append(message)
        return {"channel": message["channel"], "ts": message["ts"], "message": message}

    def _replies(self, args: Json) -> Json:
        """Page by page; each page begins with the thread's first message, as Slack's do."""
        channel = self._channel(args.get("channel", ""))
        if f"{'groups' if channel.is_private else 'channels'}:history" not in self.scopes.split(","):
            raise Refusal("missing_scope")
        if self.bot_user_id not in channel.members:
            raise Refusal("not_in_channel")
        if (channel.id, args.get("ts", "")) not in self.threads:
            raise Refusal("thread_not_found")
        first, *replies = self.threads[channel.id, args["ts"]]
        start, size = int(args.get("cursor") or 0), min(int(args.get("limit") or 1000), self.reply_page) - 1
        page, more = replies[start : start + size], start + size < len(replies)
        following = {"next_cursor": str(start + size) if more else ""}
        return {"messages": [first, *page], "has_more": more, "response_metadata": following}


def now() -> str:
    return f"{time.time_ns() / 1e9:.6f}"


def _check(faults: list[str], error: str = "invalid_arguments") -> None:
    if faults:
        raise Refusal(error, [f"[ERROR] {fault}" for fault in faults])


def _message(args: Json) -> Json:
    _check(block_faults(args.get("blocks") or [], 50), "invalid_blocks")
    if not args.get("text") and not args.get("blocks") and not args.get("markdown_text"):
        raise Refusal("no_text")
    return args | {"ts": now()}
