"""Where the settings come from, and what their writing means there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

# Straight ones in `.env` are gone when a value is read; a word processor's never are.
_STRAIGHT, _CURLY = ('""', "''"), ("“”", "„“", "””", "‘’", "‚‘", "’’", "«»", "»«")


class Quoted(str):
    """A value whose quotation marks were meant for a shell, and count as part of it."""

    __slots__ = ()


class Environment(EnvSettingsSource):
    """The variables of this process. Docker's --env-file and some hosts leave quotation marks in them."""

    def __call__(self) -> dict[str, Any]:
        return _marked(super().__call__(), _STRAIGHT + _CURLY)


class DotEnv(DotEnvSettingsSource):
    """`.env`, which is no shell: nothing in it is expanded. A mark that Windows writes first is none of it."""

    def __call__(self) -> dict[str, Any]:
        return _marked(super().__call__(), _CURLY)

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        held = dotenv_values(file_path, encoding="utf-8-sig", interpolate=False)
        return {name.lower(): value for name, value in held.items() if value != ""}


def _marked(values: dict[str, Any], marks: tuple[str, ...]) -> dict[str, Any]:
    return {name: Quoted(value) if _is_quoted(value, marks) else value for name, value in values.items()}


def _is_quoted(value: Any, marks: tuple[str, ...]) -> bool:
    bare = value.strip() if isinstance(value, str) else ""
    return len(bare) > 1 and bare[0] + bare[-1] in marks
