"""Requests and tokens per minute, by user: in memory, or in Redis where replicas share them."""

from __future__ import annotations

import time

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from ..errors import LimitsUnavailable, RateLimited
from ..identity import Principal
from .policy import RoleLimits

_log = structlog.get_logger()


class Limits:
    def __init__(self, storage: Storage) -> None:
        self._windows = SlidingWindowCounterRateLimiter(storage)

    async def admit(self, principal: Principal, limits: RoleLimits, tokens: int) -> None:
        """Counts one request and the tokens it is expected to use. Raises RateLimited, or LimitsUnavailable."""
        wanted = [("requests", limits.requests_per_minute, 1), ("tokens", limits.tokens_per_minute, tokens)]
        for what, most, cost in wanted:
            if most is not None and not await self._hit(RateLimitItemPerMinute(most), what, principal, cost):
                wait = await self._wait(RateLimitItemPerMinute(most), what, principal)
                raise RateLimited(
                    f"You have used your {most} {what} per minute; try again in {wait:.0f} s.",
                    retry_after=wait,
                )

    async def _hit(self, item: RateLimitItem, what: str, principal: Principal, cost: int) -> bool:
        try:
            return await self._windows.hit(item, what, principal.tenant, principal.subject, cost=cost)
        except Exception as error:
            # Redis and its client raise errors of many families; whichever it is, there is no count to go by.
            _log.error("limits_unavailable", error=type(error).__name__)
            raise LimitsUnavailable("The rate limits cannot be read; try again shortly.", retry_after=5) from None

    async def _wait(self, item: RateLimitItem, what: str, principal: Principal) -> float:
        window = await self._windows.get_window_stats(item, what, principal.tenant, principal.subject)
        return max(1.0, window.reset_time - time.time())


def open_limits(redis_url: str | None) -> Limits:
    if redis_url is None:
        return Limits(MemoryStorage())
    return Limits(RedisStorage(f"async+{redis_url}", implementation="redispy"))
