"""What the workspace holds: people, places, views, messages, and the tickets that Slack hands out."""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bridge.demo.loopback import Json
from bridge.demo.slack.views import rendered
from bridge.operator.manifest import SCOPES


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
    born: float = field(default_factory=time.monotonic)
    uses: int = 0

    @property
    def age(self) -> float:
        return time.monotonic() - self.born


@dataclass
class StoredFile:
    """What is served at url_private: `content` as `kind`, or a redirect `elsewhere`.

    `told` False hides its length; with `drip` it comes by the byte, one every so many seconds.
    """

    content: bytes
    kind: str
    elsewhere: str | None = None
    told: bool = True
    status: int = 200
    drip: float = 0
    headers: dict[str, str] = field(default_factory=dict)


class Memory:
    """The state of one workspace, and how it is seeded."""

    def __init__(self, token: str = "xoxb-demo", team_id: str = "T0BRIDGE") -> None:  # noqa: S107 - opens nothing
        self.token, self.team_id, self.domain = token, team_id, "harbour"
        self.app_id, self.bot_id, self.bot_user_id = "A0BRIDGE", "B0BRIDGE", "U0BRIDGE"
        self.url, self.scopes = "http://127.0.0.1", ",".join(SCOPES)
        self.trigger_life, self.hook_life, self.hook_uses = 3.0, 1800.0, 5
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
        self.reply_page = 1000
        self.files: dict[str, StoredFile] = {}
        # What a command was answered with, by person: Slack shows it without a call.
        self.answers: dict[str, list[Json]] = defaultdict(list)

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
        flags |= {"is_restricted": restricted, "is_ultra_restricted": ultra_restricted, "is_stranger": stranger}
        user = {"id": id, "team_id": team_id or self.team_id, "name": name.lower(), "real_name": name, **flags}
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

    def add_file(
        self,
        id: str,  # noqa: A002 - Slack's word
        name: str,
        listed: str,
        content: bytes,
        **more: Any,
    ) -> Json:
        """A file as messages hold it; `more` are fields of `StoredFile`, for instance a `kind` other than listed."""
        self.files[id] = StoredFile(**{"content": content, "kind": listed} | more)
        address = f"{self.url}/files-pri/{id}/{name}"
        place = {"url_private": address, "url_private_download": address, "mode": "hosted", "is_external": False}
        link = f"https://{self.domain}.slack.com/files/U0BEN/{id}/{name}"
        return {
            "id": id,
            "name": name,
            "title": name,
            "mimetype": listed,
            "size": len(content),
            "permalink": link,
        } | place

    def add_thread(self, channel: str, messages: list[Json]) -> Json:
        """A thread whose first message is the first of these; answers it as a shortcut would hold it."""
        first, *replies = messages
        ts = first["ts"]
        first |= {"thread_ts": ts, "reply_count": len(replies)}
        self.threads[channel, ts] = [
            first,
            *(each | {"thread_ts": ts, "parent_user_id": first["user"]} for each in replies),
        ]
        return first

    # What Slack hands out

    def trigger(self, user: str = "") -> str:
        """A trigger_id: 3 seconds, one use."""
        trigger_id = f"{time.time_ns()}.{uuid.uuid4().hex[:12]}"
        self.triggers[trigger_id] = Ticket(user)
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

    def open_view(self, view: Json, user: str) -> Json:
        id_ = f"V{uuid.uuid4().hex[:12].upper()}"
        fixed: Json = {"id": id_, "team_id": self.team_id, "app_id": self.app_id, "bot_id": self.bot_id}
        fixed |= {"app_installed_team_id": self.team_id, "root_view_id": id_, "previous_view_id": None}
        self.owners[id_] = user
        self.views[id_] = rendered(view, None) | fixed
        return self.views[id_]

    def replace_view(self, view_id: str, view: Json) -> Json:
        """What was typed stays where block_id and action_id stay; the id stays, the hash does not."""
        old = self.views[view_id]
        fixed = ("id", "team_id", "app_id", "bot_id", "app_installed_team_id", "root_view_id", "previous_view_id")
        self.views[view_id] = rendered(view, old) | {name: old[name] for name in fixed}
        return self.views[view_id]

    def close_view(self, view_id: str) -> None:
        self.closed.add(view_id)
