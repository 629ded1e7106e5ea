"""The doctor: each fault on its own line with its remedy, found by the real command against the stand-ins."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bridge import store
from bridge.demo.loopback import serve
from bridge.doctor import eviction, persistence
from tests.clinic import Clinic, Dated, open_clinic


@pytest.fixture
async def clinic(
    redis_url: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Clinic]:
    monkeypatch.chdir(tmp_path)  # nobody's .env
    async with open_clinic(redis_url) as opened:
        yield opened


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of one test, to be spoiled."""
    with store.embedded(tmp_path_factory.mktemp("own")) as url:
        yield url


async def spoil(url: str, *words: str) -> None:
    async with contextlib.aclosing(store.connect(url)) as client:
        await client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it untyped


# ── in good health ───────────────────────────────────────────────────────────


async def test_all_is_well(clinic: Clinic) -> None:
    """Where all holds every line begins with ok, and the command ends with 0."""
    result = await clinic.doctor()

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [each for each in lines if not each.startswith("ok  ")] == []
    names = [each[4:].partition(":")[0] for each in lines]
    assert names == [
        "Settings", "Redis", "Persistence", "Eviction", "Slack", "Slack scopes",
        "Nexudus", "Nexudus roles", "Location", "Groups", "Thread link",
    ]  # fmt: skip
    assert "power loss too (appendfsync always)" in lines[2]
    assert "Hall (1421021016)" in result.stdout
    assert "3 at Hall" in result.stdout
    thread = next(iter(clinic.board.threads))
    assert f"https://hall.spaces.nexudus.com/en/conversations/thread/{thread}/coffee-is-back" in lines[-1]


async def test_machines_get_the_same(clinic: Clinic) -> None:
    """--json lists every finding with its check, whether it holds, what was said and the remedy."""
    clinic.workspace.token = "xoxb-another"

    result = await clinic.doctor("--json")

    assert result.exit_code == 1
    found = {each["check"]: each for each in json.loads(result.stdout)}
    assert found["Redis"]["holds"] is True
    assert found["Slack"]["holds"] is False
    assert found["Slack"]["remedy"]


async def test_nothing_is_changed(clinic: Clinic, redis: Redis) -> None:
    """No write reaches the board but the login, no call Slack but auth.test, and Redis stays as empty as it was."""
    threads = dict(clinic.board.threads)

    await clinic.doctor()

    writes = [each.line for each in clinic.board.requests if each.method != "GET"]
    assert writes == ["POST /api/token"]
    assert clinic.board.threads == threads
    assert [each.method for each in clinic.workspace.calls] == ["auth.test"]
    assert await redis.dbsize() == 0


async def test_no_secret_is_printed(clinic: Clinic) -> None:
    """Neither in health nor with everything broken does a token, a password or a secret appear."""
    told = [(await clinic.doctor()).output, (await clinic.doctor("--json")).output]
    clinic.board.down = clinic.workspace.down = True
    told.append((await clinic.doctor(REDIS_URL="redis://me:hush-hush@127.0.0.1:1/0", NEXUDUS_PASSWORD="s3same")).output)

    for secret in ("xoxb-demo", "8f742231b10e", "hush-hush", "s3same", "at-", "rt-"):
        assert not any(secret in each for each in told), secret


async def test_missing_settings_end_with_2(clinic: Clinic) -> None:
    """As with every command: a line for each setting that is missing or wrong, and nothing is asked."""
    result = await clinic.doctor(SLACK_BOT_TOKEN=None, NEXUDUS_URL="http://board.example")

    assert result.exit_code == 2
    assert [each.split(":")[0] for each in result.stderr.splitlines()] == ["SLACK_BOT_TOKEN", "NEXUDUS_URL"]
    assert clinic.board.requests == []


# ── Slack ────────────────────────────────────────────────────────────────────


async def test_a_wrong_token(clinic: Clinic) -> None:
    """Slack's invalid_auth leads to where the right token stands."""
    line = await clinic.line("Slack", SLACK_BOT_TOKEN="xoxb-wrong")

    assert line.startswith("no  Slack: the bot token is not accepted (invalid_auth) → ")
    assert "OAuth & Permissions" in line


async def test_a_revoked_token(clinic: Clinic) -> None:
    """A token that was good once is mended by installing the app again."""
    clinic.workspace.fail("auth.test", "token_revoked")

    assert "install the app again" in await clinic.line("Slack")


async def test_a_missing_scope(clinic: Clinic) -> None:
    """Every missing scope is named, and that the app must be installed again."""
    clinic.workspace.scopes = "commands,users:read,chat:write,channels:read"

    line = await clinic.line("Slack scopes")

    assert line.startswith("no  Slack scopes: missing: users:read.email, im:history → ")
    assert "bridge manifest" in line
    assert "install it again" in line


async def test_slack_away(clinic: Clinic) -> None:
    """A Slack that cannot be reached is not a wrong token, and the other checks go on."""
    clinic.workspace.down = True

    result = await clinic.doctor()

    assert "no  Slack: could not be asked" in result.stdout
    assert "ok  Nexudus roles" in result.stdout


@pytest.mark.parametrize(("ahead", "line"), [(0, "ok  Clock: ours agrees"), (400, "no  Clock: ours is 400 s behind")])
async def test_the_clock(clinic: Clinic, ahead: float, line: str) -> None:
    """A clock that is minutes off Slack's would make every signed request look forged."""
    dated = Dated(clinic.workspace.app)
    dated.ahead = ahead
    async with serve(dated) as url:
        result = await clinic.doctor(SLACK_API_URL=f"{url}/api/")

    found = result.stdout.replace("399 s", "400 s")
    assert line in found
    assert ("NTP" in found) is bool(ahead)
    assert result.exit_code == int(bool(ahead))


# ── Redis ────────────────────────────────────────────────────────────────────


async def test_redis_down(clinic: Clinic) -> None:
    """Redis that does not answer is one line, and the other checks go on."""
    result = await clinic.doctor(REDIS_URL="redis://127.0.0.1:1/0")

    assert result.exit_code == 1
    assert (
        "no  Redis: does not answer at 127.0.0.1:1 (ConnectionError) → start it, or correct REDIS_URL" in result.stdout
    )
    assert "ok  Slack: " in result.stdout
    assert "ok  Nexudus: " in result.stdout


async def test_redis_without_persistence(clinic: Clinic, own_redis: str) -> None:
    """A Redis that writes nothing to disk breaks the first promise of the contract."""
    await spoil(own_redis, "CONFIG", "SET", "appendonly", "no")

    line = await clinic.line("Persistence", REDIS_URL=own_redis)

    assert line.startswith("no  Persistence: none: every kept post is lost when Redis restarts → set appendonly yes")


async def test_redis_that_makes_room(clinic: Clinic, own_redis: str) -> None:
    """Any policy but noeviction may throw kept posts away."""
    await spoil(own_redis, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")

    line = await clinic.line("Eviction", REDIS_URL=own_redis)

    assert line.startswith("no  Eviction: allkeys-lru: kept posts may vanish")
    assert line.endswith("→ set maxmemory-policy noeviction")


async def test_a_redis_that_forbids_config(clinic: Clinic, own_redis: str) -> None:
    """A hosted Redis without CONFIG is judged by what INFO tells."""
    await spoil(own_redis, "ACL", "SETUSER", "default", "-config")

    result = await clinic.doctor(REDIS_URL=own_redis)

    assert result.exit_code == 0
    assert "ok  Persistence: kept posts survive a restart of Redis; whether power loss too" in result.stdout
    assert "ok  Eviction: noeviction" in result.stdout


async def test_a_redis_that_tells_nothing(clinic: Clinic, own_redis: str) -> None:
    """What cannot be found out is marked with --, and is no failure."""
    await spoil(own_redis, "ACL", "SETUSER", "default", "-config", "-info")

    result = await clinic.doctor(REDIS_URL=own_redis)

    assert result.exit_code == 0
    assert "--  Persistence: unknown" in result.stdout
    assert "--  Eviction: unknown" in result.stdout


async def test_a_refused_redis_login(clinic: Clinic, own_redis: str) -> None:
    """A wrong password is told apart from a server that is down."""
    await spoil(own_redis, "CONFIG", "SET", "requirepass", "right")

    assert "correct user and password in REDIS_URL" in await clinic.line("Redis", REDIS_URL=own_redis)


async def test_an_unreadable_redis_url_is_not_shown(clinic: Clinic) -> None:
    """A password with a slash breaks the address; it is told how to write one, and no part of it is shown."""
    result = await clinic.doctor(REDIS_URL="redis://:hush/hush@127.0.0.1:6379/0")

    assert result.exit_code == 2
    assert "REDIS_URL: cannot be read" in result.stderr
    assert "hush" not in result.output


async def test_without_redis_url_the_embedded_store_is_tried(clinic: Clinic, tmp_path: Path) -> None:
    """Where nothing was kept yet the doctor sees that a store would start, and does not begin one."""
    result = await clinic.doctor(REDIS_URL=None, BRIDGE_DATA=str(tmp_path / "data"))

    assert result.exit_code == 0
    assert "power loss too" in result.stdout
    assert not (tmp_path / "data").exists()


async def test_a_host_without_a_lasting_disk_needs_a_redis(clinic: Clinic) -> None:
    """On a host whose disk is thrown away the embedded store is no answer."""
    line = await clinic.line("Redis", REDIS_URL=None, DYNO="web.1")

    assert "thrown away at every restart → set REDIS_URL" in line


@pytest.mark.parametrize(
    ("config", "holds", "said"),
    [
        ({"appendonly": "yes", "appendfsync": "everysec", "save": ""}, True, "power loss may cost the last second"),
        ({"appendonly": "yes", "appendfsync": "no", "save": ""}, True, "power loss may cost the last half minute"),
        ({"appendonly": "no", "appendfsync": "always", "save": "3600 1"}, False, "snapshots only"),
        ({"appendonly": "no", "appendfsync": "always", "save": ""}, False, "none"),
        ({}, None, "unknown"),
    ],
)
def test_which_promise_a_redis_supports(config: dict[str, str], holds: bool | None, said: str) -> None:
    """The contract's promise: a restart of Redis always, power loss with appendfsync always."""
    found = persistence(config, {})

    assert (found.holds, said in found.said) == (holds, True)
    assert bool(found.remedy) is (holds is not True)


def test_info_without_an_append_only_file_proves_nothing() -> None:
    """A host that hides its settings may keep data in another way than by an append-only file."""
    assert persistence({}, {"aof_enabled": 0}).holds is None
    assert eviction({}, {"maxmemory_policy": "volatile-lru"}).holds is False
