"""One HTTP exchange with a provider: no redirect followed, every fault named, the provider's words dropped."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any

import aiohttp
import orjson
from yarl import URL

from .failure import AttemptFailed, Failure, from_response
from .sse import TooMuch, events, lines

NDJSON = "application/x-ndjson"
_LARGEST_ANSWER = 32 * 1024 * 1024
_LARGEST_ERROR = 64 * 1024
# As the providers' formats name it; within a text of the model the quotes would be escaped.
_FINISH = re.compile(rb'"(finish_reason|finishReason|stop_reason|stopReason|done_reason|blockReason)"\s*:\s*"')
LONGEST_FINISH = 32  # bytes of the above, with some room


async def send(
    session: aiohttp.ClientSession, method: str, url: URL, headers: dict[str, str], body: bytes, *, proxy: str | None
) -> aiohttp.ClientResponse:
    """A response of status 200, to be closed by the caller; raises AttemptFailed for any other."""
    headers = {**headers, "Accept-Encoding": "identity"}  # a small body could unfold to a huge one
    with _named_faults(Failure.CONNECTION):
        response = await session.request(
            method, url, headers=headers, data=body, proxy=proxy, allow_redirects=False, auto_decompress=False
        )
        if response.status != 200:
            async with response:
                raise from_response(response.status, response.headers.get("Retry-After"), await _begin(response))
        if response.headers.get("Content-Encoding", "identity") != "identity":
            response.close()
            raise AttemptFailed(Failure.NONSENSE)
        return response


async def pieces(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The body as it comes; raises AttemptFailed when it breaks off or is larger than any answer."""
    total = 0
    with _named_faults(Failure.CUT):
        async for piece in response.content.iter_any():
            total += len(piece)
            if total > _LARGEST_ANSWER:
                raise AttemptFailed(Failure.NONSENSE)
            yield piece


async def read(response: aiohttp.ClientResponse) -> bytes:
    return b"".join([piece async for piece in pieces(response)])


async def streamed(response: aiohttp.ClientResponse) -> AsyncGenerator[dict[str, Any], None]:
    """The events of a stream before [DONE]. A connection that breaks after the finish reason is no error."""
    finished = False
    apart = lines if response.content_type == NDJSON else events
    try:
        async with aclosing(apart(pieces(response))) as sent:
            async for data in sent:
                if data == b"[DONE]":
                    return
                event = json_object(data)
                if event.get("error"):
                    raise AttemptFailed(Failure.SERVER_ERROR)
                finished = finished or has_finish(data)
                yield event
    except TooMuch:
        raise AttemptFailed(Failure.NONSENSE) from None
    except AttemptFailed as failed:
        if failed.failure is not Failure.CUT or not finished:
            raise


def has_finish(raw: bytes | bytearray) -> bool:
    """Whether the provider says that, and why, the answer ends."""
    return _FINISH.search(raw) is not None


def json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise AttemptFailed(Failure.NONSENSE) from None
    if not isinstance(value, dict):
        raise AttemptFailed(Failure.NONSENSE)
    return value


async def _begin(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an error's body, or less if it breaks off: then the status has to do."""
    begin = bytearray()
    with suppress(aiohttp.ClientError):
        async for piece in response.content.iter_any():
            begin += piece
            if len(begin) >= _LARGEST_ERROR:
                break
    return bytes(begin)


@contextmanager
def _named_faults(broken: Failure) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
        raise AttemptFailed(broken) from None
    except aiohttp.ClientError:
        raise AttemptFailed(Failure.NONSENSE) from None
