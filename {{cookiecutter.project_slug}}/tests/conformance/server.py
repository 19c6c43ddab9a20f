"""A family's server: it takes a request only as the family publishes it, and then plays the scene that a case sets."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from local.loopback import guarded, listen, serving
from local.model_server.faults import Broken, close
from tests.conformance.wires.wire import Asked, NotTheFormatError, Received, Refusal, Said, Wire

Scene = Callable[[Wire, Asked], ASGIApp]


def saying(said: Said) -> Scene:
    def scene(wire: Wire, asked: Asked) -> ASGIApp:
        meant = said
        if asked.schema_tool and said.text:
            meant = replace(said, text="", tool=(asked.schema_tool, json.loads(said.text)), finish="tool_calls")
        if asked.streamed:
            return StreamingResponse(iter(wire.pieces(asked, meant)), media_type=wire.stream_type)
        return JSONResponse(wire.plain(asked, meant))

    return scene


def refusing(refusal: Refusal) -> Scene:
    def scene(wire: Wire, asked: Asked) -> ASGIApp:
        if asked.streamed and refusal.status == 200:
            return Response(f"data: {json.dumps(refusal.body)}\n\n", media_type=wire.stream_type)
        return JSONResponse(refusal.body, refusal.status, dict(refusal.headers))

    return scene


def nonsense(wire: Wire, asked: Asked) -> ASGIApp:
    return Response("<html><body>It works!</body></html>", media_type="text/html")


def broken_off(wire: Wire, asked: Asked) -> ASGIApp:
    """Half of the answer, and then the connection is gone."""
    pieces = _half(wire, asked)
    return Broken(wire.stream_type if asked.streamed else "application/json", pieces, close)


def ended_early(wire: Wire, asked: Asked) -> ASGIApp:
    """Half of the answer, and then a proper end of the response."""
    return saying(replace(LONG, finish=None))(wire, asked)


def failing_midway(wire: Wire, asked: Asked) -> ASGIApp:
    return Response(b"".join(_half(wire, asked)) + (wire.fault_mid_stream or b""), media_type=wire.stream_type)


LONG = Said("Half of this answer is on its way")


def _half(wire: Wire, asked: Asked) -> list[bytes]:
    if asked.streamed:
        return wire.pieces(asked, replace(LONG, finish=None))[:-1]
    return [json.dumps(wire.plain(asked, LONG)).encode()[:60]]


class WireServer:
    """`complaints` are what in the requests was not as published."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.scene: Scene = saying(Said("Hello world"))
        self.received: list[Received] = []
        self.asked: list[Asked] = []
        self.complaints: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        path = scope["raw_path"].decode()
        received = Received(path, request.query_params, request.headers, raw, json.loads(raw))
        self.received.append(received)
        try:
            vectors = self.wire.embed(received)
            asked = None if vectors else self.wire.read(received)
        except (NotTheFormatError, KeyError, TypeError, StopIteration) as fault:
            self.complaints.append(f"{type(fault).__name__}: {fault}")
            response: ASGIApp = JSONResponse({"error": "not as published"}, 400)
        else:
            response = JSONResponse(vectors) if asked is None else self._play(asked)
        await response(scope, receive, send)

    def _play(self, asked: Asked) -> ASGIApp:
        self.asked.append(asked)
        return self.scene(self.wire, asked)


@asynccontextmanager
async def wire_server(wire: Wire) -> AsyncIterator[tuple[WireServer, str]]:
    server = WireServer(wire)
    async with serving(guarded(server), listen(0, "PORT")) as url:
        yield server, url
