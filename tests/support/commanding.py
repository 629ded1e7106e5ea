"""Commands run as an operator runs them, beside the loop that serves the stand-ins."""

import asyncio
from dataclasses import replace
from typing import Any

from pydantic import SecretStr
from redis.asyncio import Redis
from typer.testing import CliRunner, Result

from bridge.__main__ import cli
from bridge.outbox.ledger import Outbox
from bridge.post.draft import Draft, Origin, Outcome
from bridge.settings.environment import Settings
from tests.support.space import ANA, Space

TEAM = "T0BRIDGE"

Environment = dict[str, str | None]


def environment(settings: Settings, **more: str | None) -> Environment:
    """The environment that leads to these settings."""
    chosen = {name: getattr(settings, name) for name in settings.model_fields_set}
    told = {name: each.get_secret_value() if isinstance(each, SecretStr) else each for name, each in chosen.items()}
    return {name.upper(): str(each) for name, each in told.items() if each is not None} | more


async def command(env: Environment, *args: str, typed: str | None = None) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli, list(args), env=env, input=typed))


async def bridge(space: Space, *args: str, typed: str | None = None) -> Result:
    """One command on the Redis of this space."""
    return await command(environment(space.settings, REDIS_URL=space.extra["redis_url"]), *args, typed=typed)


def draft(user: str = ANA, subject: str = "Lunch", **more: Any) -> Draft:
    origin = Origin(TEAM, user, 1.0, channel="C1", response_url="https://hooks.slack.com/secret", message_ts="1.1")
    return Draft(origin, subject, ({"mrkdwn": "Who *joins*?"},), **more)


async def put(outbox: Outbox, key: str = "k", of: Draft | None = None) -> str:
    return (await outbox.put(key, of or draft())).id


async def end(outbox: Outbox, outcome: Outcome, way: str = "message") -> None:
    """As the worker does with the draft that is due."""
    entry = await outbox.claim()
    assert not isinstance(entry, float)
    await outbox.settle(entry, outcome)
    await outbox.told(replace(entry, outcome=outcome), way)


async def mark_as_sending(redis: Redis, space: Space, id_: str) -> None:
    await redis.hset(f"{space.settings.prefix}draft:{id_}", mapping={"state": "sending", "sends": 1})
