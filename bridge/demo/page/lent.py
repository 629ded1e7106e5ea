"""`bridge demo --stand-ins`: the settings with which a bridge of one's own meets the stand-ins."""

import re
import socket
from typing import Any

from pydantic import SecretStr

from bridge.demo.stage import HALL
from bridge.settings.environment import Settings

USUAL_PORT = 3000
_WHY = {"port": "# keep this: the stand-in for Slack calls this port\n"}

NOTICE = """\
The stand-ins for Slack and Nexudus are at {url}
No bridge runs beside them yet. Leave this one running; in another terminal, in the same
folder, put the lines below into a file named .env (an .env of your own goes aside first).
Then try `bridge doctor`, and `bridge run`. Ctrl-C ends the stand-ins, and what was kept.

{lines}
"""


def dotenv(settings: Settings) -> str:
    """These settings as the lines of a `.env`, each that was given."""
    chosen = {name: getattr(settings, name) for name in Settings.model_fields if name in settings.model_fields_set}
    return "\n".join(f"{_WHY.get(name, '')}{name.upper()}={_written(value)}" for name, value in chosen.items())


def _written(value: object) -> str:
    """Between single quotes where python-dotenv or a shell would read more than a text."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if re.fullmatch(r"[\w:/.@-]+", text) else f"'{text}'"


def given() -> dict[str, Any]:
    """What a bridge of one's own is told besides."""
    return {"port": _free_port(), "nexudus_business_id": HALL}


def _free_port() -> int:
    """Where `bridge run` listens as a rule, or any other port that is free now. Raises OSError when none is."""
    try:
        return _tried(USUAL_PORT)
    except OSError:
        return _tried(0)


def _tried(port: int) -> int:
    with socket.create_server(("127.0.0.1", port)) as free:
        return int(free.getsockname()[1])
