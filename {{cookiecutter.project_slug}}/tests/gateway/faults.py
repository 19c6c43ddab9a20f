"""What a provider may do wrong, and what each must be called: one table for every adapter."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from {{ cookiecutter.package_name }}.gateway import Failure

from tests.gateway.upstream import Reply, Script
from tests.gateway.wires import SECRET, Wire

EVENTS = {"Content-Type": "text/event-stream"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Fault:
    """None: the answer is whole. `by_litellm`: what its adapter calls the stream, where litellm tells us less."""

    script: Script
    plain: Failure | None
    streamed: Failure | None
    by_litellm: Failure | None = None


def same(script: Script, failure: Failure | None) -> Fault:
    return Fault(script, failure, failure)


def json_reply(body: Any, status: int = 200, headers: Mapping[str, str] = JSON) -> Reply:
    return bytes_reply(json.dumps(body).encode(), status, headers)


def bytes_reply(raw: bytes, status: int = 200, headers: Mapping[str, str] = JSON) -> Reply:
    return Reply(status, {**JSON, **headers}, [raw], len(raw))


def status(code: int, name: str = "error", message: str = "no", retry_after: str | None = None) -> Script:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return lambda wire, streamed: json_reply(wire.error(name, message), code, headers)


def only_streamed(reply: Script) -> Script:
    return lambda wire, streamed: (reply if streamed else whole)(wire, streamed)


def whole(wire: Wire, streamed: bool) -> Reply:
    return Reply(headers=EVENTS, pieces=wire.events()) if streamed else json_reply(wire.plain())


def unfinished(wire: Wire, streamed: bool) -> Reply:
    return Reply(headers=EVENTS, pieces=wire.events(finish=False)) if streamed else json_reply(wire.plain(finish=False))


def cut_clean(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=wire.events()[:3])
    return bytes_reply(json.dumps(wire.plain()).encode()[:100])


def cut_by(end: Literal["close", "reset"]) -> Script:
    def script(wire: Wire, streamed: bool) -> Reply:
        if streamed:
            return Reply(headers=EVENTS, pieces=wire.events()[:3], end=end)
        raw = json.dumps(wire.plain()).encode()
        return Reply(headers=JSON, pieces=[raw[:100]], length=len(raw), end=end)

    return script


def cut_after_finish(wire: Wire, streamed: bool) -> Reply:
    return Reply(headers=EVENTS, pieces=wire.events()[:-1], end="close")


def odd_lines(wire: Wire, streamed: bool) -> Reply:
    """Carriage returns, comments and fields without a use are legal; so are line ends in two pieces."""
    stream = b"retry: 10\n\n: hello\n\n" + b": still here\n\n".join(wire.events())
    stream = stream.replace(b"\n", b"\r\n")
    return Reply(headers=EVENTS, pieces=[stream[i : i + 7] for i in range(0, len(stream), 7)])


def error_mid(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[*wire.events()[:3], wire.error_event()])
    return json_reply(wire.error("server_error", "no"))


def bad_chunk(wire: Wire, streamed: bool) -> Reply:
    bad, events = b'{"choices": [%s}' % SECRET.encode(), wire.events()
    if streamed:
        return Reply(headers=EVENTS, pieces=[*events[:3], b"data: " + bad + b"\n\n", *events[3:]])
    return bytes_reply(bad)


def no_choices(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[b'data: {"id": "x"}\n\n', b"data: [DONE]\n\n"])
    return json_reply({"id": "x", "object": "chat.completion"})


def null_message(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[b'data: {"id": "x", "choices": null, "delta": null}\n\n'])
    choices = [{"index": 0, "message": None, "finish_reason": "stop", "note": SECRET}]
    return json_reply(wire.plain() | {"choices": choices, "content": None})


def empty_choices(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[b'data: {"id": "x", "choices": []}\n\n', b"data: [DONE]\n\n"])
    return json_reply(wire.plain() | {"choices": [], "content": []})


def with_more(**fields: Any) -> Script:
    """Fields that are nobody's, or not what was asked for: none of them matters to whoever reads the answer."""

    def script(wire: Wire, streamed: bool) -> Reply:
        if not streamed:
            return json_reply(wire.plain() | fields)
        begin = b"data: {"
        more = begin + json.dumps(fields).encode()[1:-1] + b", "
        return Reply(headers=EVENTS, pieces=[event.replace(begin, more) for event in wire.events()])

    return script


def spoilt(good: bytes, bad: bytes) -> Script:
    def script(wire: Wire, streamed: bool) -> Reply:
        if streamed:
            return Reply(headers=EVENTS, pieces=[event.replace(good, bad) for event in wire.events()])
        return bytes_reply(json.dumps(wire.plain()).encode().replace(good, bad))

    return script


def without_done(wire: Wire, streamed: bool) -> Reply:
    ends = (b"data: [DONE]\n\n", b'data: {"type": "message_stop"}\n\n')
    pieces = [event for event in wire.events() if not event.endswith(ends)]
    return Reply(headers=EVENTS, pieces=pieces) if streamed else json_reply(wire.plain())


def many_chunks(wire: Wire, streamed: bool) -> Reply:
    """A whole answer, of 20,000 pieces more than usual that say nothing."""
    if not streamed:
        return json_reply(wire.plain())
    *begun, middle, last, end = wire.events()
    return Reply(headers=EVENTS, pieces=[*begun[:2], b": still here\n\n" * 20_000, *begun[2:], middle, last, end])


def huge_line(wire: Wire, streamed: bool) -> Reply:
    if streamed:
        return Reply(headers=EVENTS, pieces=[*wire.events()[:2], b'data: {"a": "' + b"x" * 2 * 1024 * 1024 + b'"}\n\n'])
    return json_reply(wire.plain() | {"a": "x" * 33 * 1024 * 1024})


def huge(wire: Wire, streamed: bool) -> Reply:
    block = b"x" * 1024 * 1024
    return Reply(headers=EVENTS if streamed else JSON, pieces=[b'data: {"a": "', *[block] * 40])


def compressed(raw: bytes) -> Script:
    body = gzip.compress(raw)
    return lambda wire, streamed: bytes_reply(body, headers={"Content-Encoding": "gzip"})


F = Failure
TOO_LONG = status(400, "invalid_request_error", "prompt is too long: 9000 tokens > 8192; maximum context length")
HTML = Reply(502, {"Content-Type": "text/html"}, [b"<html>bad gateway"], 17)
FLOOD = {f"X-{i}": "x" * 4000 for i in range(200)}

FAULTS: dict[str, Fault] = {
    "whole": same(whole, None),
    "odd-lines": same(only_streamed(odd_lines), None),
    "cut-after-finish": same(only_streamed(cut_after_finish), None),
    "400": same(status(400), F.BAD_REQUEST),
    "400-context": same(TOO_LONG, F.CONTEXT_LENGTH),
    "400-filter": same(status(400, "content_filter"), F.CONTENT_FILTER),
    "401": same(status(401, "authentication_error"), F.OUR_FAULT),
    "402": same(status(402), F.OUR_FAULT),
    "403": same(status(403), F.OUR_FAULT),
    "404": same(status(404, "not_found_error"), F.OUR_FAULT),
    "408": same(status(408), F.SERVER_ERROR),
    "413": same(status(413, "request_too_large"), F.CONTEXT_LENGTH),
    "422": same(status(422), F.BAD_REQUEST),
    "429": same(status(429, "rate_limit_error", retry_after="7"), F.RATE_LIMITED),
    "429-quota": same(status(429, "insufficient_quota"), F.OUR_FAULT),
    "500": same(status(500), F.SERVER_ERROR),
    "502-html": same(lambda wire, streamed: HTML, F.SERVER_ERROR),
    "504": same(status(504), F.SERVER_ERROR),
    "503": same(status(503, retry_after="3"), F.SERVER_ERROR),
    "529": same(status(529, "overloaded_error"), F.SERVER_ERROR),
    "204": same(lambda wire, streamed: Reply(204, length=0), F.NONSENSE),
    "redirect-without-place": same(lambda wire, streamed: Reply(307, length=0), F.REDIRECT),
    "close": same(lambda wire, streamed: Reply(0, end="close"), F.CONNECTION),
    "reset": same(lambda wire, streamed: Reply(0, end="reset"), F.CONNECTION),
    "truncated": same(cut_by("close"), F.CUT),
    "reset-mid": same(cut_by("reset"), F.CUT),
    "cut-clean": Fault(cut_clean, F.NONSENSE, F.CUT),
    "unfinished": Fault(unfinished, F.NONSENSE, F.CUT),
    "empty-body": Fault(lambda wire, streamed: Reply(headers=EVENTS, length=0), F.NONSENSE, F.CUT),
    "not-json": same(lambda wire, streamed: bytes_reply(SECRET.encode()), F.NONSENSE),
    "json-for-stream": Fault(lambda wire, streamed: json_reply(wire.plain()), None, F.NONSENSE),
    "no-choices": Fault(no_choices, F.NONSENSE, F.NONSENSE, by_litellm=F.CUT),
    "null-message": Fault(null_message, F.NONSENSE, F.NONSENSE, by_litellm=F.CUT),
    "bad-chunk": same(bad_chunk, F.NONSENSE),
    "error-mid": Fault(error_mid, F.NONSENSE, F.SERVER_ERROR),
    "empty-choices": Fault(empty_choices, F.NONSENSE, F.CUT),
    "bad-utf8": same(spoilt(b"world", b"\xff\xfe"), F.NONSENSE),
    "extra-fields": same(with_more(note=SECRET, x=[1, {"y": None}]), None),
    "wrong-model": same(with_more(model="another", id=""), None),
    "no-done": same(without_done, None),
    "many-chunks": same(many_chunks, None),
    "huge-line": same(huge_line, F.NONSENSE),
    "gzip-bad": same(lambda wire, streamed: bytes_reply(b"no gzip", headers={"Content-Encoding": "gzip"}), F.NONSENSE),
    "huge": same(huge, F.NONSENSE),
    "gzip": same(compressed(b"{}"), F.NONSENSE),
    "gzip-bomb": same(compressed(bytes(32_000_000)), F.NONSENSE),
    "header-flood": same(lambda wire, streamed: json_reply(wire.plain(), headers=FLOOD), F.NONSENSE),
}


def usage(*counts: Any) -> Script:
    def script(wire: Wire, streamed: bool) -> Reply:
        if streamed:
            return Reply(headers=EVENTS, pieces=wire.events(usage=counts))
        return json_reply(wire.plain(usage=counts))

    return script


NOT_A_NUMBER = spoilt(b'"id": "x"', b'"id": NaN')  # which litellm reads over
# Counts that cannot be true are as good as none. Of the odd ones litellm makes numbers, or refuses the answer.
ODD_USAGES = {"text": usage("many", "few"), "half": usage(11, 7.5), "true": usage(True, True)}
UNTRUE_USAGES = {
    "null": usage(None, None),
    "zero": usage(0, 0),
    "negative": usage(-5, 7),
    "huge": usage(11, 10**12),
}
