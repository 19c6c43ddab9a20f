"""Keeps local servers on loopback, and refuses to start them in an environment called production."""

import asyncio
import contextlib
import ipaddress
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class NotStartedError(Exception):
    """Why something local does not start, in one line for the person at the terminal."""


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guarded(app: ASGIApp) -> ASGIApp:
    """Makes `app` answer this machine only, and no web page that uses DNS rebinding (checks Host).

    Raises NotStartedError in production. Adds uvicorn's transport to the scope, for faults that break a connection.
    """
    if (environment := os.environ.get("ENVIRONMENT", "local")) != "local":
        raise NotStartedError(
            f"The local servers have known secrets and don't start with ENVIRONMENT={environment}: unset it."
        )
    known = TrustedHostMiddleware(app, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False)

    async def here(scope: Scope, receive: Receive, send: Send) -> None:
        if not is_loopback(str((scope.get("server") or ("",))[0])):
            refusal = PlainTextResponse("This server answers on loopback only.\n", 403)
            return await refusal(scope, receive, send)
        scope["transport"] = getattr(getattr(send, "__self__", None), "transport", None)
        return await known(scope, receive, send)

    return here


def free_ports(count: int) -> list[int]:
    """Different ones that nobody listens on, below those that the system gives to outgoing connections."""
    found: set[int] = set()
    while len(found) < count:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)


def listen(port: int, variable: str, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket; port 0 takes a free one. `variable` is what the message says to change."""
    if not is_loopback(host):
        raise NotStartedError(f"The local servers listen on loopback only, not on {host}.")
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as fault:
        reason = os.strerror(fault.errno) if isinstance(fault, OSError) and fault.errno else fault
        raise NotStartedError(
            f"Port {port} can't be used ({reason}). End what uses it, perhaps another 'make serve', "
            f"or set {variable} to a free one."
        ) from None
    # asyncio sets it only where the protocol is named; without it each answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # whoever runs several servers in one process decides what a signal means


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[str]:
    """Yields the base URL. The socket listens already, so an early request waits and is not refused."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task
