"""Security headers for every answer. Pure ASGI."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

YEAR = 31_536_000  # seconds


class SafeAnswers:
    """Forbids type sniffing and unchecked caching; with `https`, also plain HTTP."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def safe_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith("/static/") else "no-store"
                if self._https:
                    headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
                message["headers"] = headers.raw
            await send(message)

        await self._app(scope, receive, safe_send)
