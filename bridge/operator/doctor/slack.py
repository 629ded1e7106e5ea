"""The doctor's look at Slack: the secrets' forms, the bot token, its scopes, Socket Mode and the clock."""

import contextlib
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from slack_sdk.web.async_client import AsyncWebClient

from bridge.desk.installation import is_closed
from bridge.nexudus.wire import server_offset
from bridge.operator import manifest
from bridge.operator.doctor.finding import Finding, why
from bridge.settings.environment import Settings
from bridge.settings.network import way_to
from bridge.slack.webapi import CallFailed, calling, client_of
from bridge.store.client import connect

# Signed requests are believed for five minutes; the last use of a response_url leaves one.
MOST_SKEW = 60

_APP = "api.slack.com/apps > your app"
_BOT_TOKEN = (
    f"copy the Bot User OAuth Token ({_APP} > OAuth & Permissions), which begins with xoxb-, to SLACK_BOT_TOKEN"
)
_INSTALL = f"install the app again ({_APP} > Install App) and copy its new Bot User OAuth Token to SLACK_BOT_TOKEN"
_SECRET = f"copy the Signing Secret ({_APP} > Basic Information > App Credentials > Show) to SLACK_SIGNING_SECRET"
_SECRETS_FORM = re.compile(r"[0-9a-f]{32}")
_APP_TOKEN = (
    f"make one with connections:write ({_APP} > Basic Information > App-Level Tokens); set SLACK_APP_TOKEN to it"
)
_ROTATES = (
    "make a new app with the text that `bridge manifest` prints, which leaves token rotation off (Slack never switches "
    "it off again), and copy that app's Bot User OAuth Token to SLACK_BOT_TOKEN"
)
_ONE_WORKSPACE = (
    f"install the app into the one workspace whose people post ({_APP} > Install App; choose that workspace there, not "
    "the organisation), and copy its Bot User OAuth Token to SLACK_BOT_TOKEN"
)
_SHORTEST = 8
_LATER = "try again in a minute; slack-status.com tells about outages"


async def examine(settings: Settings) -> tuple[list[Finding], frozenset[str]]:
    """What can be told without changing anything: auth.test, and where Socket Mode is used whether it may begin.

    Also the scopes that Slack has granted; none where it did not tell.
    """
    findings = [signing_secret(settings)]
    if exchanged := _no_bot_token(settings.slack_bot_token.get_secret_value()):
        return [*findings, exchanged], frozenset()
    client = _client(settings)
    try:
        with calling():
            answer = await client.auth_test()
    except CallFailed as failed:
        return [*findings, _refused(failed.error) if failed.answered else _away(settings, failed)], frozenset()
    headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    told = headers.get("x-oauth-scopes")
    held = frozenset(each.strip() for each in (told or "").split(","))
    findings += [_bot(answer), _scopes(held if told is not None else None), _files(settings, held), *_clock(headers)]
    return findings + ([await _socket_mode(client, settings)] if settings.slack_app_token else []), held


async def installation(settings: Settings, url: str | None) -> list[Finding]:
    """Whether bridge has closed under this token; nothing where it has not, or the store cannot say."""
    if url is None:
        return []
    async with contextlib.aclosing(connect(url, timeout=3)) as redis:
        try:
            closed = await is_closed(redis, settings.prefix, settings.slack_bot_token.get_secret_value())
        except (RedisError, OSError):  # the look at the store says so
            return []
    if not closed:
        return []
    said = "the app was removed from the workspace, so nothing is taken or carried"
    return [Finding("Installation", False, said, f"{_INSTALL}; a token that works opens bridge again within a minute")]


def carries_files(settings: Settings, held: frozenset[str]) -> bool:
    """Whether files cross: the board needs an address to fetch them from, and bridge the right to read them."""
    return settings.public_url is not None and held.issuperset(manifest.FILE_SCOPES)


def _client(settings: Settings) -> AsyncWebClient:
    quiet = logging.getLogger("bridge.doctor")
    quiet.setLevel(logging.CRITICAL)
    token = settings.slack_bot_token.get_secret_value()
    return client_of(token, settings.slack_api_url, timeout=10, logger=quiet)


def signing_secret(settings: Settings) -> Finding:
    """Its form: that it is this app's own only a request from Slack can prove."""
    check, secret = "Signing secret", settings.slack_signing_secret.get_secret_value()
    if settings.slack_app_token and not secret:
        return Finding(check, True, "none, and none is needed: Slack is heard through Socket Mode")
    if kind := _token_kind(secret):
        return Finding(check, False, f"this is the {kind}", _SECRET)
    if _SECRETS_FORM.fullmatch(secret):
        said = "it has the right form; that it is this app's own is proven only by the first request from Slack"
        return Finding(check, True, said)
    said = f"it has {len(secret)} characters; Slack's have 32, all of them 0-9 or a-f"
    # Slack documents no form, so an odd one is a hint; but what can be guessed lets anybody sign as Slack.
    holds = False if len(secret) < _SHORTEST else None
    return Finding(check, holds, said if len(secret) != 32 else "Slack's have only 0-9 and a-f in them", _SECRET)


def _token_kind(text: str) -> str | None:
    """Which of Slack's tokens this is: their first letters are documented (https://docs.slack.dev/authentication/tokens)."""
    return {"xoxb-": "bot token", "xapp-": "app-level token"}.get(text[:5])


def _no_bot_token(token: str) -> Finding | None:
    """One of the app's other secrets in its place, or one that ends within hours; Slack would not say so."""
    if token.startswith("xoxe"):
        return Finding("Slack", False, "SLACK_BOT_TOKEN is a rotating token, which ends after 12 hours", _ROTATES)
    kind = "signing secret" if _SECRETS_FORM.fullmatch(token) else _token_kind(token)
    if kind in (None, "bot token"):
        return None
    return Finding("Slack", False, f"SLACK_BOT_TOKEN looks like the {kind}", _BOT_TOKEN)


def _away(settings: Settings, failed: CallFailed) -> Finding:
    url = settings.slack_api_url
    said = f"cannot be reached at {urlsplit(url).hostname}{way_to(url)}: {why(failed.cause or failed)}"
    return Finding("Slack", False, said, "look at this computer's way to the internet, and at SLACK_API_URL")


def _refused(error: str) -> Finding:
    said = f"the bot token is not accepted ({error})"
    if error in ("account_inactive", "token_revoked", "token_expired"):
        return Finding("Slack", False, said, _INSTALL)
    if error in ("invalid_auth", "not_authed", "not_allowed_token_type"):
        return Finding("Slack", False, said, _BOT_TOKEN)
    return Finding("Slack", False, f"answered {error}", _LATER)


def _bot(answer: Any) -> Finding:
    if not answer.get("bot_id"):
        return Finding("Slack", False, "SLACK_BOT_TOKEN is a person's token", _BOT_TOKEN)
    if answer.get("is_enterprise_install"):
        return Finding("Slack", False, "SLACK_BOT_TOKEN is a token for a whole organisation", _ONE_WORKSPACE)
    said = f"the token is that of {answer.get('user')} in {answer.get('team')} ({answer.get('team_id')})"
    return Finding("Slack", True, said)


def _scopes(held: frozenset[str] | None) -> Finding:
    check = "Slack scopes"
    if held is None:
        remedy = f"compare {_APP} > OAuth & Permissions with `bridge manifest`"
        return Finding(check, None, "unknown; Slack did not tell", remedy)
    missing = [scope for scope in manifest.SCOPES if scope not in held]
    if missing:
        remedy = f"add them ({_APP} > OAuth & Permissions > Bot Token Scopes), then install it again (Install App)"
        return Finding(check, False, f"missing: {', '.join(missing)}", remedy)
    return Finding(check, True, "every one that is needed")


def _files(settings: Settings, held: frozenset[str]) -> Finding:
    if carries_files(settings, held):
        return Finding("Files", True, "they cross, as far as FILE_TYPES and FILE_BYTES_MAX let them")
    if held.issuperset(manifest.FILE_SCOPES):
        said = "the app may read them, but without PUBLIC_URL the board cannot fetch them, so they stay in Slack"
        return Finding("Files", None, said, "set PUBLIC_URL, if they are to cross")
    return Finding("Files", True, "they stay in Slack; `bridge manifest --files` has the scope with which they cross")


async def _socket_mode(client: AsyncWebClient, settings: Settings) -> Finding:
    """Asks for the address of a socket, and opens none."""
    assert settings.slack_app_token is not None
    check, token = "Socket Mode", settings.slack_app_token.get_secret_value()
    try:
        with calling():
            if not (await client.apps_connections_open(app_token=token)).get("url"):
                raise ValueError("no address")
    except CallFailed as failed:
        if not failed.answered:
            return Finding(check, False, f"cannot be asked: {why(failed.cause or failed)}", _LATER)
        remedy = f"{_APP_TOKEN}; Socket Mode must be on there (Socket Mode)"
        if failed.error == "ratelimited" or not failed.error.isidentifier():
            remedy = _LATER  # no name of Slack's says nothing about the token
        return Finding(check, False, f"Slack gives this token no socket ({failed.error})", remedy)
    return Finding(check, True, "Slack gives us a socket; no public address is needed")


def _clock(headers: Mapping[str, str]) -> list[Finding]:
    offset = server_offset(headers, datetime.now(UTC))
    if offset is None:
        return []
    where = f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} Slack's"
    if abs(offset) > MOST_SKEW:
        remedy = "set this computer's clock by the network (NTP; with systemd: timedatectl set-ntp true)"
        return [Finding("Clock", False, f"ours is {where}, so Slack's requests look forged", remedy)]
    return [Finding("Clock", True, f"ours is {where}" if abs(offset) > 2 else "ours agrees with Slack's")]
