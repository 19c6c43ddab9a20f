"""The one handler of errors: whatever is raised is answered in OpenAI's shape; what was decided, recorded."""

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .. import errors
from ..audit import AuditEvent, Kind, new_call_id
from ..errors import ServiceError
from ..governance import current_trace_id
from ..identity import Principal
from ..telemetry import names

_log = structlog.get_logger()
_OF_STATUS = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
}
# Decisions against a caller; whatever fails after `started` is told by the call's own `finished` record.
_DECIDED = (errors.PermissionDenied, errors.BudgetExceeded, errors.RateLimited, errors.Stopped)


async def answer_error(request: Request, raised: Exception) -> JSONResponse:
    error = _as_service_error(raised)
    identifier = request.scope.get("state", {}).get("request_id")
    if (error.status < 500 or isinstance(error, errors.Unavailable)) and not isinstance(error, errors.ClientClosed):
        request.state.telemetry.metrics.refusals.add(1, {names.REASON: error.reason})
    request.scope["error_type"] = error.reason
    if isinstance(error, _DECIDED):
        await _record_refusal(request, error)
    return JSONResponse(error.body(identifier), error.status, {**error.headers(), **_challenge(error, request)})


def _as_service_error(raised: Exception) -> ServiceError:
    match raised:
        case ServiceError():
            return raised
        case RequestValidationError():
            fault = raised.errors()[0]
            return errors.InvalidRequest(
                str(fault["msg"]).removeprefix("Value error, "),
                param=".".join(str(part) for part in fault["loc"][1:]) or None,
            )
        case HTTPException(__cause__=ServiceError() as cause):
            return cause  # FastAPI's word for whatever goes wrong while it reads a body
        case HTTPException() if raised.status_code in _OF_STATUS:
            return _OF_STATUS[raised.status_code](
                f"{raised.detail}. /openapi.json lists what this service answers in the local environment."
            )
        case HTTPException() if raised.status_code < 500:
            return errors.InvalidRequest(str(raised.detail))
        case _:
            return errors.InternalError("Something went wrong here; quote the request id.")


def _challenge(error: ServiceError, request: Request) -> dict[str, str]:
    """RFC 6750, 3 (no error code for a caller who sent no credentials) and RFC 9728, 5.1."""
    metadata = f'resource_metadata="{request.state.settings.public_url}/.well-known/oauth-protected-resource"'
    if error.status == 401 and "authorization" not in request.headers:
        return {"WWW-Authenticate": f"Bearer {metadata}"}
    if error.status == 401:
        return {"WWW-Authenticate": f'Bearer error="invalid_token", {metadata}'}
    if error.code == "permission_denied":
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", {metadata}'}
    return {}


async def _record_refusal(request: Request, error: ServiceError) -> None:
    """Of a request whose caller is known. `data_class` is the declared one; what a feature added is in the reason."""
    principal: Principal | None = request.scope.get("principal")
    if principal is None:
        return
    details = {
        "code": error.code,
        "reason": error.message,
        "policy_version": request.state.configuration.policy.version,
        **request.scope.get("asked", {"model": None, "data_class": None}),
    }
    event = AuditEvent(
        Kind.REFUSED, new_call_id(), principal.tenant, principal.subject, current_trace_id(), details=details
    )
    try:
        await request.state.store.record(event)
    except errors.AuditUnavailable:
        _log.error("refusal_not_recorded", code=error.code)  # the caller is refused all the same
