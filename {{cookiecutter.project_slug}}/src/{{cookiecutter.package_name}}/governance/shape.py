"""Checks an answer against `response_format`: a JSON object, or the caller's JSON schema. docs/adr/T017"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any

import orjson
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, validators  # type: ignore[import-untyped]  # its stubs are a package of their own
from jsonschema.exceptions import SchemaError, ValidationError  # type: ignore[import-untyped]  # likewise
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from ..errors import InvalidRequest, UpstreamInvalid
from ..gateway import ResponseFormat

LARGEST_SCHEMA = 64 * 1024  # characters; that its metaschema agrees takes up to 0.4 s, in a thread and once
MOST_WORK = 100_000  # keywords applied, and what they look through; each takes some microseconds
_REFUSED = {"patternProperties", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"}
_MAPS = {"properties", "$defs", "definitions", "dependentSchemas", "dependencies"}
_VALUES = {"const", "enum", "default", "examples"}
_left: ContextVar[list[int]] = ContextVar("work left")


class TooMuchWork(Exception):
    """A schema can be small and take for ever: references that double at each step, say."""


class Shape:
    """Hears an answer, whole or in pieces. One that was cut short, calls tools or refuses is not held to the schema."""

    def __init__(self, fits: Callable[[str], bool] | None) -> None:
        self._fits = fits
        self._said: list[str] = []
        self._excused = fits is None

    def hear(self, message: Mapping[str, Any], finish_reason: str | None) -> None:
        other = message.get("tool_calls") or message.get("refusal") or finish_reason in ("length", "content_filter")
        self._excused = self._excused or bool(other)
        if not self._excused:
            self._said.append(message.get("content") or "")

    async def demand(self) -> None:
        """Raises UpstreamInvalid where what was heard does not fit."""
        if self._fits is None or self._excused or await asyncio.to_thread(self._fits, "".join(self._said)):
            return
        raise UpstreamInvalid("The model's answer is not the JSON that response_format wants. Ask again, or want less.")


async def shape_of(wanted: ResponseFormat | None) -> Shape:
    """Raises InvalidRequest where the schema is none, or none that can be checked."""
    if wanted is None or wanted.type == "text":
        return Shape(None)
    if wanted.json_schema is None:
        return Shape(_is_object)
    text = json.dumps(wanted.json_schema.schema_ or {}, sort_keys=True)
    try:
        return Shape(partial(_fits, await asyncio.to_thread(_compiled, text)))
    except ValueError as fault:
        raise InvalidRequest(f"The JSON schema {fault}.", param="response_format.json_schema.schema") from None


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _fits(schema: Any, text: str) -> bool:
    try:
        return _bounded(schema, orjson.loads(text))
    except (orjson.JSONDecodeError, RecursionError, TooMuchWork):
        return False


def _bounded(schema: Any, value: Any) -> bool:
    _left.set([MOST_WORK])
    return bool(schema.is_valid(value))


@lru_cache(maxsize=128)
def _compiled(text: str) -> Any:
    """Raises ValueError, with the end of a sentence that begins with 'The JSON schema'."""
    if len(text) > LARGEST_SCHEMA:
        raise ValueError(f"is longer than {LARGEST_SCHEMA} characters")
    schema = json.loads(text)
    kind = _KINDS.get(str(schema.get("$schema", "")).rstrip("#"))
    if kind is None:
        raise ValueError("names a $schema that is not supported; leave it out for draft 2020-12")
    try:
        kind.check_schema(schema, format_checker=FormatChecker(()))
        _check_parts(schema)
        compiled = kind(schema, registry=Registry())  # which fetches nothing
        for text in ("null", '""', "{}", "[]"):
            _bounded(compiled, orjson.loads(text))
    except SchemaError as fault:
        raise ValueError(f"is none at '{'.'.join(map(str, fault.absolute_path)) or 'its beginning'}'") from None
    except (RecursionError, TooMuchWork):
        raise ValueError("is too deep, or refers to itself without an end") from None
    return compiled


def _check_parts(schema: dict[str, Any]) -> None:
    resolver = Registry().with_resource("", Resource.from_contents(schema, DRAFT202012)).resolver()
    for part in _parts(schema):
        if refused := sorted(_REFUSED & part.keys()):
            raise ValueError(f"uses {refused[0]}, which is not supported here")
        if not part.get("$ref", "#").startswith("#"):
            raise ValueError("refers to something outside of it, and nothing is fetched; put it under $defs")
        try:
            resolver.lookup(part.get("$ref", "#"))
        except Unresolvable:
            raise ValueError("refers to something that is not in it") from None
        _matcher(part.get("pattern", ""))


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and each schema in it."""
    yield schema
    for keyword, value in schema.items():
        inner = value.values() if keyword in _MAPS else value if isinstance(value, list) else [value]
        for one in inner if keyword not in _VALUES else ():
            if isinstance(one, dict):
                yield from _parts(one)


@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> SchemaValidator:
    """By the engine in pydantic, which takes time in proportion to the text: Python's own can take for ever."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except PatternError:
        raise ValueError("has a pattern that is none, is too large, or looks around or back") from None


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _matcher(pattern).isinstance_python(value):
        yield ValidationError("")


def _unique_items(_: Any, wanted: bool, value: Any, __: Any) -> Iterator[ValidationError]:
    """jsonschema's own compares each with each."""
    if not wanted or not isinstance(value, list):
        return
    if len({orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in value}) < len(value):
        yield ValidationError("")


def _counted(keyword: Callable[..., Any]) -> Callable[..., Any]:
    def counted(validator: Any, wanted: Any, value: Any, schema: Any) -> Any:
        left = _left.get()
        left[0] -= 1 + sum(len(one) for one in (wanted, value) if isinstance(one, list | dict))
        if left[0] < 0:
            raise TooMuchWork
        return keyword(validator, wanted, value, schema)

    return counted


def _kind(base: Any) -> Any:
    keywords = {**base.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique_items}
    return validators.extend(base, {name: _counted(keyword) for name, keyword in keywords.items()})


_KINDS = {
    "": _kind(Draft202012Validator),
    "https://json-schema.org/draft/2020-12/schema": _kind(Draft202012Validator),
    "http://json-schema.org/draft-07/schema": _kind(Draft7Validator),
}
