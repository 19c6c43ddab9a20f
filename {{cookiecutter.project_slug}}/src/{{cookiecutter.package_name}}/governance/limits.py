"""Requests and tokens per minute, by user: in memory, or in Redis where replicas share them."""

from __future__ import annotations

import time

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from ..errors import LimitsUnavailable, RateLimited
from ..identity import Principal
from .policyfile import RoleLimits

_log = structlog.get_logger()


class Limits:
    def __init__(self, storage: Storage) -> None:
        self._windows = SlidingWindowCounterRateLimiter(storage)

    async def admit(self, principal: Principal, limits: RoleLimits, tokens: int) -> None:
        """Counts one request and the tokens it is expected to use. Raises RateLimited, or LimitsUnavailable."""
        wanted = [("requests", limits.requests_per_minute, 1), ("tokens", limits.tokens_per_minute, tokens)]
        try:
            for what, most, cost in wanted:
                if most is not None:
                    await self._take(what, most, principal, cost)
        except RateLimited:
            raise
        except Exception as error:
            # Redis and its client raise errors of many families; whichever it is, there is no count to go by.
            _log.error("limits_unavailable", error=type(error).__name__)
            raise LimitsUnavailable("The rate limits cannot be read; try again shortly.", retry_after=5) from None

    async def _take(self, what: str, most: int, principal: Principal, cost: int) -> None:
        if cost > most:
            raise RateLimited(f"This request counts {cost} {what}, of {most} that you have a minute; shorten it.")
        # A tab is in no tenant's or subject's name, so that no two pairs of them share a count.
        key = (RateLimitItemPerMinute(most), what, f"{principal.tenant}\t{principal.subject}")
        if not await self._windows.hit(*key, cost=cost):
            wait = max(1.0, (await self._windows.get_window_stats(*key)).reset_time - time.time())
            raise RateLimited(
                f"You have used your {most} {what} per minute; try again in {wait:.0f} s.", retry_after=wait
            )


def open_limits(redis_url: str | None) -> Limits:
    if redis_url is None:
        return Limits(MemoryStorage())
    storage = RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix=__name__,  # other services may use the same Redis
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
    )
    return Limits(storage)
