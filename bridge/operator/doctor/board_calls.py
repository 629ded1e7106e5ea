"""One look at the board under a login of its own.

The tokens that bridge keeps would answer from memory, also that the login was turned down a minute
ago; and a `client_id` of its own ends no other pair's life.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from bridge.nexudus.wire import NexudusError, Page, Rejected, Reply, decipher, fetch, throttle
from bridge.operator.doctor.finding import Finding, why
from bridge.settings.environment import Settings
from bridge.settings.network import way_to

Record = dict[str, Any]

_CLIENT = str(uuid.uuid5(uuid.NAMESPACE_DNS, "doctor.bridge"))
# What each refusal means: https://developers.nexudus.com/rest-api/authentication
_LOGIN: Mapping[str, tuple[str, str]] = {
    "invalid_grant": (
        "does not accept this user name with this password",
        "correct NEXUDUS_USERNAME and NEXUDUS_PASSWORD (a password with spaces, # or $ stands between straight single "
        "quotes in .env, and blanks at its ends count); many wrong ones in a row may lock the account",
    ),
    "two_factor_auth_check": (
        "asks the API user for a second factor, which bridge cannot give",
        "switch two-factor authentication off for this user: log in as it at dashboard.nexudus.com, click its icon, "
        "then its name; a location may force it on every administrator (Settings > Security options)",
    ),
    "must_reset_password": (
        "wants a new password for this user first",
        "log in as it at dashboard.nexudus.com once, choose a new password, and set NEXUDUS_PASSWORD to it",
    ),
}


class NoLogin(Exception):
    """The board did not let us in; `finding` says why, and what to do."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.said)
        self.finding = finding


class Visit:
    """Calls raise the tree of `nexudus.wire`; they are paced by NEXUDUS_CALL_INTERVAL_MS, and tried once."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self.settings = settings
        self._http, self._token = http, ""
        self._api = f"{settings.nexudus_url.rstrip('/')}/api"

    async def log_in(self) -> None:
        """Raises NoLogin, and NexudusError when the board cannot be reached."""
        password = self.settings.nexudus_password.get_secret_value()
        form = {"grant_type": "password", "username": self.settings.nexudus_username, "password": password}
        url, seconds = f"{self._api}/token", self.settings.nexudus_timeout
        headers = {"client_id": _CLIENT}
        reply = await fetch(self._http, "POST", url, seconds, write=False, data=form, headers=headers)
        data = _object(reply.body)
        if reply.status == 200 and isinstance(data.get("access_token"), str):
            self._token = data["access_token"]
        elif throttle(*reply) is not None:
            raise NoLogin(Finding("Nexudus", False, "asks us to slow down", "run the doctor again in a few minutes"))
        else:
            raise NoLogin(_login_refused(str(data.get("error") or ""), reply.status))

    async def ask(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """One read; None where the board answers 401: the login is fresh, so a role or the record is missing."""
        await self._turn()
        try:
            return decipher("GET", *await self._exchange("GET", path, params=query))
        except Rejected:
            return None

    async def every(self, path: str, **query: Any) -> list[Record]:
        """All pages of a list, up to fifty; none where the board answers 401."""
        records: list[Record] = []
        for number in range(1, 51):
            data = await self.ask(path, {**query, "page": number, "size": 100})
            if data is None:
                break
            page = Page.from_data(data)
            records += page.records
            if not page.has_next:
                break
        return records

    async def tell(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One write, and its `Value`. Raises Rejected on 401."""
        await self._turn()
        return decipher(method, *await self._exchange(method, path, write=True, json=body))

    async def reply(self, method: str, path: str, query: Mapping[str, Any] | None = None, **parts: Any) -> Reply | None:
        """The answer as it came, without waiting for a turn; None where there was none."""
        try:
            return await self._exchange(method, path, params=query, **parts)
        except NexudusError:
            return None

    async def _turn(self) -> None:
        await asyncio.sleep(self.settings.nexudus_call_interval_ms / 1000)

    async def _exchange(self, method: str, path: str, *, write: bool = False, **parts: Any) -> Reply:
        headers = {"Authorization": f"Bearer {self._token}"}
        url, seconds = f"{self._api}/{path}", self.settings.nexudus_timeout
        return await fetch(self._http, method, url, seconds, write=write, headers=headers, **parts)


def trouble(error: NexudusError, settings: Settings) -> Finding:
    """The board that cannot be reached, or answers what no board does."""
    cause, url = error.__context__, settings.nexudus_url
    said = f"cannot be reached at {httpx.URL(url).host}{way_to(url)}: {why(cause)}" if cause else str(error)
    remedy = "try again later; if it stays, look at NEXUDUS_URL and at this computer's way to the internet"
    return Finding("Nexudus", False, said, remedy)


def _login_refused(error: str, status: int) -> Finding:
    if error in _LOGIN:
        said, remedy = _LOGIN[error]
        return Finding("Nexudus", False, f"{said} ({error})", remedy)
    remedy = "look at NEXUDUS_URL: it is the board's address without a path, such as https://spaces.nexudus.com"
    return Finding("Nexudus", False, f"answered {status} to a request for a token", remedy)


def _object(body: bytes) -> Record:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
