from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from fastapi import Request

from ..errors import ClientClosed

T = TypeVar("T")


async def unless_disconnected(request: Request, answer: Awaitable[T]) -> T:
    """Cancels the answer when the caller goes away: nobody would read it, somebody would pay. Raises ClientClosed."""
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        raise ClientClosed("The caller went away.")
    finally:
        for task in (work, gone):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
