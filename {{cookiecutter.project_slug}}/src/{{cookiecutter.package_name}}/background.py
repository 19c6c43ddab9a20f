"""Work that goes on beside requests, until what it belongs to ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

PAUSE = 1.0  # seconds after a failure
_log = structlog.get_logger()


async def persistent(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Until `work` returns. If it raises, that is logged and it begins again: nobody waits for it, or would notice."""
    while True:
        try:
            return await work()
        except Exception:
            _log.exception("background_failed", work=name)
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def background(work: Callable[[], Awaitable[None]], name: str) -> AsyncIterator[None]:
    """Persistent, and cancelled at the end."""
    task = asyncio.create_task(persistent(work, name), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
