"""Which proxy leads to a host? HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as the standard library reads them."""

from urllib.request import getproxies, proxy_bypass

from yarl import URL


def proxy_for(url: URL) -> str | None:
    """Replaces aiohttp's `trust_env`, which reads the variables and the passwords in ~/.netrc at every request."""
    host = url.host or ""
    bypassed = proxy_bypass(host) or proxy_bypass(f"{host}:{url.port}")
    return None if bypassed else getproxies().get(url.scheme)
