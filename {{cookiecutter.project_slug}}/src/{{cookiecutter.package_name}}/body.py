"""From the bytes of a request to what they say."""

import re
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from .errors import InvalidRequest, TooLarge, UnsupportedMediaType

MOST_VALUES = 50_000  # lists, objects and things in them: few bytes each in a body, and up to 400 in memory
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # gives nothing back, so that none takes for ever
T = TypeVar("T", bound=BaseModel)


async def parsed(request: Request, kind: type[T]) -> T:
    """Call it once the caller is known: FastAPI would read a stranger's body first. InvalidRequest and the like."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise UnsupportedMediaType("Send the request as JSON, with 'Content-Type: application/json'.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body uncompressed.")
    body = await request.body()
    _check_values(body)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from None


def _check_values(body: bytes) -> None:
    """Before there is a tree of them. What is in a text counts at first, as that is quick, and then no longer."""
    if len(body) > MOST_VALUES and _marks(body) > MOST_VALUES and _marks(_STRINGS.sub(b"", body)) > MOST_VALUES:
        raise TooLarge(
            f"The body has more than {MOST_VALUES:,} lists, objects and things in them; send fewer messages, or tools "
            "and schemas with less in them. A text counts as one, however long it is."
        )


def _marks(body: bytes) -> int:
    """As many as values, or more: before each stands one of these."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _invalid(error: ValidationError) -> InvalidRequest:
    """The first fault, with the field's path; the value is not repeated, as it may be what must not be logged."""
    fault = error.errors(include_url=False, include_input=False)[0]
    param = ".".join(str(part) for part in fault["loc"]) or None
    if fault["type"] == "json_invalid":
        return InvalidRequest("The body is not valid JSON.")
    if fault["type"] == "extra_forbidden":
        return InvalidRequest(f"The field '{param}' is not supported here; leave it out.", param=param)
    return InvalidRequest(f"{param}: {fault['msg'].removeprefix('Value error, ')}", param=param)


def documented(kind: type[BaseModel]) -> dict[str, Any]:
    """For `openapi_extra`, as FastAPI knows nothing of a body that is parsed by hand."""
    shown = {"schema": kind.model_json_schema(ref_template="#/components/schemas/{model}")}
    return {"requestBody": {"required": True, "content": {"application/json": shown}}}
