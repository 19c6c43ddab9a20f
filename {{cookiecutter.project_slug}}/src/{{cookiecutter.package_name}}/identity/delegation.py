from collections.abc import Awaitable, Callable
from typing import NoReturn

from .principal import Principal

Exchange = Callable[[str, str], Awaitable[str]]


class Delegation:
    """A caller's verified token, usable only to get tokens for other services in their name. Made by `access.py` only.

    Code that holds it cannot read or print the token, and it cannot be copied, pickled or turned into JSON.
    """

    __slots__ = ("_exchange", "_token", "principal")

    def __init__(self, principal: Principal, token: str, exchange: Exchange) -> None:
        self.principal = principal
        self._token = token
        self._exchange = exchange

    async def token_for(self, audience: str) -> str:
        """A token for that service and no other. Raises PermissionDenied, or IdentityUnavailable."""
        return await self._exchange(self._token, audience)

    def __repr__(self) -> str:
        return f"Delegation({self.principal.subject!r} of {self.principal.tenant!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A delegation lives for one request; hand it on, and do not keep it.")
