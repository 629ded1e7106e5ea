"""The doctor's look from outside: whether what answers at PUBLIC_URL is bridge, as far as this computer can tell."""

from urllib.parse import urlsplit

import httpx

from bridge.files.serving import GUARDED
from bridge.operator import manifest
from bridge.operator.doctor.finding import Finding, why
from bridge.settings.addresses import LOOPBACK
from bridge.settings.environment import Settings
from bridge.settings.network import http_client, way_to

CHECK = "Public address"
_WITHOUT = "or use Socket Mode (SLACK_APP_TOKEN), which needs none"


async def examine(settings: Settings, *, files: bool) -> list[Finding]:
    """Asks for nothing but what every stranger gets; `files`: whether the board will come for them."""
    paths = ([] if settings.slack_app_token else ["/slack/events"]) + (["/files/"] if files else [])
    if settings.public_url is None or not paths:
        return []
    if unusable := _never(settings, settings.public_url):
        return [unusable]
    base = settings.public_url.rstrip("/")
    async with http_client(timeout=10) as http:
        faults = [(path, fault) for path in paths if (fault := await _fault(http, base, path))]
    if not faults:
        where = " and ".join(f"{path}*" if path.endswith("/") else path for path in paths)
        return [Finding(CHECK, True, f"bridge answers at {base} ({where}), as seen from this computer")]
    path, fault = faults[0]
    # It may run behind a router that does not lead back in, and before its first start nothing answers.
    remedy = f"start bridge, and let the web server there pass {path} on to {settings.host}:{settings.port}"
    return [Finding(CHECK, None, f"{base}{path} {fault}, as seen from this computer", remedy)]


def _never(settings: Settings, url: str) -> Finding | None:
    """An address that cannot be it, whatever answers there."""
    host = urlsplit(url).hostname or ""
    if manifest.is_placeholder(url):
        return Finding(CHECK, False, f"{host} is the example of the instructions", f"set PUBLIC_URL, {_WITHOUT}")
    ours = urlsplit(settings.slack_api_url).hostname in LOOPBACK
    if manifest.is_out_of_reach(host) and not ours:
        remedy = f"set PUBLIC_URL to this host's public address, {_WITHOUT}"
        return Finding(CHECK, False, f"Slack cannot reach {host} from the internet", remedy)
    return None


async def _fault(http: httpx.AsyncClient, base: str, path: str) -> str:
    """What is amiss behind this path; empty where bridge answers."""
    try:
        answer = await http.get(f"{base}{path}doctor" if path.endswith("/") else base + path)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"cannot be reached{way_to(base)}: {why(error)}"
    if path == "/files/":
        answers = answer.status_code == 404 and GUARDED.items() <= dict(answer.headers).items()
    else:
        answers = answer.status_code == 405 and answer.headers.get("allow") == "POST"
    return "" if answers else f"is answered by something else than bridge (status {answer.status_code})"
