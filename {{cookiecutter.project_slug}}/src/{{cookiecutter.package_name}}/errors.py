"""What can go wrong, and how a caller sees it.

ServiceError                 one answer in OpenAI's error shape; `api/errors.py` holds the only handler
├── InvalidRequest           400 ── ContextLengthExceeded, ContentFiltered, LoginRefused
├── InvalidToken             401
├── BudgetExceeded           402
├── PermissionDenied         403 ── DataClassRefused
├── NotFound                 404 ── ModelNotFound
├── MethodNotAllowed         405
├── TooSlow                  408
├── TooLarge                 413
├── UnsupportedMediaType     415
├── RateLimited              429
├── InternalError            500
├── UpstreamInvalid          502
├── Unavailable              503 ── UpstreamUnavailable, AuditUnavailable, LimitsUnavailable, IdentityUnavailable,
│                                   Overloaded, Stopped, NotReady
├── DeadlineExceeded         504
└── ClientClosed             499, which nobody is left to read

A message says what to do next. It never holds a provider's text, a token or a stack.
"""

import math
from typing import Any, ClassVar


class ServiceError(Exception):
    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    type: ClassVar[str] = "server_error"

    def __init__(
        self, message: str, *, param: str | None = None, retry_after: float | None = None, reason: str | None = None
    ) -> None:
        """`reason`: a finer distinction than the code, for metrics, spans and the trail."""
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code
        self.param = param
        self.retry_after = retry_after

    def body(self, request_id: str | None) -> dict[str, Any]:
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "code": self.code,
                "param": self.param,
                "request_id": request_id,
            }
        }

    def headers(self) -> dict[str, str]:
        """`Retry-After` in whole seconds, rounded up (RFC 9110, 10.2.3)."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class InvalidRequest(ServiceError):
    status, code, type = 400, "invalid_request", "invalid_request_error"


class ContextLengthExceeded(InvalidRequest):
    code = "context_length_exceeded"


class ContentFiltered(InvalidRequest):
    code = "content_filter"


class LoginRefused(InvalidRequest):
    """A browser sees its reason on a page."""

    code = "login_refused"


class InvalidToken(ServiceError):
    status, code, type = 401, "invalid_token", "authentication_error"


class BudgetExceeded(ServiceError):
    status, code, type = 402, "budget_exceeded", "budget_error"


class PermissionDenied(ServiceError):
    status, code, type = 403, "permission_denied", "permission_error"


class DataClassRefused(PermissionDenied):
    code = "data_class_refused"


class NotFound(ServiceError):
    status, code, type = 404, "not_found", "invalid_request_error"


class ModelNotFound(NotFound):
    code = "model_not_found"


class MethodNotAllowed(ServiceError):
    status, code, type = 405, "method_not_allowed", "invalid_request_error"


class TooSlow(ServiceError):
    status, code, type = 408, "too_slow", "invalid_request_error"

    def headers(self) -> dict[str, str]:
        return {"Connection": "close"}  # whatever of the body still comes is no next request (RFC 9110, 15.5.9)


class TooLarge(ServiceError):
    status, code, type = 413, "too_large", "invalid_request_error"


class UnsupportedMediaType(ServiceError):
    status, code, type = 415, "unsupported_media_type", "invalid_request_error"


class RateLimited(ServiceError):
    status, code, type = 429, "rate_limited", "rate_limit_error"


class InternalError(ServiceError):
    """Our fault. The log line with the request id has the cause."""


class UpstreamInvalid(ServiceError):
    status, code, type = 502, "upstream_invalid", "upstream_error"


class Unavailable(ServiceError):
    status, type = 503, "unavailable_error"


class UpstreamUnavailable(Unavailable):
    code = "upstream_unavailable"


class AuditUnavailable(Unavailable):
    code = "audit_unavailable"


class LimitsUnavailable(Unavailable):
    code = "limits_unavailable"


class IdentityUnavailable(Unavailable):
    code = "identity_unavailable"


class Overloaded(Unavailable):
    code = "overloaded"


class Stopped(Unavailable):
    code = "stopped"


class NotReady(Unavailable):
    code = "not_ready"


class DeadlineExceeded(ServiceError):
    status, code, type = 504, "deadline_exceeded", "timeout_error"

    def __init__(self, message: str, *, by_caller: bool) -> None:
        super().__init__(message, reason="caller_deadline_exceeded" if by_caller else None)


class ClientClosed(ServiceError):
    status, code, type = 499, "client_closed", "client_error"  # as nginx's log has it; no RFC names one
