"""What holds, what does not, and what to do about it.

Asked anew each time, and nothing is changed by it, unless a test post is asked for.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from redis.exceptions import RedisError

from bridge.operator.doctor import board, public_address, redis, slack
from bridge.operator.doctor.finding import Finding
from bridge.settings.environment import Settings
from bridge.settings.problems import unknown
from bridge.store import other_accounts
from bridge.store.client import connect

__all__ = ["Finding", "examine", "report"]


def examine(settings: Settings, misspelt: Mapping[str, str], test_group: str | None = None) -> list[Finding]:
    """Every check; what rests on something that does not hold is left out.

    `misspelt`: names that are set and are nearly a setting's, and which.
    `test_group`: the id or the name of the group that a test post goes to; it is deleted again.
    """
    well = Finding("Settings", True, "all there and well formed")
    first = [well, *map(_misspelt, misspelt.items()), _account(settings)]
    with redis.at_hand(settings, begin=test_group is not None) as (url, place):
        return [*first, *place, *asyncio.run(_examine(settings, url, test_group))]


def _misspelt(pair: tuple[str, str]) -> Finding:
    """No failure: another program may have a setting of that name."""
    name, meant = pair
    return Finding("Settings", None, f"{name} {unknown(meant)}", f"write {meant} instead, or leave it as it is")


def _account(settings: Settings) -> Finding:
    """Its name in Redis, which stands nowhere else, and is needed before what it is made of changes."""
    name = settings.account
    if settings.bridge_account:
        return Finding("Account", True, f"{name}, as BRIDGE_ACCOUNT says; keep that while posts wait")
    said = f"{name}; to change the API user or address while posts wait, first put BRIDGE_ACCOUNT={name} into .env"
    return Finding("Account", True, said)


def report(findings: Sequence[Finding], *, as_json: bool) -> str:
    """One line each, or a list for machines."""
    if as_json:
        return json.dumps([asdict(each) for each in findings], indent=2)
    return "\n".join(each.line() for each in findings)


async def _examine(settings: Settings, url: str | None, test_group: str | None) -> list[Finding]:
    kept, (at_slack, scopes) = await asyncio.gather(_kept(settings, url), slack.examine(settings))
    at_slack += await slack.installation(settings, url)
    files = slack.carries_files(settings, scopes)
    seen, at_board = await asyncio.gather(
        public_address.examine(settings, files=files), board.examine(settings, url, test_group, files=files)
    )
    return [*kept, *at_slack, *seen, *at_board]


async def _kept(settings: Settings, url: str | None) -> list[Finding]:
    own = settings.redis_url is None
    return [*await redis.examine(settings, url), *await _others(settings, url, own=own)] if url else []


async def _others(settings: Settings, url: str, *, own: bool) -> list[Finding]:
    """Posts under another account: a failure where no other bridge can be theirs, else a hint."""
    async with contextlib.aclosing(connect(url, timeout=3, certificate=settings.certificate)) as redis:
        try:
            found = await other_accounts.others(redis, settings.prefix, alone=own)
        except (RedisError, OSError):  # the look at the store says so
            return []
    return [Finding("Account", False if own else None, each.said, each.remedy) for each in found]
