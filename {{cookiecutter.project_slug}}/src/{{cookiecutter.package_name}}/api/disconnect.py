import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request

from ..errors import ClientClosed

T = TypeVar("T")


async def unless_disconnected(request: Request, answer: Awaitable[T]) -> T:
    """Cancels the answer when the caller disconnects, since an unread answer still costs money. Raises ClientClosed."""
    work = asyncio.current_task()
    assert work is not None  # noqa: S101 # a request is answered in a task
    before, gone = work.cancelling(), asyncio.create_task(_disconnected(request, work))
    try:
        return await answer
    except asyncio.CancelledError:
        if gone.done() and work.uncancel() <= before:
            raise ClientClosed("The caller went away.") from None
        raise
    finally:
        gone.cancel()


async def _disconnected(request: Request, work: asyncio.Task[object]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.cancel()
