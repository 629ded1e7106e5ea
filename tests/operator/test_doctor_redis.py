"""The doctor, /readyz and the commands at Redises that answer a PING and would keep nothing."""

from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from bridge.store.trouble import _ALLOWED
from tests.support.clinic import Clinic
from tests.support.redises import Server, address, answering, free_port, redis_server, self_signed
from tests.support.signed import POST
from tests.support.space import ANA, answer_text, open_space

MINE = "~bridge:*"


def as_me(server: Server) -> str:
    return server.url.replace("//", "//me:hush@")


async def spoil(server: Server, how: str) -> None:
    """Make it one that keeps nothing."""
    rights = {
        "all": ("~*", "+@all"),
        "no EVAL": (MINE, "+@all", "-evalsha", "-eval", "-script"),
        "foreign keys": ("~shop:*", "+@all"),
        "no lists": (MINE, "+@all", "-lpush"),
        "no waiting": (MINE, "+@all", "-blpop"),
    }
    if how in rights:
        await server.tell("ACL", "SETUSER", "me", "reset", "on", ">hush", *rights[how])
    if how == "replica":
        await server.tell("REPLICAOF", "127.0.0.1", 1)
    if how == "no replicas":
        await server.tell("CONFIG", "SET", "min-replicas-to-write", 1)
    if how == "full":
        await server.tell("CONFIG", "SET", "maxmemory", 1)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no EVAL", "forbids this user a command"),
        ("foreign keys", "forbids this user a command or a key"),
        ("no lists", "forbids this user a command"),
        ("replica", "is a replica, which takes no writes → set REDIS_URL to the primary"),
        ("no replicas", "too few replicas are connected → start its replicas"),
        ("full", "its memory is full → give it more memory"),
    ],
)
async def test_a_redis_that_would_keep_nothing(clinic: Clinic, tmp_path: Path, how: str, said: str) -> None:
    """The doctor's line says why, /readyz is 503, and a post is told for sure that it was not kept."""
    with redis_server(tmp_path / "server") as server:
        await spoil(server, "all")
        async with open_space(as_me(server), worker=False) as space, httpx.AsyncClient() as http:
            await spoil(server, how)
            line = await clinic.line("Redis", REDIS_URL=as_me(server))
            ready = await http.get(f"{space.url}/readyz")
            reply = await space.sender.command(ANA, POST)
            await spoil(server, "all")

    assert line.startswith(f"no  Redis: 127.0.0.1:{server.port} ")
    assert said in line
    assert "hush" not in line
    assert (ready.status_code, ready.json()["store"]) == (503, "away")
    assert answer_text(reply).startswith("*Was not kept.*")


async def test_an_address_that_leads_to_no_login(clinic: Clinic, tmp_path: Path) -> None:
    """A password that is missing or wrong, a database that there is not: each is another line."""
    with redis_server(tmp_path / "server", "--requirepass", "hush") as server:
        right = server.url.replace("//", "//:hush@")
        urls = [server.url, right.replace("hush", "hash"), right.replace("/0", "/77")]
        lines = [await clinic.line("Redis", REDIS_URL=each) for each in urls]

    assert "wants a password, and REDIS_URL has none → correct user and password in REDIS_URL" in lines[0]
    assert "refuses the login → correct user and password in REDIS_URL" in lines[1]
    assert "has no database of that number → correct the number" in lines[2]


async def test_a_redis_whose_workers_would_never_wake(clinic: Clinic, tmp_path: Path) -> None:
    """The doctor tries the blocking read too."""
    with redis_server(tmp_path / "server") as server:
        await spoil(server, "no waiting")
        line = await clinic.line("Redis", REDIS_URL=as_me(server))

    assert "forbids this user a command" in line


async def test_what_the_doctor_advises_is_enough(clinic: Clinic, tmp_path: Path) -> None:
    """A user with the rights that the remedy names passes, and carries a post from end to end."""
    with redis_server(tmp_path / "server", "--appendonly", "yes") as server:
        await server.tell("ACL", "SETUSER", "me", "on", ">hush", *_ALLOWED.partition("… ")[2].split())
        result = await clinic.doctor(REDIS_URL=as_me(server))
        async with open_space(as_me(server)) as space:
            reply = await space.sender.command(ANA, POST)
            assert await Redis(port=server.port).dbsize() > 0

    assert result.exit_code == 0, result.output
    assert "Posted" in answer_text(reply)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--cluster-enabled", "yes", "--cluster-port", str(free_port())),
            "belongs to a cluster that is down, or serves no part of it",
        ),
        (("--sentinel",), "does not know a command that bridge needs; a Sentinel answers so"),
    ],
)
async def test_what_is_no_single_redis(clinic: Clinic, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """A cluster's node without our slots, and a Sentinel's port, answer PING."""
    conf = tmp_path / "some.conf"
    conf.touch()
    first = (str(conf),) if options == ("--sentinel",) else ()
    with redis_server(tmp_path / "server", *options, before=first) as server:
        assert said in await clinic.line("Redis", REDIS_URL=server.url)


async def test_a_node_of_another_slot(clinic: Clinic, tmp_path: Path) -> None:
    """MOVED is told as what it is."""
    async with answering(b"-MOVED 3999 127.0.0.1:6381\r\n") as port:
        assert "one node of a cluster" in await clinic.line("Redis", REDIS_URL=f"redis://127.0.0.1:{port}/0?protocol=2")


async def test_nothing_stays_of_a_trial(clinic: Clinic, tmp_path: Path) -> None:
    """What the doctor wrote is gone when it has spoken; what /readyz wrote ends within a minute."""
    with redis_server(tmp_path / "server") as server:
        await clinic.doctor(REDIS_URL=server.url)
        assert await server.tell("DBSIZE") == 0
        async with open_space(server.url, worker=False) as space, httpx.AsyncClient() as http:
            for _ in range(3):
                assert (await http.get(f"{space.url}/readyz")).status_code == 200
            kept = await space.redis.keys(f"{space.settings.prefix}trial*")
            assert kept == [f"{space.settings.prefix}trial"]
            assert 0 < await space.redis.ttl(kept[0]) <= 60


async def test_few_connections_are_a_hint(clinic: Clinic, tmp_path: Path) -> None:
    """No failure: another setting, or another plan."""
    with redis_server(tmp_path / "server", "--appendonly", "yes", "--maxclients", "12") as server:
        result = await clinic.doctor(REDIS_URL=server.url)

    assert result.exit_code == 0
    assert "--  Connections: it takes 12 connections from everybody together; each process" in result.stdout
    assert "set REDIS_CONNECTIONS=3, or choose a larger plan" in result.stdout


async def test_a_certificate_that_does_not_verify_names_the_setting(clinic: Clinic, tmp_path: Path) -> None:
    """In the doctor and in a command; with none, with the file, or on Heroku, all is well."""
    context, file = self_signed(tmp_path)
    with redis_server(tmp_path / "server", "--appendonly", "yes") as server:
        async with address(server.port, context) as shown:
            clinic.env["REDIS_URL"] = f"rediss://127.0.0.1:{shown.at}/0"
            refused = await clinic.line("Redis")
            listed = await clinic.command("outbox", "list")
            good = [await clinic.doctor(REDIS_CERTIFICATE=each) for each in ("none", str(file))]
            good.append(await clinic.doctor(DYNO="web.1"))

    assert "its certificate cannot be verified → set REDIS_CERTIFICATE to the CA file" in refused
    assert (listed.exit_code, listed.stdout) == (1, "")
    assert "its certificate cannot be verified; set REDIS_CERTIFICATE" in listed.stderr
    assert [each.exit_code for each in good] == [0, 0, 0], good[-1].output
