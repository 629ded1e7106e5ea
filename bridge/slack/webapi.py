"""Slack's Web API as bridge uses it: a few calls, each with its own time limit, never repeated by itself.

slack_sdk's default retry handler would repeat a chat.postMessage that had already arrived.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bridge.post.refusals import Fault, NotAllowed, SlackAway
from bridge.settings import network

CALL = 10.0
# Seconds; whoever names more is asked again all the same.
LONGEST_WAIT = 3600.0

# GovSlack's hosts are Slack's own too.
_SLACK_DOMAINS = (".slack.com", ".slack-gov.com", ".slack-edge.com", ".slack-files.com")
_TURN_ERRORS = frozenset({"ratelimited", "rate_limited"})
_WAIT_ERRORS = _TURN_ERRORS | {"internal_error", "fatal_error", "service_unavailable"}
_TOKEN_ERRORS = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})


class CallFailed(SlackAway):
    """A Web API call was answered with an error, or not at all; `passing` when it may work later."""

    def __init__(
        self, error: str, *, passing: bool, wait: float | None = None, cause: BaseException | None = None
    ) -> None:
        super().__init__(error, wait, _fault(error, passing=passing, wait=wait))
        # Not as the exception's own cause, which would be logged with all that it says.
        self.error, self.passing, self.cause = error, passing, cause

    @property
    def answered(self) -> bool:
        """Whether Slack itself said what is wrong."""
        return isinstance(self.cause, SlackApiError)

    @property
    def refused(self) -> bool:
        """Whether Slack itself said no, to the token or for good."""
        return self.fault in ("refused", "token")


def _fault(error: str, *, passing: bool, wait: float | None) -> Fault:
    if error in _TOKEN_ERRORS:
        return "token"
    if not passing:
        return "refused"
    return "turn" if wait is not None or error in _TURN_ERRORS else "away"


def client_of(token: str, base_url: str, **more: Any) -> AsyncWebClient:
    """slack_sdk's client, never repeating by itself; `more` is its own."""
    client = AsyncWebClient(token, base_url, retry_handlers=[], ssl=network.certificates(), **more)
    client.proxy = network.proxy_for(base_url)  # its own reading of the environment leaves NO_PROXY and ALL_PROXY out
    return client


@contextlib.contextmanager
def calling() -> Iterator[None]:
    """Whatever one of slack_sdk's calls ends in, but its answer, is a CallFailed."""
    try:
        yield
    except SlackApiError as error:
        raise _failed(error) from None
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise CallFailed(type(error).__name__, passing=True, cause=error) from None
    except (AttributeError, TypeError, ValueError) as error:
        # slack_sdk takes an answer for an object without asking; a proxy's error page is none.
        raise CallFailed("unreadable", passing=True, cause=error) from None


class WebApi:
    """The bot's calls. `session` is shared: without it every call opens a connection of its own.

    `noted` hears how each call ended: its method, and None where Slack gave what was asked for.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        session: aiohttp.ClientSession,
        http: httpx.AsyncClient,
        noted: Callable[[str, CallFailed | None], None] = lambda *_: None,
    ) -> None:
        self.client = client_of(token, base_url, session=session)
        self._base, self._http, self._noted = base_url, http, noted
        self._home: tuple[str, str | None] | None = None
        self.scopes: frozenset[str] = frozenset()
        self.bot_user: str | None = None

    async def call(self, method: str, *, within: float = CALL, read: bool = False, **args: Any) -> Mapping[str, Any]:
        """One call; `read` for the methods that take no JSON (users.info, conversations.info). Raises CallFailed."""
        given: dict[str, Any] = {name: value for name, value in args.items() if value is not None}
        try:
            with calling():
                async with asyncio.timeout(within):
                    if read:
                        answer = await self.client.api_call(method, http_verb="GET", params=given)
                    else:
                        answer = await self.client.api_call(method, json=given)
        except CallFailed as failed:
            self._noted(method, failed)
            raise
        self._noted(method, None)
        self._note_scopes(answer.headers)
        return answer.data if isinstance(answer.data, Mapping) else {}

    def _note_scopes(self, headers: Mapping[str, str]) -> None:
        """Slack names the token's scopes in every answer. https://docs.slack.dev/authentication/tokens"""
        for name, value in headers.items():
            if name.lower() == "x-oauth-scopes":
                self.scopes = frozenset(each.strip() for each in str(value).split(","))

    async def user(self, user: str) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/users.info. Raises NotAllowed for whom Slack never shows us."""
        try:
            return dict((await self.call("users.info", read=True, user=user, include_locale="true")).get("user") or {})
        except CallFailed as failed:
            if failed.error in ("user_not_found", "user_not_visible"):
                raise NotAllowed("foreign") from None
            raise

    async def channel(self, channel: str) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/conversations.info; {} for what Slack will not show us."""
        try:
            return dict((await self.call("conversations.info", read=True, channel=channel)).get("channel") or {})
        except CallFailed as failed:
            if failed.passing:
                raise
            return {}

    async def home(self) -> tuple[str, str | None]:
        """The workspace that installed the app (and its enterprise), asked once. Raises CallFailed."""
        return self._home or await self.identify()

    async def identify(self) -> tuple[str, str | None]:
        """The same, asked anew: whether Slack takes the token now. Raises CallFailed.

        https://docs.slack.dev/reference/methods/auth.test
        """
        found = await self.call("auth.test")
        if not found.get("team_id"):
            raise CallFailed("unreadable", passing=True)
        self._home = home = (str(found["team_id"]), found.get("enterprise_id"))
        self.bot_user = found.get("user_id")
        return home

    def known_home(self) -> tuple[str, str | None] | None:
        """Without a call: None until `home` has succeeded."""
        return self._home

    # ── response_url ─────────────────────────────────────────────────────────

    async def respond(self, url: str, message: Mapping[str, Any], *, replace_original: bool = False) -> None:
        """Answer the person alone where they asked. Raises CallFailed."""
        if not self.is_slacks(url):
            raise CallFailed("foreign_response_url", passing=False)
        payload = {**message, "response_type": "ephemeral", "replace_original": replace_original}
        try:
            async with asyncio.timeout(CALL):
                answer = await self._http.post(url, json=payload, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise CallFailed(type(error).__name__, passing=True) from None
        if answer.status_code == 200 and b'"ok":false' in answer.content[:1000].replace(b" ", b""):
            raise CallFailed("response_url refused", passing=True)
        if answer.status_code != 200:
            raise CallFailed(f"response_url {answer.status_code}", passing=answer.status_code in (429, 500, 503))

    def is_slacks(self, url: str) -> bool:
        """https at one of Slack's own hosts, or exactly the scheme, host and port of the Web API's base."""
        try:
            parts, base = urlsplit(url), urlsplit(self._base)
            same = (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port)
            alone = parts.username is None and parts.password is None
            standard = parts.port in (None, 443)
        except ValueError:
            return False
        slacks = parts.scheme == "https" and standard and (parts.hostname or "").endswith(_SLACK_DOMAINS)
        return alone and (same or slacks)


def _failed(error: SlackApiError) -> CallFailed:
    """Passing, unless Slack itself named an error that will stand."""
    response: Any = error.response
    data = getattr(response, "data", response)
    name = data.get("error") if isinstance(data, Mapping) else None
    status = getattr(response, "status_code", getattr(response, "status", 0))
    passing = not isinstance(name, str) or status == 429 or status >= 500 or name in _WAIT_ERRORS | _TOKEN_ERRORS
    wait = named_wait(getattr(response, "headers", None) or {})
    return CallFailed(str(name or status), passing=passing, wait=wait, cause=error)


def named_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds in `Retry-After`, at most an hour. https://docs.slack.dev/apis/web-api/rate-limits"""
    hint = str(headers.get("Retry-After") or "").strip()
    return min(float(hint), LONGEST_WAIT) if hint.isascii() and hint.isdigit() else None
