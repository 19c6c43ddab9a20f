from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ..audit import AuditEvent, Json, Kind, new_call_id
from ..errors import NotFound, ServiceError
from ..identity import LOGIN_LASTS, Browsers, RefusedLogins
from ..telemetry import names, request_id
from .pages import page

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login(request: Request) -> Response:
    """`next` is the path of this service to come back to. Another site leads to our page only: signing in is an act."""
    browsers = _browsers(request)
    if not browsers.site.asked_by_person(request):
        return RedirectResponse(f"{browsers.site.url}/", 303)
    counted = browsers.refused
    try:
        counted.check(_address(request))
        counted = browsers.unasked
        url, attempt = await browsers.login.begin(request.query_params.get("next"))
    except ServiceError as error:
        return await _refused(request, error, counted)
    answer = RedirectResponse(url, 303)
    browsers.site.keep(answer, browsers.site.login_cookie, attempt, seconds=LOGIN_LASTS)
    return answer


@router.get("/callback")
async def callback(request: Request) -> Response:
    browsers = _browsers(request)
    site, counted = browsers.site, browsers.unasked
    try:
        query = request.query_params.multi_items()
        attempt, code = await browsers.login.answered(query, request.cookies.get(site.login_cookie))
        counted = browsers.refused
        counted.check(_address(request))
        signed_in = await browsers.login.finish(attempt, code)
        await _record(request, Kind.LOGGED_IN, signed_in.grant.tenant, signed_in.grant.subject)
        if before := request.cookies.get(site.session_cookie):
            await browsers.sessions.end(before)
        session_id = await browsers.sessions.begin(signed_in.grant)
    except ServiceError as error:
        answer = await _refused(request, error, counted)
    else:
        answer = RedirectResponse(site.url + signed_in.next_path, 303)
        site.keep(answer, site.session_cookie, session_id)
    site.forget(answer, site.login_cookie)
    return answer


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Ends the session here, whatever becomes of the issuer's own; with `?everywhere`, all of the person's sessions."""
    browsers = _browsers(request)
    site = browsers.site
    try:
        site.refuse_other_sites(request)
        ended = await browsers.sessions.end(request.cookies.get(site.session_cookie, ""))
        if ended and "everywhere" in request.query_params:
            await browsers.sessions.end_all(ended.tenant, ended.subject)
        if ended:
            await _record(request, Kind.LOGGED_OUT, ended.tenant, ended.subject)
        url = await browsers.login.logout_url(ended) if ended else None
    except ServiceError as error:
        return await _refused(request, error, browsers.unasked)
    answer = RedirectResponse(url or f"{site.url}/", 303)
    site.forget(answer, site.session_cookie)
    return answer


def _browsers(request: Request) -> Browsers:
    browsers: Browsers | None = request.state.browsers
    if browsers is None:
        raise NotFound("Nobody can sign in here until OIDC_CLIENT_ID is set; GET / tells how to ask with a token.")
    return browsers


def _address(request: Request) -> str:
    """The connection's, or what a proxy of TRUSTED_PROXIES says."""
    return request.client.host if request.client else ""


async def _refused(request: Request, error: ServiceError, counted: RefusedLogins) -> Response:
    """A page, since a person reads it. A failing trail changes nothing about the refusal."""
    address = _address(request)
    counted = counted if error.status < 500 else _browsers(request).failed
    request.state.telemetry.metrics.refusals.add(1, {names.REASON: error.reason})
    if not counted.wait(address):  # those that led to the limit are in the trail
        counted.add(address)
        try:
            await _record(request, Kind.REFUSED, code=error.code, reason=error.message)
        except ServiceError as unrecorded:
            error = unrecorded
    reason = error.message[:1].upper() + error.message[1:].removesuffix(".") + "."
    answer = page("refused.html", status=error.status, reason=reason, request_id=request_id() or "")
    answer.headers.update(error.headers())
    return answer


async def _record(
    request: Request, kind: Kind, tenant: str | None = None, subject: str | None = None, **details: Json
) -> None:
    event = AuditEvent(kind, new_call_id(), tenant, subject, details=details)
    await request.state.store.record(event)
