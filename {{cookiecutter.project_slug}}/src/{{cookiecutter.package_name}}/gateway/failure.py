"""Why an attempt failed, whether the next deployment is tried, and what the caller gets when none is left."""

import re
from enum import Enum

import orjson

from .. import errors
from .messages import ChatRequest, EmbeddingRequest

# What providers write, as far as their documents and litellm's own list tell. A caller's text that a provider echoes
# can only choose between answers of one kind, except for the quoted code, whose quotes an echo would escape.
_TOO_LONG = re.compile(
    rb"context[ _](length|window|limit|size)|(prompt|input) is too long|tokens allowed|too many (input )?tokens", re.I
)
_FILTERED = re.compile(rb"content[ _](filter|policy|management)|responsibleaipolicy|safety system|guardrail", re.I)
_OUR_ACCOUNT = re.compile(rb'"insufficient_quota"|credit balance is too low|"API_KEY_INVALID"', re.I)
_DELAY = re.compile(rb'"retryDelay"\s*:\s*"(\d+)')  # Google's, in the body


_FIELDS = ChatRequest.model_fields.keys() | EmbeddingRequest.model_fields.keys()


class Failure(Enum):
    """docs/fallback.md gives the reasons, row by row."""

    RATE_LIMITED = ("rate_limited", True, errors.UpstreamUnavailable, "Every model that may answer is busy.")
    SERVER_ERROR = ("server_error", True, errors.UpstreamUnavailable, "Every model that may answer has failed.")
    CONNECTION = ("connection", True, errors.UpstreamUnavailable, "No model that may answer can be reached.")
    TIMEOUT = ("timeout", True, errors.UpstreamUnavailable, "No model that may answer did so in time.")
    NOT_LOADED = ("not_loaded", True, errors.NotReady, "The model's adapter is still loading.")
    OPEN = ("left_alone", True, errors.UpstreamUnavailable, "Every model that may answer has failed repeatedly.")
    NONSENSE = ("nonsense", True, errors.UpstreamInvalid, "The model's server sent something that is no answer.")
    CUT = ("cut", True, errors.UpstreamInvalid, "The answer broke off; what came is not the whole answer.")
    REDIRECT = (
        "redirect",
        True,
        errors.UpstreamInvalid,
        "The model's server sent us elsewhere, which is not followed.",
    )
    OUR_FAULT = (
        "our_key_or_address",
        True,
        errors.UpstreamInvalid,
        "The model's server refuses this service: a key or an address is wrong. Tell its operator the request id.",
    )
    BAD_REQUEST = ("bad_request", False, errors.InvalidRequest, "The model's server does not accept this request.")
    UNSUPPORTED = ("unsupported", False, errors.InvalidRequest, "This model cannot do what the request asks for.")
    CONTEXT_LENGTH = (
        "context_length_exceeded",
        False,
        errors.ContextLengthExceeded,
        "This is too long for the model; shorten it.",
    )
    CONTENT_FILTER = ("content_filter", False, errors.ContentFiltered, "The provider's content filter refused this.")

    def __init__(self, label: str, falls_back: bool, error: type[errors.ServiceError], message: str) -> None:
        self.label = label
        self.falls_back = falls_back
        self.error = error
        self.message = message


class AttemptFailed(Exception):
    """`retry_after` in seconds, where the provider said so. What the provider wrote is deliberately not kept."""

    def __init__(self, failure: Failure, *, retry_after: float | None = None, param: str | None = None) -> None:
        super().__init__(failure.label)
        self.failure = failure
        self.retry_after = retry_after
        self.param = param

    def as_service_error(self) -> errors.ServiceError:
        failure = self.failure
        retry = self.retry_after
        if issubclass(failure.error, errors.Unavailable):
            return failure.error(f"{failure.message} Try again shortly.", retry_after=min(retry or 5.0, 60.0))
        return failure.error(failure.message, param=self.param)


def from_response(status: int, retry_after: str | None, body: bytes) -> AttemptFailed:
    """An answer other than 200, its Retry-After, and the begin of its body, which is searched and then dropped."""
    failure = _from_status(status)
    if failure in (Failure.RATE_LIMITED, Failure.BAD_REQUEST) and _OUR_ACCOUNT.search(body):
        failure = Failure.OUR_FAULT
    elif failure is Failure.BAD_REQUEST and (status == 413 or _TOO_LONG.search(body)):
        failure = Failure.CONTEXT_LENGTH
    elif failure is Failure.BAD_REQUEST and _FILTERED.search(body):
        failure = Failure.CONTENT_FILTER
    param = _param(body) if failure is Failure.BAD_REQUEST else None
    delay = _DELAY.search(body)
    wait = float(delay[1]) if delay else _seconds(retry_after)
    return AttemptFailed(failure, retry_after=wait, param=param)


def _from_status(status: int) -> Failure:
    if 200 <= status < 300:
        return Failure.NONSENSE  # an answer without what was asked for
    if 300 <= status < 400:
        return Failure.REDIRECT
    if status == 429:
        return Failure.RATE_LIMITED
    if status in (400, 413, 415, 422):
        return Failure.BAD_REQUEST
    if 400 <= status < 500 and status not in (408, 409, 425):  # those three say "again"
        return Failure.OUR_FAULT
    return Failure.SERVER_ERROR


def _param(body: bytes) -> str | None:
    """The field that the provider objects to, if it is one of the request's."""
    try:
        param = orjson.loads(body)["error"]["param"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return param if isinstance(param, str) and param in _FIELDS else None


def _seconds(header: str | None) -> float | None:
    """None for the date form, which providers do not use, and for nonsense."""
    return float(header) if header and header.isascii() and header.isdigit() else None
