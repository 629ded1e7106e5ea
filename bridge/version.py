"""Which version this is: that of the folder it runs in, or of the package where it was installed as one."""

import tomllib
from importlib import metadata
from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def version() -> str:
    """As pyproject.toml has it; "unknown" where the package was copied alone."""
    try:
        return str(tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError):
        pass  # in site-packages there is no such file, or somebody else's
    try:
        return metadata.version("nexudus-bridge")
    except metadata.PackageNotFoundError:
        return "unknown"
