"""One HTTP exchange with a provider: no redirect followed, every fault named, the provider's words dropped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from .failure import AttemptFailed, Failure, from_response

LARGEST_ANSWER = 16 * 1024 * 1024
_LARGEST_ERROR = 64 * 1024
_CONNECT_SECONDS = 5.0  # an address that does not answer leaves time for the next deployment


def open_session() -> aiohttp.ClientSession:
    """HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE hold; time is the deadline's matter and the number of calls the server's."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        trust_env=True,
    )


async def send(session: aiohttp.ClientSession, method: str, url: Any, **request: Any) -> aiohttp.ClientResponse:
    """A response of status 200, to be closed by the caller; raises AttemptFailed for everything else."""
    with _named_faults(before_answer=True):
        response = await session.request(method, url, allow_redirects=False, **request)
        if response.status == 200:
            return response
        async with response:
            raise from_response(response.status, response.headers.get("Retry-After"), await _begin(response))


async def pieces(response: aiohttp.ClientResponse, at_most: int) -> AsyncIterator[bytes]:
    """The body as it comes, decompressed; AttemptFailed when it breaks off or is larger than `at_most` bytes."""
    total = 0
    with _named_faults(before_answer=False):
        async for piece in response.content.iter_any():
            total += len(piece)
            if total > at_most:
                raise AttemptFailed(Failure.NONSENSE)
            yield piece


async def read(response: aiohttp.ClientResponse) -> bytes:
    return b"".join([piece async for piece in pieces(response, LARGEST_ANSWER)])


async def _begin(response: aiohttp.ClientResponse) -> bytes:
    begin = bytearray()
    try:
        async for piece in response.content.iter_any():
            begin += piece
            if len(begin) >= _LARGEST_ERROR:
                break
    except aiohttp.ClientError:
        pass  # the status says enough
    return bytes(begin)


@contextmanager
def _named_faults(*, before_answer: bool) -> Iterator[None]:
    broken = Failure.CONNECTION if before_answer else Failure.CUT
    try:
        yield
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
        raise AttemptFailed(broken) from None
    except aiohttp.ClientError:
        raise AttemptFailed(Failure.NONSENSE) from None
