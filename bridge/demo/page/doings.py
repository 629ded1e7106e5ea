"""What people do on the page, each passed on as Slack's client would: signed, over HTTP."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from bridge.demo.loopback import Json
from bridge.demo.page.feed import direct, private_messages
from bridge.demo.page.mood import Switch
from bridge.demo.slack.sender import Reply
from bridge.demo.slack.talk import Talk, section, text
from bridge.demo.slack.views import VALUES
from bridge.demo.stage import Stage
from bridge.words.mrkdwn import escape

# A command of more than this is not typed by a person.
MOST_TYPED = 8000
TROUBLES = {
    "operation_timeout": "/community failed with the error “operation_timeout”",
    "dispatch_failed": "/community failed with the error “dispatch_failed”",
}

Doing = Callable[[str, Json], Awaitable[Json]]


class Doings:
    """Every method is something that the person `me` does. Raises KeyError for what there is not."""

    def __init__(self, stage: Stage, talk: Talk, switch: Switch) -> None:
        self.stage, self.talk, self.switch = stage, talk, switch
        self.sender, self.slack = stage.sender, stage.workspace

    def table(self) -> dict[str, Doing]:
        doings = (self.command, self.say, self.share, self.begin, self.submit, self.press, self.choose, self.close)
        return {each.__name__: each for each in (*doings, self.mood)}

    async def command(self, me: str, args: Json) -> Json:
        """`/community …`, escaped as the app's manifest asks for it."""
        typed = self._escaped(str(args["text"])[:MOST_TYPED])
        return _said(await self.sender.command(me, typed, self._place(me, args["channel"])))

    async def say(self, me: str, args: Json) -> Json:
        """An ordinary message; one to the app is an event that bridge answers."""
        channel, typed = self._place(me, args["channel"]), str(args["text"])[:MOST_TYPED]
        message = self.talk.say(channel, me, section(text(typed)))
        if channel != direct(me):
            return {}
        event = {key: message[key] for key in ("type", "user", "ts", "text")}
        return _said(await self.sender.event(event | {"channel": channel, "channel_type": "im"}))

    async def share(self, me: str, args: Json) -> Json:
        """The message menu's "Post to community"."""
        channel = self._place(me, args["channel"])
        message = self.talk.find(channel, str(args["ts"]))
        return _said(await self.sender.message_shortcut(me, message, channel))

    async def begin(self, me: str, args: Json) -> Json:
        """The shortcut "New community post"."""
        return _said(await self.sender.global_shortcut(me))

    async def submit(self, me: str, args: Json) -> Json:
        view_id = self._view(me, args["view"])
        return _said(await self.sender.submit(view_id, self._values(view_id, args)))

    async def press(self, me: str, args: Json) -> Json:
        """A button, in the open form or in a message that bridge sent."""
        action, value = str(args["action"]), args.get("value")
        if "view" in args:
            view_id = self._view(me, args["view"])
            self.sender.fill(view_id, self._values(view_id, args))
            return _said(await self.sender.press(view_id, action, value))
        told = private_messages(self.stage, self.talk, me)
        message = next((each for each in told if each["ts"] == args["ts"]), None)
        if message is None:
            raise KeyError(args["ts"])
        before = set(self.slack.hooks)
        reply = await self.sender.press(message, action, value, me)
        # The response_url of this press is the one that may replace the message.
        self.talk.replaced |= {each: str(message["ts"]) for each in self.slack.hooks if each not in before}
        return _said(reply)

    async def choose(self, me: str, args: Json) -> Json:
        """A choice in a field that bridge wants to hear of at once."""
        view_id, block = self._view(me, args["view"]), str(args["block"])
        values = self._values(view_id, args)
        self.sender.fill(view_id, values)
        return _said(await self.sender.choose(view_id, block, str(args["action"]), values[args["action"]]))

    async def close(self, me: str, args: Json) -> Json:
        return _said(await self.sender.close(self._view(me, args["view"])))

    async def mood(self, me: str, args: Json) -> Json:
        await self.switch.turn(args["mood"])
        return {}

    def _place(self, me: str, channel: Any) -> str:
        known = self.slack.channels.get(channel)
        if channel != direct(me) and (known is None or me not in known.members):
            raise KeyError(channel)
        return str(channel)

    def _view(self, me: str, view_id: Any) -> str:
        if view_id in self.slack.closed or self.slack.owners[view_id] != me:
            raise KeyError(view_id)
        return str(view_id)

    def _values(self, view_id: str, args: Json) -> Json:
        """What was typed, for the fields that the form still has."""
        held = self.slack.views[view_id]["state"]["values"].values()
        kinds = {name: state["type"] for fields in held for name, state in fields.items()}
        given = args.get("values") or {}
        return {name: _value(kinds[name], value) for name, value in given.items() if name in kinds}

    def _escaped(self, typed: str) -> str:
        """`should_escape`: people and channels become references, and three characters are escaped."""
        people = {person["name"]: id_ for id_, person in self.slack.users.items()}
        channels = {each.name: each.id for each in self.slack.channels.values() if not each.is_private}

        def reference(found: re.Match[str]) -> str:
            name = found[2].lower()
            if found[1] == "@":
                full = next((each for each in people if each.split()[0] == name), "")
                return f"<@{people[full]}|{name}>" if full else found[0]
            return f"<#{channels[name]}|{name}>" if name in channels else found[0]

        return re.sub(r"([@#])([\w-]+)", reference, escape(typed))


def _value(kind: str, given: Any) -> Any:
    """Numbers and objects where the form holds texts and lists would not be what Slack's client sends."""
    expected: dict[str, type | tuple[type, ...]] = {"plain_text_input": str, "rich_text_input": dict}
    expected["multi_users_select"] = expected["checkboxes"] = list
    if given is not None and not isinstance(given, expected.get(kind, str)):
        raise KeyError(kind)
    return given if given or VALUES[kind][0] == "selected_options" else None


def _said(reply: Reply) -> Json:
    return {"trouble": TROUBLES.get(reply.trouble, reply.trouble), "errors": reply.errors}
