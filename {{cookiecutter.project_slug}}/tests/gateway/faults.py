"""What a provider may do wrong, and what each must be called: one table for every adapter."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

from {{ cookiecutter.package_name }}.gateway import Failure

from tests.gateway.upstream import Reply, Script, Wire

EVENTS = {"Content-Type": "text/event-stream"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Fault:
    """`streamed` None: as `plain`. A fault without a name (None) is no fault: the answer is whole."""

    script: Script
    plain: Failure | None
    streamed: Failure | None


def whole(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=wire.events())
    return json_reply(wire.plain())


def json_reply(body: Any, status: int = 200, **headers: str) -> Reply:
    raw = json.dumps(body).encode()
    return Reply(status, JSON | {name.replace("_", "-"): value for name, value in headers.items()}, [raw], len(raw))


def bytes_reply(raw: bytes, **headers: str) -> Reply:
    return Reply(200, JSON | {name.replace("_", "-"): value for name, value in headers.items()}, [raw], len(raw))


def status(code: int, name: str = "error", message: str = "no", **headers: str) -> Script:
    return lambda wire, streamed: json_reply(wire.error(name, message), code, **headers)


def broken(end: Any) -> Script:
    """Half of the body, then the end."""

    def script(wire: Wire, streamed: bool) -> Reply:
        if streamed:
            return Reply(headers=EVENTS, pieces=wire.events()[:3], end=end)
        raw = json.dumps(wire.plain()).encode()
        return Reply(headers=JSON, pieces=[raw[: len(raw) // 2]], length=len(raw), end=end)

    return script


def cut_clean(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=wire.events()[:3])
    return bytes_reply(json.dumps(wire.plain()).encode()[:100])


def unfinished(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=wire.events(finish=None))
    return json_reply(wire.plain(finish=None))


def cut_after_finish(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=wire.events(usage=(11, 7))[:-1], end="close")
    return whole(wire, streamed)


def error_mid(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[*wire.events()[:3], wire.error_event()])
    return json_reply(wire.error("server_error", "no"))


def bad_chunk(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[*wire.events()[:3], b'data: {"choices": [}\n\n', *wire.events()[3:]])
    return bytes_reply(b'{"choices": [}')


def usage(*counts: Any) -> Script:
    def script(wire: Wire, streamed: bool) -> Reply:
        if streamed:
            return Reply(headers=EVENTS, pieces=wire.events(usage=counts))
        return json_reply(wire.plain(usage=counts))

    return script


def odd_lines(wire: Wire, streamed: bool) -> Reply:
    """Carriage returns, comments and fields without a use are all legal; so is a line end in two pieces."""
    if not streamed:
        return whole(wire, streamed)
    stream = b"retry: 10\n\n: hello\n\n" + b": still here\n\n".join(wire.events())
    stream = stream.replace(b"\n", b"\r\n")
    return Reply(headers=EVENTS, pieces=[stream[i : i + 7] for i in range(0, len(stream), 7)])


def huge(wire: Wire, streamed: bool) -> Reply:
    block = b"x" * 1024 * 1024
    return Reply(headers=EVENTS if streamed else JSON, pieces=[b'data: {"a": "', *[block] * 40])


def no_choices(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[b'data: {"id": "x"}\n\n', b"data: [DONE]\n\n"])
    return json_reply({"id": "x", "object": "chat.completion"})


def null_message(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[b'data: {"id": "x", "choices": null, "delta": null}\n\n'])
    body = wire.plain()
    body = body | ({"choices": [{"index": 0, "message": None, "finish_reason": "stop"}]} if "choices" in body else {})
    return json_reply(body | ({"content": None} if "content" in body else {}))


def compressed(raw: bytes) -> Script:
    return lambda wire, streamed: bytes_reply(raw, Content_Encoding="gzip")


F = Failure
FAULTS: dict[str, Fault] = {
    "whole": Fault(whole, None, None),
    "odd-lines": Fault(odd_lines, None, None),
    "cut-after-finish": Fault(cut_after_finish, None, None),
    "400": Fault(status(400), F.BAD_REQUEST, F.BAD_REQUEST),
    "400-context": Fault(
        status(400, "context_length_exceeded", "prompt is too long: maximum context length is 8192 tokens"),
        F.CONTEXT_LENGTH,
        F.CONTEXT_LENGTH,
    ),
    "400-filter": Fault(status(400, "content_filter"), F.CONTENT_FILTER, F.CONTENT_FILTER),
    "401": Fault(status(401, "authentication_error"), F.OUR_FAULT, F.OUR_FAULT),
    "402": Fault(status(402), F.OUR_FAULT, F.OUR_FAULT),
    "403": Fault(status(403), F.OUR_FAULT, F.OUR_FAULT),
    "404": Fault(status(404, "not_found_error"), F.OUR_FAULT, F.OUR_FAULT),
    "408": Fault(status(408), F.SERVER_ERROR, F.SERVER_ERROR),
    "413": Fault(status(413, "request_too_large"), F.CONTEXT_LENGTH, F.CONTEXT_LENGTH),
    "422": Fault(status(422), F.BAD_REQUEST, F.BAD_REQUEST),
    "429": Fault(status(429, "rate_limit_error", Retry_After="7"), F.RATE_LIMITED, F.RATE_LIMITED),
    "429-quota": Fault(status(429, "insufficient_quota"), F.OUR_FAULT, F.OUR_FAULT),
    "500": Fault(status(500), F.SERVER_ERROR, F.SERVER_ERROR),
    "502-html": Fault(
        lambda wire, streamed: Reply(502, {"Content-Type": "text/html"}, [b"<html>bad gateway"], 17),
        F.SERVER_ERROR,
        F.SERVER_ERROR,
    ),
    "503": Fault(status(503, Retry_After="3"), F.SERVER_ERROR, F.SERVER_ERROR),
    "529": Fault(status(529, "overloaded_error"), F.SERVER_ERROR, F.SERVER_ERROR),
    "204": Fault(lambda wire, streamed: Reply(204, length=0), F.NONSENSE, F.NONSENSE),
    "no-bytes": Fault(lambda wire, streamed: Reply(0, end="close"), F.CONNECTION, F.CONNECTION),
    "reset": Fault(lambda wire, streamed: Reply(0, end="reset"), F.CONNECTION, F.CONNECTION),
    "truncated": Fault(broken("close"), F.CUT, F.CUT),
    "reset-mid": Fault(broken("reset"), F.CUT, F.CUT),
    "cut-clean": Fault(cut_clean, F.NONSENSE, F.CUT),
    "unfinished": Fault(unfinished, F.NONSENSE, F.CUT),
    "empty-body": Fault(lambda wire, streamed: Reply(headers=EVENTS if streamed else JSON, length=0), F.NONSENSE, F.CUT),
    "not-json": Fault(lambda wire, streamed: Reply(headers=JSON, pieces=[b"hello"], length=5), F.NONSENSE, F.NONSENSE),
    "json-for-stream": Fault(lambda wire, streamed: json_reply(wire.plain()), None, F.NONSENSE),
    "no-choices": Fault(no_choices, F.NONSENSE, F.NONSENSE),
    "null-message": Fault(null_message, F.NONSENSE, F.NONSENSE),
    "bad-chunk": Fault(bad_chunk, F.NONSENSE, F.NONSENSE),
    "error-mid": Fault(error_mid, F.NONSENSE, F.SERVER_ERROR),
    "huge": Fault(huge, F.NONSENSE, F.NONSENSE),
    "gzip": Fault(compressed(gzip.compress(b"{}")), F.NONSENSE, F.NONSENSE),
    "gzip-bomb": Fault(compressed(gzip.compress(bytes(64_000_000))), F.NONSENSE, F.NONSENSE),
    "header-flood": Fault(
        lambda wire, streamed: json_reply(wire.plain(), **{f"X_{i}": "x" * 4000 for i in range(200)}),
        F.NONSENSE,
        F.NONSENSE,
    ),
}
# Counts that cannot be true are as good as none.
USAGES: dict[str, Script] = {
    "missing": usage(),
    "negative": usage(-5, 7),
    "huge": usage(11, 10**12),
}
