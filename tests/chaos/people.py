"""The people of a town, who see only what Slack shows them, and press again where it tells them to."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import httpx

from bridge.demo.slack.sender import Reply, Sender
from bridge.language import sentences
from tests.chaos.books import Post, Told
from tests.chaos.town import Runner, Town, sender_to

_TRIES = 40


class Crowd:
    """`promised`: the subjects that bridge acknowledged. `told`: last words under a form's fields."""

    def __init__(self, town: Town, client: httpx.AsyncClient, seed: int) -> None:
        self._town, self._client = town, client
        self._chance = random.Random(f"people {seed}")
        self._turns: dict[str, asyncio.Lock] = {}
        self.promised: set[str] = set()
        self.told: list[Told] = []
        self.refused_by_store = self.troubled = 0
        # What is set up at the moment when the post itself is sent, after the form has opened.
        self.prepare: Callable[[], Awaitable[None]] = _nothing

    async def ask(self, post: Post) -> None:
        """A person does one thing at a time."""
        async with self._turns.setdefault(post.user, asyncio.Lock()):
            await (self._by_form(post) if post.form else self._by_command(post))

    async def _slack(self) -> Sender:
        """Slack, by way of a proxy that knows which web processes accept connections."""
        webs = [each for each in self._town.runners if each.role == "web"]
        self._chance.shuffle(webs)
        for web in webs:
            if await _accepts(web):
                return sender_to(self._town, web, self._client)
        return sender_to(self._town, webs[0], self._client)

    async def _by_command(self, post: Post) -> None:
        """Sent once: what a second command says is a second post."""
        await self.prepare()
        reply = await (await self._slack()).command(post.user, f"post {post.subject} | Body of {post.subject}")
        self.troubled += reply.status != 200
        unkept = any(each in reply.text for each in (sentences.NOT_KEPT, sentences.MAYBE_KEPT))
        self.refused_by_store += unkept
        if reply.status == 200 and not unkept:
            self.promised.add(post.subject)

    async def _by_form(self, post: Post) -> None:
        view = await self._opened(post)
        if view is None:
            return
        await self.prepare()
        for _ in range(_TRIES):
            try:
                values = {"subject": post.subject, "message": f"Body of {post.subject}"}
                reply = await (await self._slack()).submit(view, values)
            except KeyError:
                return  # the form's place has been taken by the report
            if await self._ended(post, view, reply):
                return
            await asyncio.sleep(0.3)

    async def _opened(self, post: Post) -> str | None:
        views = self._town.workspace.owners
        before = {id_ for id_, user in views.items() if user == post.user}
        for _ in range(_TRIES):
            await (await self._slack()).global_shortcut(post.user)
            if opened := [id_ for id_, user in views.items() if user == post.user and id_ not in before]:
                return opened[-1]
            await asyncio.sleep(0.3)
        return None

    async def _ended(self, post: Post, view: str, reply: Reply) -> bool:
        """Whether there is nothing left to press; a form that stays open is sent again, as it says."""
        if reply.trouble:
            self.troubled += 1
            return False
        if {sentences.REASONS[each] for each in ("store_away", "store_unsure")} & set(reply.errors.values()):
            self.refused_by_store += 1
            return False
        self.promised.add(post.subject)
        if reply.errors:
            self.told.append(Told(post.subject, post.user, "not posted"))
        elif self._chance.random() < 0.3:
            await (await self._slack()).close(view)
        return True


async def _nothing() -> None:
    """As the board and Slack are."""


async def _accepts(web: Runner) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", web.port)
    except OSError:
        return False
    writer.close()
    return True
