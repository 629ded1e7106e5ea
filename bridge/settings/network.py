"""How this computer reaches others: by which proxy, trusting which certificates, and never with a redirect followed.

Slack's client and the board's are two libraries that read the environment differently. Here it is read once, for both:
`https_proxy`, else `all_proxy` (for http:// addresses `http_proxy`), but for what `no_proxy` names; each in small
letters or in capitals, the small ones first, as curl does it (https://curl.se/docs/manpage.html#ENVIRONMENT). What runs
on this computer is never reached by a proxy. SSL_CERT_FILE and SSL_CERT_DIR stand in for the usual certificates.
"""

import functools
import ipaddress
import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bridge.settings.addresses import LOOPBACK

_EXAMPLE = "http://proxy.your-space.com:3128"
_MALFORMED = "must be the address of a proxy; a password with / # ? or @ in it must be percent-encoded"
_SOCKS = "bridge speaks to http:// proxies only, not to SOCKS; NO_PROXY=* does without any"
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
CERTIFICATES = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "SSL_CERT_DIR": "/etc/ssl/certs"}


# ── for who calls ────────────────────────────────────────────────────────────


def http_client(**more: Any) -> httpx.AsyncClient:
    """A client to be closed by who asked for it; `more` is httpx's own."""
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, transport=_ByProxyOrNot(), **more)


def proxy_for(url: str) -> str | None:
    """The address of the proxy by which this URL is reached; None: without one. Raises ValueError for none of that."""
    _, address = _way(url)
    return address


def way_to(url: str) -> str:
    """To stand behind a host's name where it was not reached: which variable led there by a proxy; else empty."""
    variable, _ = _way(url)
    return f" by way of the proxy in {variable}" if variable else ""


def certificates() -> ssl.SSLContext:
    """Which certificates are believed: this computer's own and Mozilla's, or those of SSL_CERT_FILE or SSL_CERT_DIR.

    Raises OSError (ssl.SSLError is one) when those cannot be read.
    """
    return _certificates(*(os.environ.get(name) for name in CERTIFICATES))


def faults() -> Iterator[str]:
    """One line for each variable that cannot be used: its name, what is wrong, an example; never its value."""
    for scheme in ("https", "http", "all"):
        variable, value = _first(scheme)
        if value and _address(value) is None:
            yield f"{variable}: {_MALFORMED}. Example: {variable}={_EXAMPLE}"
    variable, value = _first("https", "all")  # the board and Slack are spoken to over https alone
    if "*" not in _exempt() and urlsplit(_address(value) or "").scheme.startswith("socks"):
        yield f"{variable}: {_SOCKS}. Example: {variable}={_EXAMPLE}"
    for variable, example in CERTIFICATES.items():
        if (path := os.environ.get(variable)) and (said := _unusable(path, folder=variable.endswith("DIR"))):
            yield f"{variable}: {said}. Example: {variable}={example}, or leave it out"


# ── proxies ──────────────────────────────────────────────────────────────────


class _ByProxyOrNot(httpx.AsyncBaseTransport):
    """A pool of connections for each proxy, and one for what is reached without."""

    def __init__(self) -> None:
        self._pools: dict[str | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        proxy = proxy_for(str(request.url))
        if proxy not in self._pools:
            self._pools[proxy] = _pool(proxy)
        return await self._pools[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def _pool(proxy: str | None) -> httpx.AsyncHTTPTransport:
    trusted = certificates()
    # httpcore takes no certificates for a proxy that is spoken to in the clear.
    by = httpx.Proxy(proxy, ssl_context=trusted if proxy.startswith("https:") else None) if proxy else None
    return httpx.AsyncHTTPTransport(verify=trusted, proxy=by)


def _way(url: str) -> tuple[str, str | None]:
    """The variable that names the proxy for this URL, and its address."""
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    variable, value = _first("https" if parts.scheme in ("https", "wss") else "http", "all")
    if not value or _is_here(host) or any(_names(entry, host, port) for entry in _exempt()):
        return "", None
    address = _address(value)
    if address is None:
        raise ValueError(f"{variable} is no address of a proxy")
    return variable, address


def _first(*schemes: str) -> tuple[str, str]:
    """The first of these schemes' variables that is set, and what it holds."""
    for name in (f"{scheme}_proxy" for scheme in schemes):
        for each in (name, name.upper()):
            if value := os.environ.get(each, "").strip():
                return each, value
    return "", ""


def _address(value: str) -> str | None:
    """As a URL; a name or a number alone is an http proxy's. None: it is nothing of the kind."""
    address = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    sound = parts.scheme in ("http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h")
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    return address if sound and bare and parts.hostname and not re.search(r"\s", address) else None


def _exempt() -> list[str]:
    _, value = _first("no")
    return [each for each in re.split(r"[\s,]+", value.lower()) if each]


def _names(entry: str, host: str, port: int) -> bool:
    """Whether this entry of NO_PROXY means that host: a name and all below it, an address or a network, with a port."""
    if entry == "*":
        return True
    entry = entry.partition("://")[2] or entry
    with_port = re.fullmatch(r"(\[.*\]|[^:]*):(\d+)", entry)
    name, wanted = with_port.groups() if with_port else (entry, "")
    if wanted and int(wanted) != port:
        return False
    name = name.replace("[", "").replace("]", "").removeprefix("*").removeprefix(".")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return bool(name) and f".{host}".endswith(f".{name}")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK or host.endswith(".localhost")


# ── certificates ─────────────────────────────────────────────────────────────


@functools.cache  # some 150 of them are read from the disk
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    believed = httpx.create_ssl_context(trust_env=False)
    believed.load_default_certs()
    return believed


def _unusable(path: str, *, folder: bool) -> str:
    """Why no certificate can be read there; empty: they can."""
    try:
        if folder:
            for each in path.split(os.pathsep):
                next(Path(each).iterdir(), None)
        else:
            ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        return "there is no certificate in that file"
    except OSError as error:
        return f"cannot be read ({(error.strerror or type(error).__name__).lower()})"
    return ""
