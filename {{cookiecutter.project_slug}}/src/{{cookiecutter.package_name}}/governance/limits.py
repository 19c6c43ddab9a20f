"""Requests and tokens per minute, of a user and of a tenant: in memory, or in Redis where replicas share them."""

import time
from dataclasses import dataclass

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from ..errors import LimitsUnavailable, RateLimited
from ..identity import Principal
from .policyfile import PerMinute
from .windows import MinuteWindows

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one user may use, and what all users of the tenant may together."""

    user: PerMinute
    tenant: PerMinute


class Limits:
    def __init__(self, windows: MinuteWindows | SlidingWindowCounterRateLimiter) -> None:
        self._windows = windows

    async def admit(self, principal: Principal, bounds: Bounds, tokens: int) -> None:
        """Counts one request and the tokens it is expected to use. Raises RateLimited, or LimitsUnavailable.

        The user's own first: who is over them takes nothing from the tenant's.
        """
        # A tab is in no tenant's or subject's name, so that no two pairs of them share a count.
        user = (f"{principal.tenant}\t{principal.subject}", "You have")
        tenant = (principal.tenant, "The users of your tenant together have")
        try:
            for (key, who), limits in ((user, bounds.user), (tenant, bounds.tenant)):
                await self._take("requests", limits.requests_per_minute, key, who, 1)
                await self._take("tokens", limits.tokens_per_minute, key, who, tokens)
        except RateLimited:
            raise
        except Exception as error:
            # Redis and its client raise errors of many families; whichever it is, there is no count to go by.
            _log.error("limits_unavailable", error=type(error).__name__)
            raise LimitsUnavailable("The rate limits cannot be read; try again shortly.", retry_after=5) from None

    async def _take(self, what: str, most: int | None, key: str, who: str, cost: int) -> None:
        if most is None:
            return
        if cost > most:
            raise RateLimited(f"This request counts {cost} {what}. {who} {most} a minute; shorten it.")
        window = (RateLimitItemPerMinute(most), what, key)
        if not await self._windows.hit(*window, cost=cost):
            wait = max(1.0, (await self._windows.get_window_stats(*window)).reset_time - time.time())
            raise RateLimited(f"{who} used {most} {what} per minute; try again in {wait:.0f} s.", retry_after=wait)


def open_limits(redis_url: str | None) -> Limits:
    if redis_url is None:
        return Limits(MinuteWindows())
    storage = RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix=__name__,  # other services may use the same Redis
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
    )
    return Limits(SlidingWindowCounterRateLimiter(storage))
