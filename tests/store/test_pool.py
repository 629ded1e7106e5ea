"""The few connections of a process: shared, waited for, and given up when they lead to the wrong server."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError
from structlog.testing import capture_logs

from bridge.store import trouble
from bridge.store.client import connect, to_the_log, waiting
from bridge.store.trouble import BrokenOff, Late, NoneFree
from tests.support.redises import Server, address, answering, follows, in_step, redis_server

AT = "redis://127.0.0.1:{}/0?protocol=2"


@contextlib.asynccontextmanager
async def client(url: str, **options: object) -> AsyncIterator[Redis]:
    async with contextlib.aclosing(connect(url, **options)) as opened:  # type: ignore[arg-type] # each test gives its own
        yield opened


async def connected(server: Server) -> int:
    """How many connections there are beside the one that asks."""
    return len(str(await server.tell("CLIENT", "LIST", "TYPE", "normal")).strip().splitlines()) - 1


async def test_a_process_opens_no_more_than_it_may(tmp_path: Path) -> None:
    """200 calls at once and two reads that wait, on three connections: all answered, and never a fourth."""
    with redis_server(tmp_path) as server:
        async with client(server.url, connections=3, timeout=5.0) as redis:
            blocking = waiting(redis, block=1.0)
            reads = [asyncio.ensure_future(blocking.blpop(["nothing"], timeout=1)) for _ in range(2)]
            await asyncio.sleep(0.1)
            counted = await asyncio.gather(*(redis.incr("n") for _ in range(200)))
            assert sorted(counted) == list(range(1, 201))
            assert await connected(server) <= 3
            assert await asyncio.gather(*reads) == [None, None]


async def test_reads_that_wait_leave_one_to_the_others(tmp_path: Path) -> None:
    """Ten waiting reads on two connections hold up no call."""
    with redis_server(tmp_path) as server:
        async with client(server.url, connections=2) as redis:
            blocking = waiting(redis, block=1.0)
            reads = [asyncio.ensure_future(blocking.blpop(["wake"], timeout=0.2)) for _ in range(10)]
            await asyncio.sleep(0.05)
            for _ in range(20):
                began = time.monotonic()
                assert await redis.ping()
                assert time.monotonic() - began < 0.5
            await asyncio.gather(*reads)


async def test_who_finds_none_free_fails_when_its_own_time_is_over(tmp_path: Path) -> None:
    """Nothing was asked, and the failure says so; who was cancelled in the queue keeps nobody from the next turn."""
    with redis_server(tmp_path) as server:
        async with client(server.url, connections=1, timeout=0.4) as redis:
            blocking = waiting(redis, block=3.0)
            held = asyncio.ensure_future(blocking.blpop(["wake"], timeout=1.2))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            gone = asyncio.ensure_future(redis.ping())
            with pytest.raises(NoneFree) as found:
                await redis.ping()
            assert 0.5 < time.monotonic() - began < 1.2
            assert not trouble.may_have_run(found.value)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert await held is None
            assert await redis.ping()


async def test_being_refused_one_more_is_no_failure(tmp_path: Path) -> None:
    """A full server lets us keep the one connection that we have: 50 calls at once wait for it, and later for more."""
    with redis_server(tmp_path) as server:
        async with client(server.url, connections=6, timeout=3.0) as redis:
            await redis.ping()
            async with Redis(port=server.port) as other:
                await other.config_set("maxclients", 2)
                assert sorted(await asyncio.gather(*(redis.incr("n") for _ in range(50)))) == list(range(1, 51))


async def test_who_was_let_in_nowhere_is_let_in_later(tmp_path: Path) -> None:
    """From cold with the server full: the calls wait, and go through in the moment when there is room."""
    with redis_server(tmp_path) as server:
        async with client(server.url, timeout=2.0) as redis:
            other = Redis(port=server.port)
            await other.config_set("maxclients", 1)
            calls = [asyncio.ensure_future(redis.incr("n")) for _ in range(20)]
            await asyncio.sleep(0.5)
            assert not any(each.done() for each in calls)
            await other.aclose()
            assert sorted(await asyncio.gather(*calls)) == list(range(1, 21))


async def test_a_full_server_is_named_once(tmp_path: Path) -> None:
    """Who is never let in hears why when its own time is over, and the log says it once with the setting."""
    with capture_logs() as logged, redis_server(tmp_path) as server:
        async with client(server.url, timeout=0.2, tell=to_the_log()) as redis, Redis(port=server.port) as other:
            await other.config_set("maxclients", 1)
            failed = await asyncio.gather(*(redis.ping() for _ in range(9)), return_exceptions=True)
    assert all(isinstance(each, RedisError) and not trouble.may_have_run(each) for each in failed)
    (line,) = [each for each in logged if each["event"] == "redis_trouble"]
    assert line["kind"] == "clients"
    assert "REDIS_CONNECTIONS" in line["remedy"]


async def test_after_a_failover_the_next_call_goes_to_the_new_primary(tmp_path: Path) -> None:
    """Every open connection stays at the old primary, a replica now: no write fails, a waiting read hears the next."""
    with redis_server(tmp_path / "a") as old, redis_server(tmp_path / "b") as new:
        await follows(new, old)
        await in_step(new)
        async with address(old.port) as shown, client(f"redis://127.0.0.1:{shown.at}/0", connections=4) as redis:
            blocking = waiting(redis, block=5.0)
            await asyncio.gather(*(redis.incr("n") for _ in range(20)))
            read = asyncio.ensure_future(blocking.blpop(["wake"], timeout=5))
            await asyncio.sleep(0.1)
            await follows(new, None)
            shown.port = new.port
            await follows(old, new)

            assert await redis.incr("n") == 21
            assert await redis.eval("return redis.call('LPUSH', KEYS[1], 'x')", 1, "wake") == 1
            assert await asyncio.wait_for(read, 3) == ("wake", "x")
            assert await asyncio.gather(*(redis.get("n") for _ in range(10))) == ["21"] * 10


@pytest.mark.parametrize("sets", [("replica-read-only", "yes"), ("replica-serve-stale-data", "no")])
async def test_a_connection_to_no_primary_is_given_up(tmp_path: Path, sets: tuple[str, str]) -> None:
    """READONLY, MASTERDOWN: what was open at that server is not used again."""
    with redis_server(tmp_path) as server:
        async with client(server.url) as redis:
            await asyncio.gather(*(redis.ping() for _ in range(6)))
            before = {each["id"] for each in await redis.client_list()}
            await server.tell("CONFIG", "SET", *sets)
            await server.tell("REPLICAOF", "127.0.0.1", 1)
            with pytest.raises(RedisError) as found:
                await redis.set("k", 1)
            assert not trouble.may_have_run(found.value)
            await server.tell("REPLICAOF", "NO", "ONE")
            assert await asyncio.gather(*(redis.set("k", 1) for _ in range(6))) == [True] * 6
            assert not before & {each["id"] for each in await redis.client_list()}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"-ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You\r\n", "READONLY"),
        (b"-READONLY You can't write against a read only replica. script: 5c, on @user_script:1.\r\n", "READONLY"),
        (b"-ERR Error running script (call to f_1): @user_script:7: @user_script: 7: -OOM command not\r\n", "OOM"),
        (b"-ERR Error running script (call to f_1): @user_script:1: @user_script: 1: The user executing the script "
         b"can't run this command or subcommand\r\n", "NOPERM"),
        (b"-ERR ACL failure in script: User u has no permissions to run the 'hset' command\r\n", "NOPERM"),
        (b"-NOREPLICAS Not enough good replicas to write.\r\n", "NOREPLICAS"),
        (b"-MISCONF Redis is configured to save RDB snapshots, but\r\n", "MISCONF"),
        (b"-MOVED 3999 127.0.0.1:6381\r\n", "MOVED"),
        (b"-CLUSTERDOWN Hash slot not served\r\n", "CLUSTERDOWN"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
        (b"-ERR unknown command 'EVALSHA', with args beginning with: '1'\r\n", "unknown command"),
        (b"-ERR DB index is out of range\r\n", "database"),
        (b"-ERR max number of clients reached\r\n", "clients"),
        (b"-QUOTA hush: you have paid for less\r\n", "QUOTA"),
    ],
)  # fmt: skip
async def test_the_first_word_of_an_answer_is_what_is_the_matter(said: bytes, kind: str) -> None:
    """Wherever it stands; each is refused for sure, none is called a connection that broke off."""
    async with answering(said) as port, client(AT.format(port)) as redis:
        with pytest.raises(RedisError) as found:
            await redis.set("k", 1)
    told = trouble.of(found.value)
    assert (told.kind, told.answered, trouble.may_have_run(found.value)) == (kind, True, False)
    assert "hush" not in told.sentence() + told.remedy
    assert told.remedy


async def test_what_went_unanswered_may_have_run() -> None:
    """Also where only the first of two tries was heard and the second found nobody: it is in doubt for ever."""
    async with answering(b"") as port, client(AT.format(port)) as redis:
        with pytest.raises(BrokenOff) as broke:
            await redis.set("k", 1)
    async with (
        answering(b"", hang=True) as port,
        client(AT.format(port), timeout=0.2) as redis,
    ):
        with pytest.raises(Late) as late:
            await redis.set("k", 1)
    assert trouble.may_have_run(broke.value) and trouble.may_have_run(late.value)
    assert trouble.of(late.value).kind == "timed out"
    async with client("redis://127.0.0.1:1/0") as redis:
        with pytest.raises(RedisConnectionError) as nobody:
            await redis.set("k", 1)
    assert not trouble.may_have_run(nobody.value)
    assert trouble.of(nobody.value).kind == "refused"


def test_what_a_program_reckons_with_is_no_trouble() -> None:
    """A script that is not loaded yet is loaded; nobody is told."""
    with capture_logs() as logged:
        tell = to_the_log()
        for error in (NoScriptError("", status_code="NOSCRIPT"), ReadOnlyError("", status_code="READONLY")):
            tell(error)
            tell(error)
    assert [each["kind"] for each in logged] == ["READONLY"]
