import html
import string
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from .. import NAME
from ..errors import IdentityUnavailable, NotFound
from ..identity import Browsers

router = APIRouter(include_in_schema=False)
STATIC = Path(__file__).parent / "static"
_TYPES = {
    "chat.js": "text/javascript; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@router.get("/")
async def front(request: Request) -> Response:
    """The chat page, or, if sign-in is not configured, how to get a token."""
    browsers: Browsers | None = request.state.browsers
    if browsers is None:
        settings = request.state.settings
        known = {"issuer": settings.oidc_issuer, "audience": settings.oidc_audience, "url": settings.public_url}
        return page("no_login.html", **known)
    # A form's answer may redirect to the issuer's logout page, and browsers hold form-action against redirects too.
    try:
        signs_out_at = await browsers.login.end_session_endpoint()
    except IdentityUnavailable:
        signs_out_at = None  # the page can still say why sign-in does not work
    return page("chat.html", form_action=_origin(signs_out_at))


@router.get("/static/{name}")
async def static(name: str) -> Response:
    if name not in _TYPES:
        raise NotFound("There is no such file.")
    return Response(_read(name), media_type=_TYPES[name])


def page(name: str, *, status: int = 200, form_action: str = "", **texts: str) -> HTMLResponse:
    """`$url` in the page becomes the text `url`, escaped, and `$name` the service's own name."""
    escaped = {key: html.escape(text) for key, text in {"name": NAME, **texts}.items()}
    filled = string.Template(_read(name)).substitute(escaped)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        f"form-action 'self' {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy.replace(" ;", ";"),
        "Referrer-Policy": "same-origin",  # with no-referrer, browsers send 'Origin: null' even to ourselves
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return HTMLResponse(filled, status, headers)


@cache
def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _origin(url: str | None) -> str:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
