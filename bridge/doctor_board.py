"""The doctor's look at the board: login, roles, location, groups and a link to try.

It logs in by itself. The tokens that bridge keeps would answer from memory, also that the login
was turned down a minute ago; and a `client_id` of its own ends no other pair's life.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bridge import draft
from bridge.settings import Settings
from bridge.wire import NexudusError, Page, decipher, fetch, throttle

Record = dict[str, Any]

_CLIENT = str(uuid.uuid5(uuid.NAMESPACE_DNS, "doctor.bridge"))
_THREADS, _GROUPS, _BUSINESSES = "community/communitythreads", "community/communitygroups", "sys/businesses"
# Which roles are asked for by reading: https://developers.nexudus.com/rest-api/roles-and-access
_ENTITIES: Mapping[str, tuple[str, bool]] = {
    "CommunityThread": (_THREADS, True),
    "CommunityGroup": (_GROUPS, True),
    "Coworker": ("spaces/coworkers", True),
    "User": ("sys/users", True),
    "Business": (_BUSINESSES, False),
}
_LOGIN: Mapping[str, tuple[str, str]] = {
    "invalid_grant": (
        "does not accept this user name with this password",
        "correct NEXUDUS_USERNAME and NEXUDUS_PASSWORD; many wrong ones in a row may lock the account",
    ),
    "two_factor_auth_check": (
        "asks the API user for a second factor, which bridge cannot give",
        "switch two-factor authentication off for this user; its location may force it on all administrators",
    ),
    "must_reset_password": (
        "wants a new password for this user first",
        "log in by hand once, choose a new password, and put it into NEXUDUS_PASSWORD",
    ),
}


@dataclass(frozen=True)
class Finding:
    """`holds` is None where it could not be found out; that alone is no failure."""

    check: str
    holds: bool | None
    said: str
    remedy: str = ""

    def line(self) -> str:
        """The board's and Slack's own names stand in it, so that no control character may."""
        mark = {True: "ok", False: "no", None: "--"}[self.holds]
        text = f"{mark}  {self.check}: {self.said}" + (f" → {self.remedy}" if self.remedy else "")
        return "".join(each if each.isprintable() else " " for each in text)


class _NoLogin(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.said)
        self.finding = finding


async def examine(settings: Settings) -> list[Finding]:
    """Everything about the board, as far as what comes before it holds."""
    async with httpx.AsyncClient(follow_redirects=False) as http:
        visit = _Visit(http, settings)
        try:
            await visit.log_in()
            return [Finding("Nexudus", True, f"logged in as {settings.nexudus_username}"), *await visit.look_round()]
        except _NoLogin as stopped:
            return [stopped.finding]
        except NexudusError as error:
            remedy = "try again later; if it stays, look at NEXUDUS_URL and at this computer's way to the internet"
            return [Finding("Nexudus", False, str(error), remedy)]


class _Visit:
    """One look at the board under a token of its own."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http, self._settings, self._token = http, settings, ""
        self._api = f"{settings.nexudus_url.rstrip('/')}/api"

    async def log_in(self) -> None:
        """Raises _NoLogin, and NexudusError when the board cannot be reached."""
        password = self._settings.nexudus_password.get_secret_value()
        form = {"grant_type": "password", "username": self._settings.nexudus_username, "password": password}
        url, seconds = f"{self._api}/token", self._settings.nexudus_timeout
        reply = await fetch(
            self._http, "POST", url, seconds, write=False, data=form, headers={"client_id": _CLIENT}
        )  # fmt: skip
        data = _object(reply.body)
        if reply.status == 200 and isinstance(data.get("access_token"), str):
            self._token = data["access_token"]
        elif throttle(*reply) is not None:
            raise _NoLogin(Finding("Nexudus", False, "asks us to slow down", "run the doctor again in a few minutes"))
        else:
            raise _NoLogin(_login_refused(str(data.get("error") or ""), reply.status))

    async def look_round(self) -> list[Finding]:
        missing = [role for entity in _ENTITIES for role in await self._missing(entity)]
        findings = [_roles(missing)]
        if "Business-List" in missing:
            return findings
        location, found = choose(await self._every(_BUSINESSES), self._settings.nexudus_business_id)
        findings.append(found)
        if location is None:
            return findings
        if "CommunityGroup-List" not in missing:
            findings.append(await self._groups(location))
        if "CommunityThread-List" not in missing:
            findings.append(await self._link(location))
        return findings

    async def _missing(self, entity: str) -> list[str]:
        path, read = _ENTITIES[entity]
        listed = await self._ask(path, {"page": 1, "size": 3})
        if listed is None:
            return [f"{entity}-List"]
        ids = [each["Id"] for each in Page.from_data(listed).records if isinstance(each.get("Id"), int)]
        if not read or not ids:
            return []
        # A 401 may also mean that this one record is gone, which lists do not know yet.
        for id_ in ids:
            if await self._ask(f"{path}/{id_}") is not None:
                return []
        return [f"{entity}-Read"]

    async def _groups(self, location: Record) -> Finding:
        listed = await self._every(_GROUPS, CommunityGroup_Business=location["Id"])
        here = [each for each in listed if each.get("BusinessId") == location["Id"]]
        return Finding("Groups", True, f"{len(here)} at {location.get('Name')}")

    async def _link(self, location: Record) -> Finding:
        data = await self._ask(_THREADS, {"CommunityThread_Business": location["Id"], "page": 1, "size": 25})
        threads = [each for each in Page.from_data(data).records if each.get("BusinessId") == location["Id"]]
        shown = next((each for each in threads if not each.get("Private")), None)
        if shown is None:
            said = f"no thread at {location.get('Name')} yet to try it with"
            return Finding("Thread link", None, said, "open the link of the first post by hand")
        link = self._settings.nexudus_thread_url.format(
            web_address=location.get("WebAddress") or "",
            business_id=location["Id"],
            id=shown.get("Id"),
            slug=draft.slug(str(shown.get("Subject") or "")),
        )
        return Finding("Thread link", True, f"open it by hand, and see a thread: {link}")

    async def _every(self, path: str, **query: Any) -> list[Record]:
        records: list[Record] = []
        for number in range(1, 51):
            page = Page.from_data(await self._ask(path, {**query, "page": number, "size": 100}))
            records += page.records
            if not page.has_next:
                break
        return records

    async def _ask(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """One read; None where the board answers 401: a role is missing, as the login is fresh."""
        await asyncio.sleep(self._settings.nexudus_call_interval_ms / 1000)
        reply = await fetch(
            self._http,
            "GET",
            f"{self._api}/{path}",
            self._settings.nexudus_timeout,
            write=False,
            params=query,
            headers={"Authorization": f"Bearer {self._token}"},
        )
        return None if reply.status == 401 else decipher("GET", *reply)


def _login_refused(error: str, status: int) -> Finding:
    if error in _LOGIN:
        said, remedy = _LOGIN[error]
        return Finding("Nexudus", False, f"{said} ({error})", remedy)
    remedy = "look at NEXUDUS_URL: it is the board's address without a path, such as https://spaces.nexudus.com"
    return Finding("Nexudus", False, f"answered {status} to a request for a token", remedy)


def _roles(missing: list[str]) -> Finding:
    if len([each for each in missing if each.endswith("-List")]) == len(_ENTITIES):
        remedy = "make it an administrator with API access, with the roles that the README lists"
        return Finding("Nexudus roles", False, "this user may read nothing at all", remedy)
    if missing:
        return Finding("Nexudus roles", False, f"missing: {', '.join(missing)}", "give them to the API user's role")
    said = "List and Read hold wherever they are needed; CommunityThread-Create shows with the first post only"
    return Finding("Nexudus roles", True, said)


def choose(businesses: list[Record], wanted: int | None) -> tuple[Record | None, Finding]:
    """The location to post at by default, as far as the settings and the account tell."""
    open_ones = [each for each in businesses if not each.get("Suspended")]
    offered = ", ".join(f"{each.get('Id')} ({each.get('Name')})" for each in open_ones) or "none"
    chosen = [each for each in open_ones if each.get("Id") == wanted] if wanted else open_ones
    if len(chosen) == 1:
        return chosen[0], Finding("Location", True, f"{chosen[0].get('Name')} ({chosen[0].get('Id')})")
    if not open_ones:
        return None, Finding("Location", False, "this user sees none", "give it access to the location in Nexudus")
    said = f"{wanted} is not one of this account's" if wanted else "there are several"
    return None, Finding("Location", False, said, f"set NEXUDUS_BUSINESS_ID to one of: {offered}")


def _object(body: bytes) -> Record:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
