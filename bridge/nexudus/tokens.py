"""The board's bearer: one pair of tokens for all processes, renewed by one of them at a time.

Asking for a pair kills the refresh token that was given out before for the same `client_id`
(https://learn.nexudus.com/api/endpoints/auth/refresh-bearer-token), so processes that renew side
by side lock each other out. They share the pair through Redis instead, encrypted with a key that
only the account's password gives. What cannot be decrypted, such as what was encrypted before the
password or the account changed, counts as absent.
"""

import asyncio
import hashlib
import json
import secrets
import time
import uuid
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from cryptography.fernet import Fernet, InvalidToken
from redis.asyncio import Redis

from bridge.nexudus.wire import Reply, Unauthorized, Unavailable, fetch, throttle

# https://developers.nexudus.com/reference/get-bearer-token: a refresh token lives 15 days.
_REFRESHABLE = 15 * 86_400
_REASONS = ("invalid_grant", "two_factor_auth_check", "must_reset_password")
_FIRST_HOLD, _LONGEST_HOLD, _REMEMBERED = 60.0, 900.0, 86_400
_POLL, _GRACE = 0.05, 5.0
# After a renewal ahead of time has failed, the token that still holds serves this long.
_RESPITE = 60.0

_RELEASE = Path(__file__).with_name("release.lua").read_text()


@dataclass(frozen=True)
class _Pair:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    client_id: str
    expires: float
    life: float

    def lives(self) -> bool:
        return time.time() < self.expires

    def is_fresh(self) -> bool:
        return time.time() < self.expires - min(self.life / 10, 3600)


class Tokens:
    """Bearers of one API user of https://spaces.nexudus.com, or of another `base_url`.

    `timeout` is in seconds and bounds one request; who finds another process renewing waits for it
    five seconds longer. `client_id` None: a GUID, made once and kept in Redis under `prefix`.
    A login that the board turned down is not tried again for a minute, doubling up to a quarter of
    an hour, by anybody with the same password: the board locks accounts. Requests for tokens do not
    take part in the shared pace. Rules: https://developers.nexudus.com/rest-api/authentication
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        username: str,
        password: str,
        redis: Redis,
        prefix: str,
        client_id: str | None,
        timeout: float,
    ) -> None:
        self._http, self._redis, self._timeout = http, redis, timeout
        self._url = f"{base_url.rstrip('/')}/api/token"
        self._username, self._password, self._client_id = username, password, client_id
        self._pair_key, self._lock_key = f"{prefix}tokens", f"{prefix}token_lock"
        self._id_key, self._refused_key = f"{prefix}client_id", f"{prefix}login_refused"
        self._release = redis.register_script(_RELEASE)
        self._fernet: Fernet | None = None
        self._deriving = asyncio.Lock()
        self._pair: _Pair | None = None
        self._respite = 0.0

    async def current(self) -> str:
        """The bearer to use now, renewed ahead of time. Raises as `renew` does, if none holds."""
        if not self._pair or not self._pair.is_fresh():
            self._pair = await self._kept()
        pair = self._pair
        if pair and (pair.is_fresh() or (pair.lives() and time.monotonic() < self._respite)):
            return pair.access
        try:
            return await self.renew(pair.access if pair else "")
        except (Unauthorized, Unavailable):
            if not pair or not pair.lives():
                raise
            self._respite = time.monotonic() + _RESPITE
            return pair.access

    async def renew(self, used: str) -> str:
        """Another bearer than `used`: somebody else's newer one, or one asked for here.

        Raises Unauthorized when the board turns the login down or has done so lately, Unavailable
        when it cannot be asked or another process takes too long over it, and what Redis raises.
        """
        mine, clock = secrets.token_hex(16), asyncio.get_running_loop().time
        deadline = clock() + self._timeout + _GRACE
        # A renewal is two requests at most; a lock that ran out earlier would let in a second one.
        lease = int((2 * self._timeout + _GRACE) * 1000)
        while not await self._adopt(used):
            if await self._redis.set(self._lock_key, mine, nx=True, px=lease):
                try:
                    return await self._renew_alone(used)
                finally:
                    await self._release(keys=[self._lock_key], args=[mine])
            if clock() > deadline:
                raise Unavailable("Another process is still renewing the board's token")
            await asyncio.sleep(_POLL)
        return self._pair.access if self._pair else ""

    async def refused(self) -> str | None:
        """Why the board turned our last login down, if it did within a day. Asks Redis only."""
        record = await self._decrypted(self._refused_key)
        return str(record["reason"]) if record else None

    async def forget_refusal(self) -> None:
        """Let the login be tried at once: somebody says that what was wrong with it is mended."""
        await self._redis.delete(self._refused_key)

    async def _adopt(self, used: str) -> bool:
        pair = await self._kept()
        if pair and pair.lives() and pair.access != used:
            self._pair = pair
            return True
        record = await self._decrypted(self._refused_key)
        if record and time.time() < record["until"]:
            raise Unauthorized(record["reason"])
        return False

    async def _renew_alone(self, used: str) -> str:
        # Whoever held the lock before may have renewed between our look and our turn.
        if not await self._adopt(used):
            self._pair = await self._log_in(await self._kept())
            await self._keep(self._pair)
        return self._pair.access if self._pair else ""

    async def _log_in(self, old: _Pair | None) -> _Pair:
        if old and old.refresh:
            try:
                return await self._grant({"grant_type": "refresh_token", "refresh_token": old.refresh})
            except Unauthorized:
                pass  # spent, expired or revoked: the password still stands
        login = {"grant_type": "password", "username": self._username, "password": self._password}
        try:
            return await self._grant(login)
        except Unauthorized as error:
            await self._remember(error.reason)
            raise

    async def _grant(self, form: dict[str, str]) -> _Pair:
        client_id = await self._our_client_id()
        reply = await fetch(
            self._http,
            "POST",
            self._url,
            self._timeout,
            write=False,  # whatever became of it, asking again does no harm
            data=form,  # a body in JSON is answered with unsupported_grant_type
            headers={"client_id": client_id},
        )
        return _read_grant(reply, client_id)

    async def _remember(self, reason: str) -> None:
        before = await self._decrypted(self._refused_key)
        hold = min(before["hold"] * 2, _LONGEST_HOLD) if before else _FIRST_HOLD
        record = {"reason": reason, "until": time.time() + hold, "hold": hold}
        await self._redis.set(self._refused_key, await self._encrypted(record), ex=_REMEMBERED)

    async def _keep(self, pair: _Pair) -> None:
        life = _REFRESHABLE if pair.refresh else min(int(pair.life), _REFRESHABLE)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(self._pair_key, await self._encrypted(asdict(pair)), ex=max(life, 1))
            pipe.delete(self._refused_key)
            await pipe.execute()

    async def _kept(self) -> _Pair | None:
        record = await self._decrypted(self._pair_key)
        try:
            pair = _Pair(**record) if record else None
        except TypeError:  # written by another version of bridge
            return None
        return pair if pair and pair.client_id == await self._our_client_id() else None

    async def _our_client_id(self) -> str:
        if self._client_id is None:
            made = str(uuid.uuid4())
            await self._redis.set(self._id_key, made, nx=True)
            self._client_id = cast("str | None", await self._redis.get(self._id_key)) or made
        return self._client_id

    async def _encrypted(self, record: dict[str, Any]) -> bytes:
        return (await self._key()).encrypt(json.dumps(record).encode())

    async def _decrypted(self, key: str) -> dict[str, Any] | None:
        encrypted = await self._redis.get(key)
        if not encrypted:
            return None
        try:
            record = json.loads((await self._key()).decrypt(encrypted))
        except (InvalidToken, ValueError):
            return None
        return record if isinstance(record, dict) else None

    async def _key(self) -> Fernet:
        async with self._deriving:
            if self._fernet is None:
                salt = hashlib.sha256(f"{self._url}\0{self._username}".encode(errors="replace")).digest()
                self._fernet = await asyncio.to_thread(_derive, self._password, salt)
        return self._fernet


def _derive(password: str, salt: bytes) -> Fernet:
    key = hashlib.scrypt(password.encode(errors="surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32)
    return Fernet(urlsafe_b64encode(key))


def _read_grant(reply: Reply, client_id: str) -> _Pair:
    wait = throttle(*reply)
    if wait is not None:
        raise Unavailable("The board asks us to slow down", wait)
    try:
        data = json.loads(reply.body)
    except (ValueError, RecursionError):
        data = None
    data = data if isinstance(data, dict) else {}
    if reply.status == 401 or (reply.status == 400 and data.get("error")):
        reason = data.get("error")
        raise Unauthorized(reason if reason in _REASONS else "rejected")
    access, refresh = data.get("access_token"), data.get("refresh_token")
    if reply.status != 200 or not isinstance(access, str) or not access:
        raise Unavailable(f"The board answered {reply.status} to a request for a token")
    life = _life(data.get("expires_in"))
    return _Pair(access, refresh if isinstance(refresh, str) else "", client_id, time.time() + life, life)


def _life(seconds: Any) -> float:
    # One old page says that tokens live minutes or hours; the answer itself is what counts.
    try:
        life = float(seconds)
    except (TypeError, ValueError, OverflowError):
        return 3600.0
    return min(max(life, 0.0), float(_REFRESHABLE)) if life == life else 3600.0
