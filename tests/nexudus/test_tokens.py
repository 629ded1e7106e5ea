"""The shared pair of tokens: several objects on one Redis stand for several processes."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from redis.asyncio import Redis

from bridge.nexudus.tokens import Tokens
from bridge.nexudus.wire import Unauthorized, Unavailable

PREFIX = "bridge:{main}:"
USER, PASSWORD = "api-user@example.com", "a password & more"


class Login(httpx.MockTransport):
    """The token endpoint. `expires_in` is what new tokens get; `answers` come first, in their order."""

    def __init__(self) -> None:
        super().__init__(self.handle)
        self.grants: list[str] = []
        self.client_ids: set[str] = set()
        self.answers: list[httpx.Response | Exception] = []
        self.expires_in: Any = 604_799
        self.password, self.refresh = PASSWORD, ""

    async def handle(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        self.grants.append(form["grant_type"])
        self.client_ids.add(request.headers["client_id"])
        await asyncio.sleep(0.03)  # long enough for everybody else to arrive
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        good = (form.get("username"), form.get("password")) == (USER, self.password)
        if not good and form.get("refresh_token", "") != (self.refresh or None):
            return denied("invalid_grant")
        count = len(self.grants)
        self.refresh = f"refresh-{count}"
        pair = {
            "access_token": f"access-{count}",
            "refresh_token": self.refresh,
            "expires_in": self.expires_in,
        }
        return httpx.Response(200, json=pair)


def denied(error: str) -> httpx.Response:
    return httpx.Response(400, json={"error": error, "error_description": "No."})


def process(login: Login, redis: Redis, **changes: Any) -> Tokens:
    http = httpx.AsyncClient(transport=login)
    settings = {"username": USER, "password": PASSWORD, "client_id": None, "timeout": 2.0}
    return Tokens(http, "http://board.test", redis=redis, prefix=PREFIX, **settings | changes)


@pytest.fixture
def login() -> Login:
    return Login()


async def test_one_login_for_all_processes(login: Login, redis: Redis) -> None:
    """The first asks with the password under a client_id made once; the others use its token."""
    first, second = process(login, redis), process(login, redis)
    bearers = await asyncio.gather(*(each.current() for each in [first, second] * 5))
    assert set(bearers) == {"access-1"}
    assert login.grants == ["password"]
    assert await process(login, redis).current() == "access-1"
    assert login.client_ids == {await redis.get(f"{PREFIX}client_id")}


async def test_an_expired_token_is_refreshed_once(login: Login, redis: Redis) -> None:
    """Ten callers in two processes meet an expired token: one refresh, one new token for all."""
    login.expires_in = 0
    first, second = process(login, redis), process(login, redis)
    await first.current()
    login.expires_in = 604_799
    bearers = await asyncio.gather(*(each.current() for each in [first, second] * 5))
    assert set(bearers) == {"access-2"}
    assert login.grants == ["password", "refresh_token"]


async def test_a_rejected_token_is_refreshed_once(login: Login, redis: Redis) -> None:
    """Whoever brings the token that was refused gets the one that another process fetched meanwhile."""
    first, second = process(login, redis), process(login, redis)
    used = await first.current()
    assert await second.current() == used
    assert set(await asyncio.gather(*(each.renew(used) for each in [first, second] * 5))) == {"access-2"}
    assert login.grants == ["password", "refresh_token"]
    assert await second.renew("one older still") == "access-2"
    assert len(login.grants) == 2


async def test_a_lock_that_comes_too_late(login: Login, redis: Redis) -> None:
    """Whoever gets the lock after somebody else's renewal uses that, and spends no refresh token."""
    first, second = process(login, redis), process(login, redis)
    used = await first.current()
    await first.renew(used)
    assert await second._renew_alone(used) == "access-2"
    assert login.grants == ["password", "refresh_token"]


async def test_a_spent_refresh_token_falls_back_to_the_password(login: Login, redis: Redis) -> None:
    """invalid_grant on a refresh is no verdict on the login."""
    ours = process(login, redis)
    used = await ours.current()
    login.refresh = "somebody else's"
    assert await ours.renew(used) == "access-3"
    assert login.grants == ["password", "refresh_token", "password"]
    assert await ours.refused() is None


async def test_renewal_begins_before_the_end(login: Login, redis: Redis) -> None:
    """A token in its last tenth is renewed; if that fails it serves on, and the board is left in peace."""
    login.expires_in = 100
    ours = process(login, redis)
    assert await ours.current() == "access-1"
    assert ours._pair is not None
    object.__setattr__(ours._pair, "expires", ours._pair.expires - 95)
    await ours._keep(ours._pair)
    login.answers = [httpx.Response(500)]
    assert [await ours.current() for _ in range(3)] == ["access-1"] * 3
    assert len(login.grants) == 2
    ours._respite = 0
    assert await ours.current() == "access-3"


@pytest.mark.parametrize("reason", ["invalid_grant", "two_factor_auth_check", "must_reset_password"])
async def test_a_refused_login_is_not_hammered(login: Login, redis: Redis, reason: str) -> None:
    """The board locks accounts: after one refusal nobody asks again for a minute, and all know why."""
    login.answers = [denied(reason), denied(reason)]
    first, second = process(login, redis), process(login, redis)
    results = await asyncio.gather(*(each.current() for each in [first, second] * 5), return_exceptions=True)
    assert [each.reason for each in results if isinstance(each, Unauthorized)] == [reason] * 10
    assert login.grants == ["password"]
    assert await second.refused() == reason


async def test_the_hold_grows_and_ends_with_success(login: Login, redis: Redis) -> None:
    """A minute, two, four, eight, a quarter of an hour; a login that succeeds wipes it out."""
    ours, holds = process(login, redis), []
    for _ in range(6):
        login.answers = [denied("invalid_grant")]
        with pytest.raises(Unauthorized):
            await ours.current()
        record = await ours._decrypted(ours._refused_key)
        assert record is not None
        holds.append(record["hold"])
        await redis.set(ours._refused_key, await ours._encrypted(record | {"until": 0}))
    assert holds == [60, 120, 240, 480, 900, 900]
    await ours.current()
    assert await ours.refused() is None


async def test_a_corrected_password_is_tried_at_once(login: Login, redis: Redis) -> None:
    """A refusal binds those who hold the password that was refused."""
    with pytest.raises(Unauthorized):
        await process(login, redis, password="mistyped").current()
    corrected = process(login, redis)
    assert await corrected.refused() is None
    assert await corrected.current() == "access-2"


async def test_what_cannot_be_decrypted_counts_as_absent(login: Login, redis: Redis) -> None:
    """Rubbish in Redis, or a pair encrypted for another version, leads to a login, not to an error."""
    await redis.set(f"{PREFIX}tokens", "rubbish")
    await redis.set(f"{PREFIX}login_refused", "rubbish")
    ours = process(login, redis)
    assert await ours.current() == "access-1"
    await redis.set(f"{PREFIX}tokens", await ours._encrypted({"another": "shape"}))
    assert await process(login, redis).current() == "access-2"
    assert login.grants == ["password", "password"]


@pytest.mark.parametrize("changes", [{"password": "another"}, {"username": "another"}, {"client_id": "another"}])
async def test_who_is_somebody_else_cannot_read(login: Login, redis: Redis, changes: dict[str, str]) -> None:
    """Redis holds no token in the clear, and another password, account or client_id finds none."""
    ours = process(login, redis)
    await ours.current()
    stored = str(await redis.get(f"{PREFIX}tokens"))
    assert "access-1" not in stored
    assert "refresh-1" not in stored
    assert await process(login, redis, **changes)._kept() is None
    assert 0 < await redis.ttl(f"{PREFIX}tokens") <= 15 * 86_400


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.Response(500),
        httpx.Response(200, html="<html>"),
        httpx.Response(200, json={"access_token": 5}),
        httpx.Response(302, headers={"location": "http://elsewhere.test"}),
        httpx.Response(400, html="<html>"),
        httpx.Response(403, html="<html>"),
    ],
    ids=str,
)
async def test_a_board_that_is_away_is_no_refusal(login: Login, redis: Redis, answer: Any) -> None:
    """What is not an answer about the login is Unavailable, is not remembered, and frees the lock."""
    login.answers = [answer]
    ours = process(login, redis)
    with pytest.raises(Unavailable):
        await ours.current()
    assert await ours.refused() is None
    assert await process(login, redis).current() == "access-2"


@pytest.mark.parametrize("status", [409, 429])
async def test_a_throttled_login_carries_its_wait(login: Login, redis: Redis, status: int) -> None:
    """The wait that the token endpoint names is handed on."""
    login.answers = [httpx.Response(status, headers={"retry-after": "7"})]
    with pytest.raises(Unavailable) as caught:
        await process(login, redis).current()
    assert caught.value.wait == 7


@pytest.mark.parametrize("answer", [httpx.Response(401), denied("unsupported_grant_type")], ids=str)
async def test_any_other_no_is_a_rejection(login: Login, redis: Redis, answer: httpx.Response) -> None:
    """A no without a reason that we know is remembered as plainly rejected."""
    login.answers = [answer]
    ours = process(login, redis)
    with pytest.raises(Unauthorized) as caught:
        await ours.current()
    assert caught.value.reason == "rejected"
    assert await ours.refused() == "rejected"


@pytest.mark.parametrize("expires_in", [None, "soon", "nan", [], -5, 1e300])
async def test_strange_lifetimes(login: Login, redis: Redis, expires_in: Any) -> None:
    """A lifetime that cannot be read does not keep the token from being used."""
    login.expires_in = expires_in
    assert await process(login, redis).current() == "access-1"


async def test_a_lock_whose_holder_died(login: Login, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal waits for the lock of one who died, within reason, and never removes another's lock."""
    monkeypatch.setattr("bridge.nexudus.tokens._GRACE", 0.1)
    ours = process(login, redis, timeout=0.4)
    await redis.set(f"{PREFIX}token_lock", "theirs", px=200)
    assert await ours.current() == "access-1"
    await redis.set(f"{PREFIX}token_lock", "theirs")
    with pytest.raises(Unavailable):
        await ours.renew("access-1")
    assert await redis.get(f"{PREFIX}token_lock") == "theirs"


async def test_nothing_shows_a_secret(login: Login, redis: Redis) -> None:
    """Neither what is printed of the objects nor what is said in an error holds a secret."""
    ours = process(login, redis)
    await ours.current()
    login.answers = [httpx.LocalProtocolError(f"Illegal header value {PASSWORD}")]
    with pytest.raises(Unavailable) as caught:
        await ours.renew("access-1")
    shown = json.dumps([repr(ours), repr(ours._pair), repr(caught.value)])
    assert not any(secret in shown for secret in (PASSWORD, "access-1", "refresh-1"))
