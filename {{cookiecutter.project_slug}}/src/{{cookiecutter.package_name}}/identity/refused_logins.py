"""Refused logins by address: nobody fills the audit trail, or makes an issuer refuse this service, without end.

Only those that the issuer was asked about make an address wait: others need no login, only a link. What the issuer
refuses the service itself, its secret having expired, token_endpoint.py bounds.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from ..errors import RateLimited

MOST = 30  # refused logins of one address
WITHIN = 600.0  # seconds, from the first of them on
REMEMBERED = 10_000  # addresses; beyond it the one that was refused first is forgotten


class RefusedLogins:
    """Of this process alone: n replicas refuse n times as many. People behind one address share its count."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()  # when it began, how many

    def check(self, address: str) -> None:
        """Raises RateLimited for an address that was refused too often."""
        if wait := self.wait(address):
            raise RateLimited(
                f"Too many logins from your address were refused; try again in {math.ceil(wait / 60)} min.",
                retry_after=wait,
            )

    def wait(self, address: str) -> float:
        """Seconds until the address may try again; 0 for one that may."""
        begun, count = self._counts.get(_network(address), (0.0, 0))
        return max(0.0, begun + WITHIN - self._clock()) if count >= MOST else 0.0

    def add(self, address: str) -> None:
        network, now = _network(address), self._clock()
        begun, count = self._counts.get(network, (now, 0))
        if now - begun >= WITHIN:
            begun, count = now, 0
            self._counts.pop(network, None)  # it goes to the end of the order
        self._counts[network] = (begun, count + 1)
        while len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)


def _network(address: str) -> str:
    """An IPv6 address counts by its /64, which is what one customer is given at least."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((ip, 64), strict=False)) if isinstance(ip, IPv6Address) else address
