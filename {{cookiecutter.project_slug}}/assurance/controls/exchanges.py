"""The requests and answers of a test, for people to read. The tokens in them are only tests' own, so worthless."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx2

LONGEST = 600  # characters of a body
_SHOWN = ("authorization", "cookie", "origin", "x-data-class", "x-request-timeout-ms", "location")


class Exchanges:
    """Watches every client of httpx2 from now on."""

    def __init__(self) -> None:
        self._found: list[str] = []
        send = httpx2.AsyncClient.send

        async def watched(client: httpx2.AsyncClient, request: httpx2.Request, **options: Any) -> httpx2.Response:
            response = await send(client, request, **options)
            self._found.append(_text(request, response))
            return response

        httpx2.AsyncClient.send = watched  # type: ignore[method-assign, assignment]

    def taken(self) -> list[str]:
        found, self._found = self._found, []
        return found


def _text(request: httpx2.Request, response: httpx2.Response) -> str:
    sent = [f"{request.method} {request.url}", *_headers(request.headers), *_body(request)]
    came = [f"{response.status_code} {response.reason_phrase}", *_headers(response.headers), *_body(response)]
    return "\n".join([*(f"> {line}" for line in sent), *(f"< {line}" for line in came)])


def _headers(headers: Mapping[str, str]) -> list[str]:
    found = {name: value for name, value in headers.items() if name.lower() in _SHOWN}
    return [f"{name}: {_readable(value)}" for name, value in found.items()]


def _readable(value: str) -> str:
    """A token as its header and claims, whatever its signature is worth."""
    word, _, token = value.rpartition(" ")
    parts = token.split(".")
    if len(parts) != 3:
        return value[:LONGEST]
    try:
        said = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]]
    except ValueError:
        return value[:LONGEST]
    return f"{word} {json.dumps(said[0])} {json.dumps(said[1])} and a signature"


def _body(message: httpx2.Request | httpx2.Response) -> list[str]:
    try:
        text = message.content.decode(errors="replace")
    except (httpx2.RequestNotRead, httpx2.ResponseNotRead):
        return ["(a stream)"]
    return [text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"] if text else []
