from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..settings import is_loopback

if TYPE_CHECKING:
    from urllib.request import Request

_START_IT = "Start it with 'make serve'; if it runs elsewhere, set PORT or PUBLIC_URL."


def fetch(
    url: str, body: Any = None, headers: dict[str, str] | None = None, *, hint: str = _START_IT, seconds: float = 120
) -> Any:
    """The answer's JSON, also if the status is an error. Raises ClickException if there is no JSON."""
    from urllib.request import Request

    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json", **(headers or {})})  # noqa: S310 # an address of ours
    try:
        with _answer(request, seconds) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        raise click.ClickException(f"Nothing answers at {url}. {hint}") from None


def _answer(request: Request, seconds: float) -> Any:
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, build_opener

    # A company's proxy cannot reach this machine's own loopback, and NO_PROXY seldom says so.
    direct = [ProxyHandler({})] if is_loopback(request.full_url) else []
    try:
        return build_opener(*direct).open(request, timeout=seconds)
    except HTTPError as refusal:
        return refusal
