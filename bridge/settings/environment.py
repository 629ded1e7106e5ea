"""The settings: the environment and `.env`, read once and checked whole.

Every field is a variable of the same name in capitals, described in .env.example.
Durations are in seconds.
"""

import hashlib
import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.settings import addresses
from bridge.settings.sources import DotEnv, Environment, Quoted

# What Slack takes for a slash command, and how that is told.
# https://docs.slack.dev/reference/app-manifest
COMMAND = re.compile(r"/[^\s/]{1,31}")
COMMAND_RULE = "must be a slash and one word of up to 31 characters"

# What an account may be called; it becomes a part of every key.
ACCOUNT = r"[A-Za-z0-9_.-]{1,40}"

# Slack and the board are sent to paths of ours below it.
PUBLIC_RULE = "is the address without a path"

Everyone = Literal["everybody", "nobody"]

# What people think up may begin or end with a blank; no other value does, and a pasted one often has one too many.
_WITH_BLANKS = frozenset({"nexudus_password"})


class Settings(BaseSettings):
    """All that an operator may choose. Raises pydantic's ValidationError; the room `problems` makes lines of it."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr = Field(SecretStr(""), validate_default=True)
    slack_bot_token: SecretStr = Field(min_length=1)
    slack_api_url: str = "https://slack.com/api/"
    slack_command: str = "/community"
    slack_guests: Literal["allow", "refuse"] = "allow"

    nexudus_url: str = "https://spaces.nexudus.com"
    nexudus_username: str = Field(min_length=1)
    nexudus_password: SecretStr = Field(min_length=1)
    nexudus_client_id: str | None = None
    nexudus_business_id: int | None = Field(None, ge=1)
    nexudus_thread_url: str = "https://{web_address}.spaces.nexudus.com/en/conversations/thread/{id}/{slug}"
    nexudus_writes_per_minute: int = Field(60, ge=1)
    nexudus_writes_per_day: int = Field(2500, ge=1)
    nexudus_writes_per_endpoint: int = Field(25, ge=1)
    nexudus_call_interval_ms: int = Field(100, ge=0)
    nexudus_timeout: float = Field(15, gt=0, le=120)
    nexudus_search_lag: float = Field(10, ge=0, le=600)

    patience: float = Field(86400, gt=0, le=31536000)
    longest_wait: float = Field(600, gt=0, le=86400)
    late_look: float = Field(21600, gt=0, le=604800)
    still_trying_after: float = Field(8, ge=0, le=3600)
    identity_ttl: float = Field(3600, gt=0, le=604800)
    groups_ttl: float = Field(300, gt=0, le=86400)
    keep_days: float = Field(30, gt=0, le=3650)
    instant_delivery: Annotated[Everyone | frozenset[str], NoDecode] = "everybody"
    posts_per_person_per_hour: int = Field(20, ge=1)
    private_sources: Literal["allow", "warn", "forbid"] = "warn"
    subject_max: int = Field(254, ge=1)
    message_max: int = Field(20000, ge=1)
    tags_max: int = Field(50, ge=1)
    thread_replies_max: int = Field(200, ge=1, le=1000)
    file_bytes_max: int = Field(10000000, ge=1)
    file_types: str = (
        "image/png,image/jpeg,image/gif,image/webp,application/pdf,text/plain,text/csv,"
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document,"
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,"
        "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    )
    file_ttl: float = Field(600, gt=0, le=3600)

    redis_url: str | None = None
    redis_certificate: str | None = None
    redis_connections: int = Field(6, ge=2, le=1000)
    bridge_data: Path = Path("./.bridge")
    bridge_account: str | None = None
    lease: float = Field(30, gt=0, le=3600)
    host: str = "127.0.0.1"
    port: int = Field(3000, ge=0, le=65535)
    public_url: str | None = None
    metrics_port: int | None = Field(None, ge=0, le=65535)
    metrics_token: SecretStr | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    dyno: str | None = None

    @field_validator("instant_delivery", mode="before")
    @classmethod
    def _people(cls, value: Any) -> Any:
        if not isinstance(value, str) or value.strip().lower() in ("everybody", "nobody"):
            return value.strip().lower() if isinstance(value, str) else value
        people = frozenset(part.strip() for part in value.split(",") if part.strip())
        if not people or not all(re.fullmatch(r"[UW][A-Z0-9]+", each) for each in people):
            raise ValueError("must be everybody, nobody, or Slack user ids (U…) with commas between")
        return people

    @field_validator("slack_api_url", "nexudus_url", "public_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        return None if value is None else addresses.web(value)

    @field_validator("nexudus_url")
    @classmethod
    def _no_dashboard(cls, value: str) -> str:
        if urlsplit(value).hostname == "dashboard.nexudus.com":
            raise ValueError("that is the dashboard; the API is https://spaces.nexudus.com")
        return value

    @field_validator("public_url")
    @classmethod
    def _without_path(cls, value: str | None) -> str | None:
        if value is not None and addresses.has_path(value):
            raise ValueError(PUBLIC_RULE)
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _with_slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"

    @field_validator("nexudus_thread_url")
    @classmethod
    def _template(cls, value: str) -> str:
        try:
            link = value.format(web_address="a", business_id=1, id=1, slug="s")
        except (KeyError, IndexError, ValueError, AttributeError, TypeError):
            raise ValueError("may hold only {web_address}, {business_id}, {id} and {slug}") from None
        parts = addresses.split(link)
        if parts.scheme not in ("https", "http"):
            raise ValueError("must be a web address such as https://example.com/thread/{id}")
        addresses.without_login(parts)
        return value

    @field_validator("file_types")
    @classmethod
    def _mime_types(cls, value: str) -> str:
        if not all(re.fullmatch(r"[a-z]+/(\*|[a-z0-9.+-]+)", each) for each in value.replace(" ", "").split(",")):
            raise ValueError("must be MIME types with commas between, such as image/*,application/pdf")
        return value.replace(" ", "")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return None if value is None else addresses.redis(value)

    @field_validator("redis_certificate")
    @classmethod
    def _authority(cls, value: str | None) -> str | None:
        if value is None or value.lower() == "none":
            return value and "none"
        try:
            ssl.create_default_context(cafile=value)
        except OSError:  # ssl's own are among them
            raise ValueError("must be none, or the path of a file with the certificate of a CA (PEM)") from None
        return value

    @field_validator("slack_app_token")
    @classmethod
    def _app_level(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith("xapp-"):
            raise ValueError("is no app-level token; those begin with xapp-")
        return value

    @field_validator("slack_command", mode="before")
    @classmethod
    def _command(cls, value: Any) -> Any:
        if not COMMAND.fullmatch(str(value).strip()):
            raise ValueError(COMMAND_RULE)
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("bridge_account")
    @classmethod
    def _part_of_a_key(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(ACCOUNT, value):
            raise ValueError("may hold letters, digits, dots and dashes only, 40 at most")
        return value

    @field_validator("slack_signing_secret")
    @classmethod
    def _verifiable(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        # An empty secret would verify nothing; with an app token, Socket Mode needs no signatures.
        if not value.get_secret_value().strip() and info.data.get("slack_app_token") is None:
            raise ValueError("is missing")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        """The first of all: of several that run before, pydantic asks the last one first."""
        if isinstance(value, Quoted):
            raise ValueError("begins and ends with a quotation mark; that counts as part of it here, so leave both out")
        if not isinstance(value, str):
            return value
        kept = value.strip("\r\n") if info.field_name in _WITH_BLANKS else value.strip()
        return kept if kept.strip() else ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over `.env`."""
        return init_settings, Environment(settings_cls), DotEnv(settings_cls)

    @property
    def account(self) -> str:
        """Names this pair of workspace and board inside Redis; two bridges may then share one server."""
        if self.bridge_account:
            return self.bridge_account
        whose = f"{self.nexudus_url.rstrip('/')}|{self.nexudus_username.lower()}"
        return hashlib.sha256(whose.encode()).hexdigest()[:12]

    @property
    def certificate(self) -> str | None:
        """REDIS_CERTIFICATE with what the host implies: Heroku signs its Redis's itself.

        https://devcenter.heroku.com/articles/connecting-heroku-redis
        """
        return self.redis_certificate or ("none" if self.dyno else None)

    @property
    def prefix(self) -> str:
        """What every key of this account begins with."""
        return prefix_of(self.account)

    def may_choose_instant(self, user: str) -> bool:
        """Whether this Slack person may choose instant delivery (INSTANT_DELIVERY)."""
        if isinstance(self.instant_delivery, frozenset):
            return user in self.instant_delivery
        return self.instant_delivery == "everybody"


def prefix_of(account: str) -> str:
    """What an account's keys begin with; the braces keep them in one slot of a Redis Cluster."""
    return f"bridge:{{{account}}}:"


class GivenSettings(Settings):
    """Settings from arguments alone: the demo must not touch anybody's environment or `.env`."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)
