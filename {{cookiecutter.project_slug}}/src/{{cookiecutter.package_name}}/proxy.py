"""Which proxy leads to a host? HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as the standard library reads them."""

from __future__ import annotations

from functools import lru_cache
from urllib.request import getproxies, proxy_bypass

from yarl import URL


def proxy_for(url: URL) -> str | None:
    return _of(url.scheme, url.host or "", url.port)


# aiohttp's `trust_env` would read the variables, and ~/.netrc with its passwords, again for every request.
@lru_cache(maxsize=256)
def _of(scheme: str, host: str, port: int | None) -> str | None:
    bypassed = proxy_bypass(host) or proxy_bypass(f"{host}:{port}")
    return None if bypassed else getproxies().get(scheme)
