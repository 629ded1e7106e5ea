"""What has been said in the workspace, as Slack keeps it: messages with rich text, threads, files."""

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bridge.demo.loopback import Json


def text(words: str, **style: bool) -> Json:
    return {"type": "text", "text": words} | ({"style": style} if style else {})


def link(url: str, words: str = "") -> Json:
    return {"type": "link", "url": url} | ({"text": words} if words else {})


def user(user_id: str) -> Json:
    return {"type": "user", "user_id": user_id}


def emoji(name: str) -> Json:
    return {"type": "emoji", "name": name}


def section(*inline: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(inline)}


def bullets(*items: str) -> Json:
    return {"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": [section(text(i)) for i in items]}


def rich(*parts: Json) -> Json:
    return {"type": "rich_text", "block_id": "b", "elements": list(parts)}


def file(id_: str, name: str, title: str, mimetype: str, size: int) -> Json:
    kind = name.rpartition(".")[2]
    return {"id": id_, "name": name, "title": title, "mimetype": mimetype, "filetype": kind, "size": size}


class Talk:
    """Who said what where. `replaced` notes which message a response_url may put itself in place of."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Json]] = defaultdict(list)
        self.replies: dict[tuple[str, str], list[Json]] = defaultdict(list)
        self.replaced: dict[str, str] = {}
        self._said = 0

    def say(
        self, channel: str, who: str, *parts: Json, ago: float = 0, files: Iterable[Json] = (), under: str = ""
    ) -> Json:
        """A message said `ago` minutes ago; `under` is the ts of the message that it answers."""
        block = rich(*parts)
        message: Json = {"type": "message", "user": who, "ts": self._ts(ago), "text": _plain(block), "blocks": [block]}
        message |= {"files": list(files)} if files else {}
        if under:
            self._answer(channel, under, message)
        else:
            self.messages[channel].append(message)
        return message

    def _answer(self, channel: str, under: str, message: Json) -> None:
        """With a first answer a message becomes the first of its thread."""
        first = self.find(channel, under)
        message |= {"thread_ts": under, "parent_user_id": first["user"]}
        self.replies[channel, under].append(message)
        first |= {"thread_ts": under, "reply_count": len(self.replies[channel, under])}

    def find(self, channel: str, ts: str) -> Json:
        """A message or a reply. Raises KeyError."""
        places = [self.messages[channel], *(said for (where, _), said in self.replies.items() if where == channel)]
        for message in (each for place in places for each in place if each["ts"] == ts):
            return message
        raise KeyError(ts)

    def thread(self, channel: str, ts: str) -> list[Json]:
        return [self.find(channel, ts), *self.replies[channel, ts]]

    def _ts(self, ago: float) -> str:
        # A message's ts is its name: no two are alike.
        self._said += 1
        return f"{time.time() - ago * 60 + self._said / 1e6:.6f}"


def _plain(element: Any) -> str:
    """The `text` that Slack sends beside the blocks."""
    kind = element.get("type")
    if kind == "user":
        return f"<@{element['user_id']}>"
    if kind == "emoji":
        return f":{element['name']}:"
    if kind == "link":
        return f"<{element['url']}|{element['text']}>" if element.get("text") else f"<{element['url']}>"
    inner = "".join(map(_plain, element.get("elements", ())))
    words = str(element.get("text", "")).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return words + inner + ("\n" if kind == "rich_text_list" else "")
