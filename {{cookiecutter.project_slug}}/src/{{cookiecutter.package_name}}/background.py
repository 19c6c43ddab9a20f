"""Background work, which runs beside requests until its owner ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

PAUSE = 1.0  # seconds after a failure
_log = structlog.get_logger()


async def persistent(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Runs `work` until it returns. If it raises, logs that and starts it again, since nothing else would notice."""
    while True:
        try:
            return await work()
        except Exception:
            _log.exception("background_failed", work=name)
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def background(work: Callable[[], Awaitable[None]], name: str) -> AsyncIterator[None]:
    """Runs `work` persistently inside the block, and cancels it at the end."""
    task = asyncio.create_task(persistent(work, name), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
