"""What Slack really sent, and what other converters keep: recorded material that lies beside a checkout, not in it."""

import json
from pathlib import Path
from typing import Any

import pytest

_PLACES = [parent / "shared" / "material" for parent in Path(__file__).parents]
_FOLDER = next((place for place in _PLACES if place.exists()), None)

beside = pytest.mark.skipif(_FOLDER is None, reason="no ../shared/material beside this checkout")


def cases(name: str) -> list[dict[str, Any]]:
    """The recorded cases of one file; none where the material is not there, which `beside` says aloud."""
    return list(json.loads((_FOLDER / name).read_text("utf-8"))["cases"]) if _FOLDER else []


def field_cases() -> list[dict[str, Any]]:
    """Small messages made after public reports of what came out wrong elsewhere; `want` is what a reader must find."""
    files = sorted((_FOLDER / "field").glob("[0-9]*.json")) if _FOLDER else []
    return [json.loads(each.read_text("utf-8")) for each in files]
