"""What one process hears of Slack every process knows; and what was closed opens with a token that works."""

from functools import partial
from pathlib import Path

from redis.asyncio import Redis

from tests.processes.test_processes import Town, open_town, subjects
from tests.support.space import ANA, answer_text, until, until_async


async def shows(town: Town, status: int, slack: str) -> bool:
    answer = await town.sender.client.get(f"http://127.0.0.1:{town.port}/readyz")
    return (answer.status_code, answer.json()["slack"]) == (status, slack)


async def test_a_token_that_the_worker_finds_dead(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """The web process asked Slack nothing: its /readyz says what the worker heard, and when that is over."""
    async with open_town(tmp_path, REDIS_URL=redis_url) as town:
        await town.start("web")
        await town.listening()
        token, town.workspace.token = town.workspace.token, "xoxb-another"

        await town.start("worker")

        await until_async(partial(shows, town, 503, "http, token refused: invalid_auth"), 20)
        assert "slack_refuses_token" in (tmp_path / "worker.log").read_text()
        assert "auth.test" in (tmp_path / "worker.log").read_text()
        town.workspace.token = token
        await until_async(partial(shows, town, 200, "http"), 20)


async def test_removed_and_installed_again(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    """Removed, nothing is promised; a start with a token that works carries again, and late events do nothing."""
    async with open_town(tmp_path, REDIS_URL=redis_url) as town:
        run = await town.start("run")
        await town.listening()
        token, town.workspace.token = town.workspace.token, "xoxb-another"
        await town.sender.event({"type": "app_uninstalled"})
        await until_async(partial(shows, town, 503, "http, app removed"), 20)
        assert "was removed from the workspace" in answer_text(await town.sender.command(ANA, "post While | closed"))
        await town.kill(run)
        town.workspace.token = token

        await town.start("run")

        await town.listening()
        await until_async(partial(shows, town, 200, "http"), 20)
        for event in ({"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U0BRIDGE"]}}):
            await town.sender.event(event)
        await town.sender.command(ANA, "post Open | again")
        await until(lambda: subjects(town) == ["Open"], 20)
        assert await shows(town, 200, "http")
