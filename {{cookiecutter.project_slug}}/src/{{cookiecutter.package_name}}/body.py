"""From the bytes of a request to what they say."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from .errors import InvalidRequest, UnsupportedMediaType

T = TypeVar("T", bound=BaseModel)


async def parsed(request: Request, kind: type[T]) -> T:
    """Call it once the caller is known: FastAPI would read a stranger's body first. InvalidRequest and the like."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise UnsupportedMediaType("Send the request as JSON, with 'Content-Type: application/json'.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("Send the body uncompressed.")
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        raise _invalid(error) from None


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
