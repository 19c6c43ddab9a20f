"""A request by a browser: is it from our own pages, and who is signed in?"""

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response

from ..errors import IdentityUnavailable, InvalidToken, PermissionDenied
from .login import Login
from .refused_logins import RefusedLogins
from .sessions import LEASE, Grant, Sessions


class Site:
    """What PUBLIC_URL decides: the cookies' names and attributes, and which requests come from our own pages."""

    def __init__(self, public_url: str) -> None:
        self.url = public_url
        self.secure = public_url.startswith("https://")
        prefix = "__Host-" if self.secure else ""  # no other host of the domain can set such a cookie
        self.session_cookie = f"{prefix}session"
        self.login_cookie = f"{prefix}login"

    def keep(self, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax")

    def forget(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self.secure, httponly=True, samesite="lax")

    def asked_by_person(self, request: Request) -> bool:
        """By one of our own pages or the address bar; a browser that does not say is believed."""
        return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")

    def refuse_other_sites(self, request: Request) -> None:
        """Browsers send our cookie with requests of other sites too. Raises PermissionDenied for those."""
        origin, fetched_from = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        safe = request.method in ("GET", "HEAD")
        ours = origin == self.url if origin is not None else safe or fetched_from is not None
        if not ours or fetched_from not in (None, "same-origin", *(("none",) if safe else ())):
            raise PermissionDenied(
                "A page of another site made this request; a session is good for our own pages only."
            )


class Browsers:
    """Login and sessions together: from a cookie to the token that a program would send as its bearer token."""

    def __init__(self, site: Site, login: Login, sessions: Sessions) -> None:
        self.site = site
        self.login = login
        self.sessions = sessions
        self.refused = RefusedLogins()  # after the issuer was asked: these make an address wait
        # These two only limit what the trail keeps and block no address, since strangers may share one.
        self.unasked = RefusedLogins()
        self.failed = RefusedLogins()  # for our or the issuer's reasons
        self._renewals: dict[str, asyncio.Task[Grant | None]] = {}

    async def bearer(self, request: Request) -> str | None:
        """None without a session cookie. Raises InvalidToken for a session that has ended."""
        session_id = request.cookies.get(self.site.session_cookie)
        if not session_id:
            return None
        self.site.refuse_other_sites(request)
        grant = await self._current(session_id)
        if grant is None:
            raise InvalidToken("Your session has ended. Sign in again.")
        return grant.bearer

    async def _current(self, session_id: str) -> Grant | None:
        grant = await self.sessions.find(session_id)
        if grant is None or time.time() < grant.renew_at:
            return grant
        if grant.refresh_token is None:
            return grant if time.time() < grant.expires_at else None
        if session_id not in self._renewals:
            task = asyncio.create_task(self._renewed(session_id, grant))
            self._renewals[session_id] = task
            task.add_done_callback(lambda _: self._renewals.pop(session_id))
        return await asyncio.shield(self._renewals[session_id])

    async def _renewed(self, session_id: str, seen: Grant) -> Grant | None:
        """The lease lets one replica ask the issuer: a refresh token used twice looks stolen (RFC 9700, 4.14)."""
        grant = await self.sessions.lease(session_id)
        if grant is None:
            return await self._renewed_elsewhere(session_id, seen)
        renewed: Grant | None = grant
        if time.time() >= grant.renew_at:
            try:
                renewed = await self.login.renew(grant)
            except IdentityUnavailable:
                await self.sessions.release(session_id)
                if time.time() < grant.expires_at:
                    return grant
                raise
        if renewed is None:
            await self.sessions.end(session_id)
            return None
        return renewed if await self.sessions.release(session_id, renewed) else None

    async def _renewed_elsewhere(self, session_id: str, seen: Grant) -> Grant | None:
        if time.time() < seen.expires_at:
            return seen
        for _ in range(LEASE * 5):
            grant = await self.sessions.find(session_id)
            if grant is None or time.time() < grant.renew_at:
                return grant
            await asyncio.sleep(0.2)
        raise IdentityUnavailable("Your session is being renewed; try again shortly.", retry_after=2)
