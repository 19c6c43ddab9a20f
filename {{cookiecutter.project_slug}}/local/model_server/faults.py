"""How a provider fails, on demand: a name, and what the caller then gets instead of an answer.

A fault takes the place of a good response, in either wire format, plain or streamed.
"""

import gzip
import itertools
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.model_server.calls import PAUSE_SECONDS, Call, good, sent

ELSEWHERE = "/control/elsewhere"
LEAKED_KEY = "sk-leaked-0123456789abcdef"  # what no log, span, record or answer of the service may ever hold
LATE_SECONDS = 15
HUGE_MEGABYTES = 64
MARK = "@@"


@dataclass(frozen=True)
class Broken:
    """Sends `pieces` (None: not even a status), then does `end` to the connection and says no more."""

    media_type: str
    pieces: list[bytes] | None
    end: Callable[[Any], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.pieces is not None:
            headers = [(b"content-type", self.media_type.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for piece in self.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        self.end(scope["transport"])
        while (await receive())["type"] != "http.disconnect":
            pass


def _reset(transport: Any) -> None:
    # With no time to linger, closing sends RST instead of FIN.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


def close(transport: Any) -> None:
    transport.close()


def _wait(_transport: Any) -> None:
    """The connection stays open until the caller has had enough."""


def _broken(end: Callable[[Any], None], call: Call, half: bool = False) -> ASGIApp:
    return Broken(call.media_type, call.half() if half else None, end)


def _refusal(status: int, kind: str, message: str, retry_after: int | None, call: Call) -> ASGIApp:
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return JSONResponse(call.wire.error(status, kind, message), status, headers)


def _raw(body: str, status: int, media_type: str, _call: Call) -> ASGIApp:
    return Response(body, status, media_type=media_type)


def _hollow(shape: str, call: Call) -> ASGIApp:
    payload = call.wire.plain(call.question, call.answer) | getattr(call.wire, shape)
    if call.question.stream:
        return sent(call, [call.wire.frame(payload), call.wire.END])
    return JSONResponse(payload)


def _cut_clean(call: Call) -> ASGIApp:
    if call.question.stream:
        return sent(call, call.half())
    return good(call.saying(text=call.answer.text[: len(call.answer.text) // 2], finish=None))


def _error_mid(call: Call) -> ASGIApp:
    failure = call.wire.error(500, "server_error", "The model stopped in the middle.")
    if call.question.stream:
        return sent(call, [*call.half(), call.wire.frame(failure)])
    return JSONResponse(failure)


def _bad_chunk(call: Call) -> ASGIApp:
    return sent(call, [*call.half(), b'data: {"id": "chatcmpl-1", "choi\n\n', *call.pieces()[-2:]])


def _endless(call: Call) -> ASGIApp:
    pieces = call.saying(text="and " * 200, tool=None).pieces()
    middle = len(pieces) // 2  # an event, or a morsel, in the midst of the text
    return sent(call, itertools.chain(pieces[:middle], itertools.repeat(pieces[middle])), PAUSE_SECONDS)


def _huge(call: Call) -> ASGIApp:
    marked = b"".join(call.saying(text=MARK, tool=None).pieces())
    before, _, after = marked.partition(MARK.encode())
    return sent(call, [before, *[b"x" * 2**20] * HUGE_MEGABYTES, after])


def _spoilt(good: bytes, bad: bytes, call: Call) -> ASGIApp:
    return sent(call, [b"".join(call.pieces()).replace(good, bad)])


def _packed(body: bytes, _call: Call) -> ASGIApp:
    return Response(body, headers={"Content-Encoding": "gzip"}, media_type="application/json")


def _huge_line(call: Call) -> ASGIApp:
    return sent(call, [*call.half(), b'data: {"x": "', b"x" * (2 * 2**20), b'"}\n\n'])


def _flood(call: Call) -> ASGIApp:
    """More headers than any client takes."""
    response = Response(b"".join(call.pieces()), media_type=call.media_type)
    response.headers.update({f"X-{number}": "x" * 4000 for number in range(200)})
    return response


STATUSES: dict[str, tuple[int, str, str, int | None]] = {
    "400": (400, "invalid_value", "Invalid value for 'temperature'.", None),
    "400-context": (400, "context_length_exceeded", "prompt is too long: 9000 tokens > 8192 maximum", None),
    "400-filter": (400, "content_filter", "The prompt was filtered by the content management policy.", None),
    "401": (401, "invalid_api_key", "Incorrect API key provided.", None),
    "403": (403, "permission_denied", "This key may not use this model.", None),
    "404": (404, "model_not_found", "The model does not exist.", None),
    "408": (408, "timeout", "The request took too long.", None),
    "413": (413, "request_too_large", "The request exceeds the maximum size.", None),
    "429": (429, "rate_limit_exceeded", "Rate limit reached.", 1),
    "429-long": (429, "rate_limit_exceeded", "Rate limit reached.", 3600),
    "429-quota": (429, "insufficient_quota", "You exceeded your current quota.", None),
    "500": (500, "server_error", "The server had an error.", None),
    "503": (503, "unavailable", "The engine is overloaded.", 1),
    "504": (504, "timeout", "The upstream took too long.", None),
    "529": (529, "overloaded_error", "Overloaded.", None),
    "secret-leak": (500, "server_error", f"Key {LEAKED_KEY} was refused by db01.internal.", None),
}

FAULTS: dict[str, Callable[[Call], ASGIApp]] = {
    **{name: partial(_refusal, *row) for name, row in STATUSES.items()},
    "502-html": partial(_raw, "<html><h1>502 Bad Gateway</h1></html>", 502, "text/html"),
    "empty-body": partial(_raw, "", 200, "application/json"),
    "not-json": partial(_raw, "upstream connect error", 200, "text/plain"),
    "malformed": partial(_raw, '{"id": "chatcmpl-1", "choices": [{"mess', 200, "application/json"),
    "redirect": lambda _: RedirectResponse(ELSEWHERE, 307),
    "reset": partial(_broken, _reset),
    "close": partial(_broken, close),
    "timeout": partial(_broken, _wait),
    "reset-mid": partial(_broken, _reset, half=True),
    "truncated": partial(_broken, close, half=True),
    "stall": partial(_broken, _wait, half=True),
    "no-choices": partial(_hollow, "EMPTY"),
    "null-message": partial(_hollow, "NULL"),
    "cut-clean": _cut_clean,
    "error-mid": _error_mid,
    "bad-chunk": _bad_chunk,
    "json-for-stream": lambda call: JSONResponse(call.wire.plain(call.question, call.answer)),
    "drip": lambda call: sent(call, [bytes([byte]) for byte in b"".join(call.pieces())], pause=1),
    "late-first-token": lambda call: sent(call, call.pieces(), PAUSE_SECONDS, before=LATE_SECONDS),
    "many-chunks": lambda call: sent(call, call.saying(text="word " * 20_000, tool=None).pieces()),
    "endless": _endless,
    "huge": _huge,
    "huge-line": _huge_line,
    "header-flood": _flood,
    "gzip-bad": partial(_packed, b"no gzip"),
    "gzip-bomb": partial(_packed, gzip.compress(bytes(32_000_000))),
    "bad-utf8": partial(_spoilt, b'"model": "', b'"model": "\xff'),
    "not-a-number": partial(_spoilt, b'"model": "', b'"x": NaN, "model": "'),
    "extra-fields": partial(_spoilt, b'"model": "', b'"x": [{"y": null}], "model": "'),
    "wrong-model": partial(_spoilt, b'"model": "', b'"model": "another-'),
    "no-done": lambda call: sent(call, call.pieces()[:-1]) if call.question.stream else good(call),
    "prose": lambda call: good(call.saying(text="Here it is, in words and not in JSON.", tool=None, finish="stop")),
    "filter": lambda call: good(call.saying(finish="content_filter")),
    "usage-missing": lambda call: good(call.saying(tokens=None)),
    "usage-null": lambda call: good(call.saying(tokens=(None, None))),
    "usage-text": lambda call: good(call.saying(tokens=("many", "few"))),
    "usage-negative": lambda call: good(call.saying(tokens=(-1000, -1000))),
    "usage-huge": lambda call: good(call.saying(tokens=(10**12, 10**12))),
}
