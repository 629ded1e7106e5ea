"""Whether it lives and is ready, and why not; metrics for those who may see them; and no other doors."""

import asyncio
import contextlib
import re
import time
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from bridge import running
from bridge.demo.loopback import serve
from bridge.demo.nexudus.faults import CREATE, Fault
from bridge.operator.doctor import redis
from bridge.store.embedded import embedded
from tests.support.signed import POST, command, effects, send
from tests.support.space import ANA, Space, answer_text, open_space, until, until_async


async def measured(space: Space, **headers: str) -> httpx.Response:
    """/metrics on a port of its own, as METRICS_PORT opens one."""
    async with serve(running.private(space.bridge)) as url:
        return await space.sender.client.get(f"{url}/metrics", headers=headers)


async def get(space: Space, path: str, **headers: str) -> httpx.Response:
    return await space.sender.client.get(f"{space.url}{path}", headers=headers)


async def test_a_sound_bridge_is_alive_and_ready(space: Space) -> None:
    """/livez and /readyz answer 200, and tell nothing about hosts, accounts or people."""
    ready = await get(space, "/readyz")

    assert ((await get(space, "/livez")).status_code, ready.status_code) == (200, 200)
    for secret in ("space.example", "127.0.0.1", space.workspace.team_id, "redis", space.settings.prefix):
        assert secret not in ready.text


async def test_health_makes_no_calls(space: Space) -> None:
    """/readyz answers from what is remembered: neither the board nor Slack is asked."""
    before = effects(space)

    await get(space, "/readyz")
    await get(space, "/livez")

    assert effects(space) == before


async def test_a_bridge_without_redis_is_alive_and_not_ready(tmp_path: Path) -> None:
    """With Redis away, /readyz is 503 within its second, /livez 200; a post is told that it was not kept."""
    with contextlib.ExitStack() as server:
        url = server.enter_context(embedded(tmp_path))
        async with open_space(url, worker=False) as space:
            assert (await get(space, "/readyz")).status_code == 200
            server.close()

            ready, alive = await get(space, "/readyz"), await get(space, "/livez")
            metrics = await measured(space)
            reply = await space.sender.command(ANA, POST)

    assert (ready.status_code, alive.status_code, metrics.status_code) == (503, 200, 200)
    assert reply.status == 200
    assert "*Was not kept.* We cannot keep your post right now" in answer_text(reply)


async def test_a_full_redis_is_not_ready(space: Space, redis_url: str) -> None:
    """It answers PING and takes nothing: /readyz says so, the doctor names the remedy, and it passes by itself."""
    await space.redis.config_set("maxmemory", 1)
    try:
        ready = await get(space, "/readyz")
        found = await redis.examine(space.settings, redis_url)
    finally:
        await space.redis.config_set("maxmemory", 0)

    assert (ready.status_code, ready.json()["store"]) == (503, "away")
    assert (found[0].check, found[0].holds, found[0].remedy) == ("Redis", False, "give it more memory")

    async def is_ready() -> bool:
        return (await get(space, "/readyz")).status_code == 200

    await until_async(is_ready)


async def test_a_rejected_login_is_not_ready(space: Space) -> None:
    """After the board rejected the login, /readyz is 503 and says so, without saying whose login it was."""
    space.board.logins["api@space.example"] = "changed"
    space.board.expire_access_tokens()
    space.board.expire_refresh_tokens()

    await space.sender.command(ANA, POST)

    deadline = time.monotonic() + 5
    while (ready := await get(space, "/readyz")).status_code != 503:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert "rejected" in ready.text
    assert "api@space.example" not in ready.text


@pytest.mark.parametrize("mood", ["down", "slow"])
async def test_a_board_that_is_away_is_named_and_no_reason(space: Space, mood: str) -> None:
    """A board that is slow or away is named in /readyz, which stays 200."""
    space.board.down = mood == "down"
    space.board.delay = 3.0 if mood == "slow" else 0.0

    await space.sender.command(ANA, POST)

    deadline = time.monotonic() + 6
    while (ready := await get(space, "/readyz")).json()["board"] == "ok":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert (ready.status_code, ready.json()["board"]) == (200, "away")


async def test_a_board_that_asks_us_to_wait_is_not_away(space: Space) -> None:
    """Whoever names a time is there; nobody is woken because many post at once."""
    await space.sender.command(ANA, "post Warm | up")
    space.board.misbehave(Fault.THROTTLE_429, value=60)
    await space.sender.command(ANA, "post Later | Words")

    (entry,) = [each async for _, each in space.bridge.outbox.listing()]
    assert entry is not None
    assert (entry.failures, entry.last_error) == (0, "turn")
    assert (await get(space, "/readyz")).json()["board"] == "ok"


async def test_metrics_answer_on_loopback(space: Space) -> None:
    """/metrics on a port of its own is Prometheus text, without a token."""
    answer = await measured(space)

    assert answer.status_code == 200
    assert "bridge_waiting" in answer.text


async def test_what_became_of_posts_is_counted(space: Space) -> None:
    """Stages, states, ages, pauses and what Slack sent twice can be watched from outside, without anybody's words."""
    body = command(space, "post Counted | Words of Ana")
    await send(space, body)
    await until(lambda: space.threads)
    await send(space, body)
    space.board.misbehave(Fault.THROTTLE_429, value=2)
    await space.sender.command(ANA, "post Waiting | Words of Ana")
    await until(lambda: space.board.seen(CREATE)[1:])

    async def shows(*lines: str) -> bool:
        text = (await measured(space)).text
        return all(re.search(rf"^{line}", text, re.M) for line in lines) and "Counted" not in text and ANA not in text

    waits = [r'bridge_drafts{state="kept"} 1', "bridge_waiting 1", "bridge_oldest_seconds [0-9.]*[1-9]"]
    await until_async(lambda: shows(*waits))
    stages = ("queued", "author", "board", "telling")
    counts = [r'bridge_duplicates_total{of="post"} [1-9]', "bridge_pauses_total [1-9]"]
    await until_async(
        lambda: shows(*(f'bridge_stage_seconds_count{{stage="{each}"}} [1-9]' for each in stages), *counts)
    )


async def test_without_a_token_the_open_port_has_no_metrics(shared: Space) -> None:
    """Behind a proxy everybody comes from this machine, so on the web port that proves nothing: 404."""
    assert (await get(shared, "/metrics", Host="127.0.0.1")).status_code == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:3000", 200),
        ("localhost:3000", 200),
        ("localhost", 200),
        ("[::1]:3000", 200),
        ("LocalHost:3000", 200),
        ("evil.example:3000", 404),
        ("127.0.0.1.evil.example", 404),
        ("evil.example@127.0.0.1.example", 404),
        ("192.168.1.5:3000", 404),
        ("[::1", 404),
        ("", 404),
    ],
)
async def test_metrics_are_asked_for_by_the_name_of_this_machine(shared: Space, host: str, status: int) -> None:
    """A page in the operator's own browser, whose name was made to lead here, is from outside: 404."""
    assert (await measured(shared, Host=host)).status_code == status


@pytest.mark.parametrize(
    ("given_header", "status"),
    [
        ("Bearer s3cret", 200),
        ("Bearer S3cret", 404),
        ("s3cret", 404),
        ("Basic s3cret", 404),
        ("Bearer", 404),
        ("", 404),
        ("Bearer \u00e9", 404),
    ],
)
async def test_metrics_with_a_token(redis_url: str, redis: Redis, given_header: str, status: int) -> None:
    """With METRICS_TOKEN, only its bearer reads the metrics; everybody else, loopback too, gets 404."""
    async with open_space(redis_url, worker=False, metrics_token="s3cret") as space:
        answer = await space.sender.client.get(
            f"{space.url}/metrics", headers=[(b"authorization", given_header.encode())]
        )

        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/slack/events", 405),
        ("PUT", "/slack/events", 405),
        ("GET", "/slack/events/", 405),
        ("POST", "/livez", 405),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/files/none", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/slack/install", 404),
        ("GET", "/%00", 404),
    ],
)
async def test_there_are_no_other_doors(shared: Space, method: str, path: str, status: int) -> None:
    """What is not in the contract is not there."""
    answer = await shared.sender.client.request(method, f"{shared.url}{path}", follow_redirects=False)

    assert answer.status_code == status


async def test_slacks_route_with_a_slash_at_its_end(shared: Space) -> None:
    """An address typed with one into Slack's settings works, signed; unsigned it is 401."""
    at, body = f"{shared.sender.url}/", command(shared, "help")

    signed = await shared.sender.client.post(at, content=body, headers=shared.sender.sign(body))
    unsigned = await shared.sender.client.post(at, content=body)

    assert (signed.status_code, unsigned.status_code) == (200, 401)


async def test_a_crowd_that_asks_whether_it_is_ready_asks_once(shared: Space) -> None:
    """However many ask /readyz at a time, the store hears of few: it has its connections for Slack's requests."""
    await get(shared, "/readyz")
    before = (await shared.redis.info("commandstats"))["cmdstat_set"]["calls"]

    answers = await asyncio.gather(*(get(shared, "/readyz") for _ in range(60)))

    assert {each.status_code for each in answers} == {200}
    assert (await shared.redis.info("commandstats"))["cmdstat_set"]["calls"] - before < 30
