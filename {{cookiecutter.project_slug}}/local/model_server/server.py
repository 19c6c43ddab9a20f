"""The local model server: OpenAI's wire format under /v1, Anthropic's under /anthropic/v1.

Faults by the header `X-Fault: NAME`, by the model's name (`local-large+429`), or by `POST /control/fault` of
{"model": "local-large", "fault": "429", "times": 3}. No model: every one. No times: until the fault is null.
"""

import json
from collections import defaultdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.loopback import guarded
from local.model_server import anthropic_wire, embedding_wire, openai_wire
from local.model_server.answers import answer
from local.model_server.calls import Call, Wire, good
from local.model_server.faults import ELSEWHERE, FAULTS

MODELS = ("local-large", "local-small", "local-embedding")


class _Desk:
    """The received requests, and the faults to cause."""

    def __init__(self) -> None:
        self.open = 0
        self.reset()

    def reset(self) -> None:
        self.received: dict[str, dict[str, int]] = defaultdict(lambda: {"calls": 0, "bytes": 0})
        self.elsewhere = 0
        self.last: Any = None
        self.planned: dict[str, tuple[str, int | None]] = {}

    def count(self, wire: str, body: dict[str, Any], size: int) -> None:
        row = self.received[f"{wire}/{body['model']}"]
        row["calls"] += 1
        row["bytes"] += size
        self.last = body

    def stats(self) -> dict[str, Any]:
        """`open` is the number of answers on their way: a caller who left is no longer in it."""
        rows = self.received.values()
        return {
            "calls": sum(row["calls"] for row in rows),
            "bytes": sum(row["bytes"] for row in rows),
            "by_model": self.received,
            "open": self.open,
            "elsewhere": self.elsewhere,
            "last": self.last,
        }

    def fault(self, request: Request, model: str) -> str | None:
        base, _, suffix = model.partition("+")
        name = request.headers.get("X-Fault") or suffix or self._planned(base) or self._planned("*")
        if name and name not in FAULTS:
            raise ValueError(f"no fault is called {name}; there are {', '.join(FAULTS)}")
        return name

    def _planned(self, model: str) -> str | None:
        name, left = self.planned.get(model, (None, None))
        if name and left is not None:
            self.planned[model] = (name, left - 1)
            if left <= 1:
                del self.planned[model]
        return name


class _Answers:
    def __init__(self, wire: Wire, desk: _Desk) -> None:
        self._wire, self._desk = wire, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = await request.body()
        try:
            response = self._response(request, raw)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            reason = f"The local model server can't read this: {type(fault).__name__}: {fault}"
            response = JSONResponse(self._wire.error(400, "invalid_request", reason), 400)
        self._desk.open += 1
        try:
            await response(scope, receive, send)
        finally:
            self._desk.open -= 1

    def _response(self, request: Request, raw: bytes) -> ASGIApp:
        body = json.loads(raw)
        question = self._wire.read(body)
        self._desk.count(self._wire.NAME, body, len(raw))
        name = self._desk.fault(request, question.model)
        return (FAULTS[name] if name else good)(Call(self._wire, question, answer(question)))


class _Controls:
    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def stats(self, _request: Request) -> Response:
        return JSONResponse(self._desk.stats())

    async def reset(self, _request: Request) -> Response:
        self._desk.reset()
        return Response(status_code=204)

    async def fault(self, request: Request) -> Response:
        wanted = json.loads(await request.body())
        model, name = wanted.get("model") or "*", wanted.get("fault")
        if name is None:
            self._desk.planned.pop(model, None)
        elif name in FAULTS:
            self._desk.planned[model] = (name, wanted.get("times"))
        else:
            return PlainTextResponse(f"No fault is called {name}. There are: {', '.join(FAULTS)}\n", 400)
        return Response(status_code=204)

    async def elsewhere(self, _request: Request) -> Response:
        """The target of the redirect fault. No client should ever request it."""
        self._desk.elsewhere += 1
        return JSONResponse({"id": "elsewhere"})

    async def models(self, _request: Request) -> Response:
        about = {"object": "model", "created": 1_700_000_000, "owned_by": "local"}
        return JSONResponse({"object": "list", "data": [{"id": name, **about} for name in MODELS]})


def model_server() -> ASGIApp:
    desk = _Desk()
    controls = _Controls(desk)
    return guarded(
        Starlette(
            routes=[
                Route("/v1/chat/completions", _Answers(openai_wire, desk), methods=["POST"]),
                Route("/v1/embeddings", _Answers(embedding_wire, desk), methods=["POST"]),
                Route("/v1/models", controls.models),
                Route("/anthropic/v1/messages", _Answers(anthropic_wire, desk), methods=["POST"]),
                Route("/control/stats", controls.stats),
                Route("/control/reset", controls.reset, methods=["POST"]),
                Route("/control/fault", controls.fault, methods=["POST"]),
                Route(ELSEWHERE, controls.elsewhere, methods=["GET", "POST"]),
            ]
        )
    )
