"""What bridge is measured beside: the least that answers Slack. `python -m tests.bench.bare KIND PORT`.

`bolt` is a Bolt app as its documentation begins one, `bolt-early` the same with process_before_response,
`starlette` a route that verifies nothing and asks nobody. The view that they open is in the file VIEW: bridge's own,
for a smaller one would be less work for everybody.
"""

import json
import os
import sys
from pathlib import Path

import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KINDS = ("bolt", "bolt-early", "starlette")


def _bolt(early: bool) -> AsyncApp:
    view = json.loads(Path(os.environ["VIEW"]).read_text()) if "VIEW" in os.environ else {}
    client = AsyncWebClient(token="xoxb-demo", base_url=os.environ["SLACK_API_URL"])
    app = AsyncApp(client=client, signing_secret=os.environ["SLACK_SIGNING_SECRET"], process_before_response=early)

    @app.command("/community")
    async def asked(ack, body, client) -> None:  # type: ignore[no-untyped-def]
        if body.get("text") == "help":
            await ack(text="A word of help")
            return
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    return app


def app(kind: str) -> Starlette:
    """The ASGI app of one of KINDS."""
    if kind == "starlette":

        async def answer(request: Request) -> Response:
            await request.body()
            return JSONResponse({"text": "A word of help"})

        return Starlette(routes=[Route("/slack/events", answer, methods=["POST"])])
    handler = AsyncSlackRequestHandler(_bolt(kind == "bolt-early"))

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    return Starlette(routes=[Route("/slack/events", events, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(app(sys.argv[1]), port=int(sys.argv[2]), access_log=False, log_level="critical", lifespan="off")
