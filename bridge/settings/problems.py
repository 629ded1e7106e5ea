"""What is wrong with the settings, in a line each for the operator; never a value, which may be a secret.

A name that is not ours is no mistake, because other programs' names may stand beside ours. One that is nearly
ours most likely is: it would be ignored without a word.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from bridge.settings.environment import Settings

_EXAMPLES = {
    "slack_signing_secret": (
        "SLACK_SIGNING_SECRET=8f742231b10e… (api.slack.com/apps, Basic Information; "
        "in Socket Mode: SLACK_APP_TOKEN instead)"
    ),
    "slack_bot_token": "SLACK_BOT_TOKEN=xoxb-… (api.slack.com/apps, OAuth & Permissions)",
    "slack_app_token": "SLACK_APP_TOKEN=xapp-… (api.slack.com/apps, Basic Information, App-Level Tokens)",
    "nexudus_username": "NEXUDUS_USERNAME=bridge@your-space.com",
    "nexudus_password": "NEXUDUS_PASSWORD=the API user's password",
    "nexudus_client_id": "NEXUDUS_CLIENT_ID=0f8fad5b-d9cb-469f-a165-70867728950e, or leave it out",
    "nexudus_business_id": "NEXUDUS_BUSINESS_ID=1421021016",
    "redis_url": "REDIS_URL=redis://localhost:6379/0",
    "redis_certificate": "REDIS_CERTIFICATE=none, or REDIS_CERTIFICATE=/etc/ssl/redis-ca.pem, or leave it out",
    "bridge_account": "BRIDGE_ACCOUNT=my-space, or leave it out",
    "public_url": "PUBLIC_URL=https://bridge.your-space.com",
    "metrics_port": "METRICS_PORT=9464, or leave it out",
    "metrics_token": "METRICS_TOKEN=a long random text, or leave it out",
}

# Pydantic's words are for programmers; the rest of them (ours among them) read well as they are.
# https://docs.pydantic.dev/latest/errors/validation_errors/
_PLAIN = {
    "missing": "is missing",
    "string_too_short": "is missing",
    "too_short": "is missing",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}


# How alike two names must be: NEXUDUS_PASS is told, SLACK_CLIENT_SECRET is another thing of Slack's.
_ALIKE = 0.8
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REQUIRED = frozenset({"SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "NEXUDUS_USERNAME", "NEXUDUS_PASSWORD"})


def problems(error: ValidationError, misspelt: Mapping[str, str] | None = None) -> list[str]:
    """One line for each wrong or missing setting: its name, what is wrong, an example. Never its value.

    `misspelt`: names that are set, and what was probably meant by each.
    """
    unheard = dict(misspelt or {})
    lines = [_problem(each, unheard) for each in error.errors()]
    return lines + [f"{name}: {unknown(meant)}. Example: {example(meant.lower())}" for name, meant in unheard.items()]


def without_file(error: ValidationError, file: Path) -> list[str]:
    """A first line where nothing that is needed is set, and there is no `.env`: then this is not the folder, or new."""
    missing = {str(each["loc"][0]).upper() for each in error.errors() if each["loc"]}
    if file.exists() or not missing >= _REQUIRED:
        return []
    return [f"There is no .env in {file.absolute().parent}: `cp .env.example .env`, or go to the folder that has one."]


def _problem(error: ErrorDetails, unheard: dict[str, str]) -> str:
    """What stands under a name that is nearly this one is told with it, and taken out of `unheard`."""
    field = str(error["loc"][0]) if error["loc"] else ""
    plain = _PLAIN.get(error["type"])
    said = plain.format_map(error.get("ctx", {})) if plain else error["msg"].removeprefix("Value error, ")
    if names := [name for name, meant in unheard.items() if meant == field.upper()]:
        said += f"; {' and '.join(names)}, which is set, is probably a misspelling of it"
        for each in names:
            del unheard[each]
    return f"{field.upper()}: {said}. Example: {example(field)}"


def example(field: str) -> str:
    """How a setting may be written, for the line that says it is wrong."""
    return _EXAMPLES.get(field) or f"{field.upper()}={Settings.model_fields[field].default}"


def unknown(meant: str) -> str:
    """Said of a misspelt name, to stand after it."""
    return f"is no setting of bridge and is ignored; probably {meant} is meant"


def misspelt() -> dict[str, str]:
    """Names in the environment and in `.env` that are nearly a setting's, and which; none whose setting is given.

    Raises OSError or UnicodeDecodeError for a `.env` that cannot be read.
    """
    held = {**DotEnvSettingsSource(Settings).env_vars, **EnvSettingsSource(Settings).env_vars}
    # What has no value, or is no name, may be a password that follows its name after the wrong character.
    names = [each.upper() for each, value in held.items() if value is not None and _NAME.fullmatch(each)]
    close = {name: _closest(name) for name in names if name.lower() not in Settings.model_fields}
    return {name: meant for name, meant in close.items() if meant and not held.get(meant.lower())}


def _closest(name: str) -> str | None:
    """The setting that is most like this name; a required one first, because it will be missing."""
    alike = {each.upper(): SequenceMatcher(None, name, each.upper()).ratio() for each in Settings.model_fields}
    close = [each for each, ratio in alike.items() if ratio >= _ALIKE]
    return max(close, key=lambda each: (each in _REQUIRED, alike[each]), default=None)


def unread_lines(file: Path) -> Iterator[str]:
    """Lines that give a setting nothing, told by their number alone: a password may be on one."""
    if file.is_file():
        with file.open(encoding="utf-8") as text:
            for each in parse_stream(text):
                if each.error:
                    said = f".env: line {each.original.line} cannot be read; is a quotation mark missing?"
                    yield f"{said} Example: NAME='value'"
                elif each.value is None and _begins_with_a_setting(each.key or ""):
                    yield f".env: line {each.original.line} has no = between a name and its value. Example: NAME=value"


def _begins_with_a_setting(key: str) -> bool:
    return key.upper().startswith(tuple(each.upper() for each in Settings.model_fields))
