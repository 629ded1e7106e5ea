"""The doctor: each fault on its own line with its remedy, found by the real command against the stand-ins."""

import contextlib
import fcntl
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.demo.loopback import serve
from bridge.operator.doctor.redis import eviction, persistence
from bridge.slack.slack_health import fingerprint
from bridge.store.client import connect
from bridge.store.embedded import embedded
from tests.support.clinic import Clinic, Dated
from tests.support.space import settings_for


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of one test, to be spoiled."""
    with embedded(tmp_path_factory.mktemp("own")) as url:
        yield url


async def spoil(url: str, *words: str) -> None:
    async with contextlib.aclosing(connect(url)) as client:
        await client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it untyped


def within(folder: Path) -> list[Path]:
    return list(folder.iterdir())


# ── in good health ───────────────────────────────────────────────────────────


async def test_all_is_well(clinic: Clinic) -> None:
    """Where all holds every line begins with ok, and the command ends with 0."""
    result = await clinic.doctor()

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [each for each in lines if not each.startswith("ok  ")] == []
    names = [each[4:].partition(":")[0] for each in lines]
    assert names == [
        "Settings", "Account", "Redis", "Persistence", "Eviction", "Signing secret", "Slack", "Slack scopes",
        "Files", "Nexudus", "Nexudus roles", "Location", "Groups", "Thread link",
    ]  # fmt: skip
    assert "power loss too (appendfsync always)" in lines[3]
    assert "Hall (1421021016)" in result.stdout
    assert "3 at Hall" in result.stdout
    thread = next(iter(clinic.board.threads))
    assert f"https://hall.spaces.nexudus.com/en/conversations/thread/{thread}/coffee-is-back" in lines[-1]


async def test_a_misspelt_name_is_told(clinic: Clinic) -> None:
    """A setting that is ignored for its spelling is named with what was meant; it may be another program's."""
    result = await clinic.doctor(KEEP_DAY="30")

    assert result.exit_code == 0
    said = "KEEP_DAY is no setting of bridge and is ignored; probably KEEP_DAYS is meant"
    assert f"--  Settings: {said} → write KEEP_DAYS instead" in result.stdout


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
    """No write reaches the board but the login, Slack hears auth.test only, Redis stays empty."""
    threads = dict(clinic.board.threads)

    await clinic.doctor()

    assert [each.line for each in clinic.board.requests if each.method != "GET"] == ["POST /api/token"]
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


async def test_a_removed_app(clinic: Clinic, redis: Redis) -> None:
    """Where bridge has closed, the doctor says so and what opens it; a new token's bridge is another matter."""
    prefix = settings_for(str(clinic.env["NEXUDUS_URL"]), "http://127.0.0.1").prefix
    await redis.set(f"{prefix}closed", fingerprint("xoxb-demo"))

    line = await clinic.line("Installation")

    assert line.startswith("no  Installation: the app was removed from the workspace")
    assert "install the app again" in line
    await redis.set(f"{prefix}closed", fingerprint("xoxb-before"))
    assert "Installation" not in (await clinic.doctor()).stdout


async def test_a_missing_scope(clinic: Clinic) -> None:
    """Every missing scope is named, and that the app must be installed again."""
    clinic.workspace.scopes = "commands,users:read,chat:write,channels:read"

    line = await clinic.line("Slack scopes")

    assert line.startswith("no  Slack scopes: missing: users:read.email, im:history → ")
    assert "OAuth & Permissions > Bot Token Scopes" in line
    assert "install it again" in line


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("8f742231", "it has 8 characters; Slack's have 32"),
        ("8f742231b10e8888abcd99efabcd85a", "it has 31 characters"),
        ("8f742231b10e8888abcd99yyyzzz85a5", "Slack's have only 0-9 and a-f in them"),
        ("8F742231B10E8888ABCD99EFABCD85A5", "Slack's have only 0-9 and a-f in them"),
    ],
)
async def test_a_signing_secret_in_another_form(clinic: Clinic, secret: str, said: str) -> None:
    """Half a secret would refuse every request of Slack's: its form is a hint; Slack documents none, so no failure."""
    result = await clinic.doctor(SLACK_SIGNING_SECRET=secret)

    assert result.exit_code == 0
    (line,) = [each for each in result.stdout.splitlines() if each.startswith("--  Signing secret: ")]
    assert said in line
    assert line.endswith("(api.slack.com/apps > your app > Basic Information > App Credentials > Show) to " + SETTING)
    assert secret not in line


SETTING = "SLACK_SIGNING_SECRET"


@pytest.mark.parametrize("secret", ["hello", "8f74223"])
async def test_a_signing_secret_that_can_be_guessed(clinic: Clinic, secret: str) -> None:
    """Whatever Slack's form is: with so few letters anybody could sign as Slack."""
    line = await clinic.line("Signing secret", SLACK_SIGNING_SECRET=secret)

    assert line.startswith(f"no  Signing secret: it has {len(secret)} characters; Slack's have 32, ")
    assert secret not in line


@pytest.mark.parametrize("token", ["xoxe.xoxb-1-never-say-this", "xoxe-1-never-say-this"])
async def test_a_token_that_rotates(clinic: Clinic, token: str) -> None:
    """It ends within hours, and nobody would fetch the next one: a no, though Slack still accepts it."""
    clinic.workspace.token = token

    line = await clinic.line("Slack", SLACK_BOT_TOKEN=token)

    assert line.startswith(
        "no  Slack: SLACK_BOT_TOKEN is a rotating token, which ends after 12 hours → make a new app "
    )
    assert (token in line, clinic.workspace.calls) == (False, [])


async def test_a_token_for_a_whole_organisation(clinic: Clinic) -> None:
    """Slack says so in auth.test; bridge knows one workspace's people."""
    answer = {"ok": True, "bot_id": "B1", "user": "bridge", "team": "Group", "team_id": "E1", "enterprise_id": "E1"}
    told = JSONResponse(answer | {"is_enterprise_install": True})
    async with serve(Starlette(routes=[Route("/api/auth.test", _answering(told), methods=["POST"])])) as url:
        line = await clinic.line("Slack", SLACK_API_URL=f"{url}/api/")

    assert line.startswith("no  Slack: SLACK_BOT_TOKEN is a token for a whole organisation → install the app into ")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
async def test_a_proxy_that_is_away_is_named(clinic: Clinic, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not reached by way of a proxy is told so, for Slack as for the board: its host may be well."""
    there = {"SLACK_API_URL": "https://slack.invalid/api/", "NEXUDUS_URL": "https://board.invalid"}

    said = (await clinic.doctor(**there, **{variable: "http://127.0.0.1:9"})).stdout

    way = f"by way of the proxy in {variable}: nothing listens there → "
    assert f"no  Slack: cannot be reached at slack.invalid {way}" in said
    assert f"no  Nexudus: cannot be reached at board.invalid {way}" in said


@pytest.mark.parametrize(
    ("variable", "host"),
    [("RENDER", "Render"), ("RAILWAY_ENVIRONMENT", "Railway"), ("K_SERVICE", "Cloud Run"), ("FLY_APP_NAME", "Fly")],
)
async def test_a_host_that_throws_its_disk_away(clinic: Clinic, variable: str, host: str) -> None:
    """A hint where posts are kept on its disk, since one that lasts may be mounted there; none with a REDIS_URL."""
    hint = f"--  Store: {host} throws its disk away with each restart or deploy, and what is kept on it → mount a disk "

    assert hint in (on_disk := await clinic.doctor(REDIS_URL=None, **{variable: "true"})).stdout
    assert on_disk.exit_code == 0, on_disk.stdout
    assert "throws its disk away" not in (await clinic.doctor(**{variable: "true"})).stdout


@pytest.mark.parametrize(("secret", "kind"), [("xoxb-123", "bot token"), ("xapp-1-A", "app-level token")])
async def test_a_token_for_the_signing_secret(clinic: Clinic, secret: str, kind: str) -> None:
    """That one is surely wrong, and its first letters say which it is."""
    line = await clinic.line("Signing secret", SLACK_SIGNING_SECRET=secret)

    assert line.startswith(f"no  Signing secret: this is the {kind} → copy the Signing Secret (")
    assert secret not in line


@pytest.mark.parametrize(("token", "kind"), [("0" * 32, "signing secret"), ("xapp-1-A", "app-level token")])
async def test_another_secret_for_the_bot_token(clinic: Clinic, token: str, kind: str) -> None:
    """Slack would only say that it is not accepted, and is not shown it."""
    line = await clinic.line("Slack", SLACK_BOT_TOKEN=token)

    assert line.startswith(f"no  Slack: SLACK_BOT_TOKEN looks like the {kind} → copy the Bot User OAuth Token (")
    assert (token in line, clinic.workspace.calls) == (False, [])


async def test_a_signing_secret_proves_nothing_yet(clinic: Clinic) -> None:
    """A secret in the right form may still be another app's: the line says when that shows."""
    assert "proven only by the first request from Slack" in (await clinic.doctor()).stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("invalid_auth", "gives this token no socket (invalid_auth) → make one with connections:write"),
        ("missing_scope", "gives this token no socket (missing_scope) → make one"),
        (503, "gives this token no socket (503) → try again in a minute"),
    ],
)
async def test_socket_mode(clinic: Clinic, error: str | int, said: str) -> None:
    """With an app token no signing secret is needed, and what keeps Socket Mode from beginning is named."""
    clinic.workspace.fail("apps.connections.open", error, None)

    result = await clinic.doctor(SLACK_APP_TOKEN="xapp-1-A0", SLACK_SIGNING_SECRET=None)

    assert result.exit_code == 1
    assert "ok  Signing secret: none, and none is needed" in result.stdout
    assert said in result.stdout


async def test_socket_mode_that_may_begin(clinic: Clinic) -> None:
    """Slack gives out the address of a socket; none is opened."""
    clinic.workspace.serve_sockets("xapp-1-A0", "wss://127.0.0.1:1/link")

    result = await clinic.doctor(SLACK_APP_TOKEN="xapp-1-A0", SLACK_SIGNING_SECRET=None)

    assert result.exit_code == 0, result.output
    assert "ok  Socket Mode: Slack gives us a socket; no public address is needed" in result.stdout


TOKEN = JSONResponse({"ok": True, "bot_id": "B1", "user": "bridge", "team": "Hall", "team_id": "T1"})


@pytest.mark.parametrize("junk", ['["maintenance"]', '"maintenance"', '{"ok": true', "{}", "<html>"])
@pytest.mark.parametrize(("line", "before"), [("Slack", {}), ("Socket Mode", {"auth.test": TOKEN})])
async def test_answers_that_are_none(clinic: Clinic, line: str, before: dict[str, Response], junk: str) -> None:
    """Whatever a proxy answers in Slack's place is a line, and no setting is blamed for it."""
    bad = Response(junk, media_type="application/json")
    answers = {"auth.test": bad, "apps.connections.open": bad} | before
    routes = [Route(f"/api/{name}", _answering(answer), methods=["POST"]) for name, answer in answers.items()]
    async with serve(Starlette(routes=routes)) as url:
        found = await clinic.line(line, SLACK_API_URL=f"{url}/api/", SLACK_APP_TOKEN="xapp-1-A0")

    assert "connections:write" not in found
    assert "xoxb-" not in found


def _answering(answer: Response) -> Callable[[Request], Response]:
    return lambda _: answer


async def test_this_computer_is_reached_without_a_proxy(clinic: Clinic) -> None:
    """As bridge itself does: an operator's proxy leads to the world, not to what runs on this computer."""
    nowhere = "http://127.0.0.1:9"
    proxies = {f"{name}_PROXY": nowhere for name in ("HTTP", "HTTPS", "ALL")} | {"NO_PROXY": ""}

    result = await clinic.doctor(PUBLIC_URL=clinic.env["NEXUDUS_URL"], **proxies)

    assert "ok  Slack: " in result.stdout
    assert "ok  Nexudus: " in result.stdout
    assert "is answered by something else than bridge" in result.stdout


async def test_slack_away(clinic: Clinic) -> None:
    """A Slack that cannot be reached is not a wrong token, and the other checks go on."""
    clinic.workspace.down = True

    result = await clinic.doctor()

    assert "no  Slack: cannot be reached at 127.0.0.1: the connection broke off → " in result.stdout
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
    assert "no  Redis: cannot be reached at 127.0.0.1:1: nothing listens there → start Redis there" in result.stdout
    assert "correct REDIS_URL" in result.stdout
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
    assert "→ set maxmemory-policy noeviction" in line


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


async def test_a_socket_is_shown_as_a_path(clinic: Clinic, tmp_path: Path) -> None:
    """A Redis on a socket is told by its path, also when nothing is there."""
    line = await clinic.line("Redis", REDIS_URL=f"unix://{tmp_path}/away.sock")

    assert line.startswith(f"no  Redis: cannot be reached at {tmp_path}/away.sock: there is no such socket → ")


async def test_no_line_speaks_like_a_program(clinic: Clinic) -> None:
    """With everything away no line holds the name of a class, a traceback or an empty place."""
    clinic.board.down = clinic.workspace.down = True

    away = (await clinic.doctor(REDIS_URL="redis://127.0.0.1:1/0")).output
    refused = (await clinic.doctor(REDIS_URL="redis://127.0.0.1:1/0", NEXUDUS_URL="http://127.0.0.1:1")).output

    assert "Nexudus: cannot be reached at 127.0.0.1: the connection broke off" in away
    assert "Nexudus: cannot be reached at 127.0.0.1: nothing listens there" in refused
    assert not re.search(r"Error|Exception|Traceback|[a-z][A-Z][a-z]+Err|at :| at →|None", away + refused)


# ── the folder of the embedded store ─────────────────────────────────────────


async def test_a_folder_that_can_be_made(clinic: Clinic, tmp_path: Path) -> None:
    """Where nothing was kept yet a store is tried beside it, on the same disk, and nothing is left behind."""
    result = await clinic.doctor(REDIS_URL=None, BRIDGE_DATA=str(tmp_path / "deep" / "data"))

    assert result.exit_code == 0, result.output
    assert f"ok  Store: posts are kept in {tmp_path}/deep/data, which can be made" in result.stdout
    assert "power loss too" in result.stdout
    assert within(tmp_path) == []


async def test_a_folder_that_is_there(clinic: Clinic, tmp_path: Path) -> None:
    """An empty folder can be written to: that is said, and it stays empty."""
    (tmp_path / "data").mkdir()

    result = await clinic.doctor(REDIS_URL=None, BRIDGE_DATA="data")

    assert f"ok  Store: posts are kept in {tmp_path}/data, which can be written to" in result.stdout
    assert within(tmp_path / "data") == []


async def test_a_folder_with_posts_in_it(clinic: Clinic, tmp_path: Path) -> None:
    """What an earlier bridge kept there is looked at, and stays."""
    with embedded(tmp_path / "data") as url:
        await spoil(url, "SET", "kept", "1")
    clinic.env["BRIDGE_DATA"] = str(tmp_path / "data")

    result = await clinic.doctor(REDIS_URL=None)

    assert f"ok  Store: posts are kept in {tmp_path}/data; no running bridge uses it now" in result.stdout
    with embedded(tmp_path / "data") as url:
        async with contextlib.aclosing(connect(url)) as client:
            assert await client.get("kept") == "1"


@pytest.mark.parametrize("inside", ["a-file/data", "a-file"])
async def test_a_folder_that_cannot_be_made(clinic: Clinic, tmp_path: Path, inside: str) -> None:
    """What is in the way is named, with what may be done; Slack and the board are looked at all the same."""
    (tmp_path / "a-file").touch()

    line = await clinic.line("Store", REDIS_URL=None, BRIDGE_DATA=inside)

    assert line.startswith(f"no  Store: {tmp_path}/{inside} cannot be used: Not a directory → let the user that runs")
    assert "BRIDGE_DATA" in line
    assert "REDIS_URL" in line


async def test_a_running_bridge_is_looked_at_through_its_store(clinic: Clinic, tmp_path: Path) -> None:
    """A folder that a running bridge holds is no fault: Redis is asked through it, as it runs."""
    with embedded(tmp_path / "data") as url:
        await spoil(url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        result = await clinic.doctor(REDIS_URL=None, BRIDGE_DATA="data")

    assert f"ok  Store: a running bridge keeps its posts in {tmp_path}/data; looked at through it" in result.stdout
    assert "no  Eviction: allkeys-lru" in result.stdout


async def test_a_store_that_cannot_be_asked_from_here(clinic: Clinic, tmp_path: Path) -> None:
    """Locked and silent: said as it is. A path too long for a socket is found all the same."""
    far = tmp_path / ("d" * 100)
    near = tmp_path / "near"
    near.mkdir()
    with embedded(far), (near / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = await clinic.doctor(REDIS_URL=None, BRIDGE_DATA=str(far))
        failed = await clinic.line("Store", REDIS_URL=None, BRIDGE_DATA=str(near))

    assert told.exit_code == 0
    assert f"ok  Store: a running bridge keeps its posts in {far}; looked at through it" in told.stdout
    assert failed.startswith(f"no  Store: {near} is locked by a running bridge, whose store does not answer")


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
