"""The page's own server: its files, a stream of what is to be seen, and what people do.

It adds nothing to bridge and takes nothing away: every doing goes through the stand-in for Slack.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.demo.loopback import Json
from bridge.demo.nexudus import portal
from bridge.demo.page import feed, way
from bridge.demo.page.doings import Doings
from bridge.demo.page.mood import MOODS, Switch
from bridge.demo.page.scene import PEOPLE, first_words
from bridge.demo.stage import Stage

FILES = Path(__file__).parent / "assets"
EMOJI = Path(__file__).parents[2] / "words" / "emoji.json"
MOST_BYTES = 200_000
# How often the page looks whether something has changed, in seconds.
TICK = 0.08

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Site:
    """Serve `app`, then call `open` with the stage that it is to show."""

    def __init__(self) -> None:
        routes = [
            Route("/", self._page),
            Route("/emoji.json", self._emoji),
            Route("/stream", self._stream),
            Route("/do/{doing}", self._do, methods=["POST"]),
            Mount("/assets", StaticFiles(directory=FILES)),
        ]
        self.app = Starlette(routes=routes, middleware=[Middleware(_Headers)])

    def open(self, stage: Stage) -> None:
        """Raises the curtain: from now on requests are answered."""
        self.stage, self.talk = stage, first_words(stage.workspace)
        self.switch = Switch(stage)
        self.doings = Doings(stage, self.talk, self.switch).table()

    async def _page(self, request: Request) -> Response:
        return FileResponse(FILES / "index.html")

    async def _emoji(self, request: Request) -> Response:
        return FileResponse(EMOJI, media_type="application/json")

    async def _stream(self, request: Request) -> Response:
        """Server-sent events: all that one person sees, whenever something of it has changed."""
        me = request.query_params.get("as", "")
        if all(each.id != me for each in PEOPLE):
            return JSONResponse({"error": "nobody"}, 400)
        return StreamingResponse(self._events(me), media_type="text/event-stream")

    async def _events(self, me: str) -> AsyncIterator[str]:
        last = ""
        while True:
            now = json.dumps(await self.seen(me), ensure_ascii=False)
            if now != last:
                yield f"data: {now}\n\n"
                last = now
            await asyncio.sleep(TICK)

    async def seen(self, me: str) -> Json:
        """The whole page for one person."""
        person = next(each for each in PEOPLE if each.id == me)
        home = self.stage.workspace.team_id
        return {
            "me": me,
            "people": [{"id": each.id, "name": each.name, "about": each.about} for each in PEOPLE],
            "channels": feed.channels(self.stage, self.talk, me),
            "names": {each.id: each.name for each in self.stage.workspace.channels.values()},
            "view": feed.open_view(self.stage, me),
            "board": portal.shown(self.stage.board, person, PEOPLE),
            "moods": [{"id": id_, "name": mood.name, "about": mood.about} for id_, mood in MOODS.items()],
            "mood": self.switch.mood,
            "crossings": await way.crossings(self.stage.bridge.outbox, home),
        }

    async def _do(self, request: Request) -> Response:
        """Only from this page: another site's page could reach 127.0.0.1, too."""
        if not _same_origin(request):
            return JSONResponse({"error": "not from this page"}, 403)
        doing, body = self.doings.get(request.path_params["doing"]), await request.body()
        try:
            args = json.loads(body) if len(body) <= MOST_BYTES else None
            if doing is None or not isinstance(args, dict) or all(each.id != args.get("as") for each in PEOPLE):
                return JSONResponse({"error": "there is no such thing to do"}, 400)
            return JSONResponse(await doing(args["as"], args))
        except (KeyError, TypeError, ValueError):
            return JSONResponse({"error": "that is not there any more"}, 400)


def _same_origin(request: Request) -> bool:
    origin = request.headers.get("origin", "")
    own = f"http://{request.headers.get('host')}"
    return origin == own and request.headers.get("content-type") == "application/json"


class _Headers:
    """On every answer: nothing from elsewhere is loaded, nothing is kept."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self.app(scope, receive, headed)
