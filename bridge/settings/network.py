"""How this computer reaches others: by the proxies that its environment names, and never with a redirect followed."""

from typing import Any

import httpx

# What runs on this computer is not reached through the operator's proxy.
_NEVER_BY_PROXY: dict[str, httpx.AsyncBaseTransport | None] = {
    f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")
}


def http_client(**more: Any) -> httpx.AsyncClient:
    """A client to be closed by who asked for it; `more` is httpx's own."""
    return httpx.AsyncClient(follow_redirects=False, mounts=_NEVER_BY_PROXY, **more)
