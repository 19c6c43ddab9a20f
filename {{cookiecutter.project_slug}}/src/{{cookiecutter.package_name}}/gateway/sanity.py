"""Checks a provider's answer before ledger, clients and indexes rely on it."""

import math
from array import array
from typing import Any

from pydantic import ValidationError

from .failure import AttemptFailed, Failure
from .gateway import Answer, Usage
from .messages import EmbeddingRequest, ToolCall

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter"})
MOST_TOKENS = 10_000_000  # no provider serves a longer exchange; a count above it is an error of theirs


def sane_usage(input_tokens: Any, output_tokens: Any) -> Usage | None:
    """None for counts that cannot be true: a ledger must be neither credited nor flooded by a provider's bug."""
    for count, least in ((input_tokens, 1), (output_tokens, 0)):
        if isinstance(count, bool) or not isinstance(count, int) or not least <= count <= MOST_TOKENS:
            return None
    return Usage(input_tokens, output_tokens)


def sane_answer(message: dict[str, Any], finish_reason: str | None, usage: Usage | None) -> Answer:
    """Raises AttemptFailed without a message or a finish reason. Calls are as a request may hold them."""
    if finish_reason not in FINISH_REASONS or says_nothing(finish_reason, any(message.values())):
        raise AttemptFailed(Failure.NONSENSE)
    whole = {"role": "assistant", "content": None, **message}
    if calls := message.get("tool_calls"):
        whole["tool_calls"] = [_sane_call(call) for call in calls]
    return Answer(whole, finish_reason, usage)


def says_nothing(finish_reason: str | None, begun: bool) -> bool:
    """An end without text or call before it is no answer, unless the provider gives a reason for it."""
    return not begun and finish_reason in ("stop", "tool_calls")


def _sane_call(call: Any) -> dict[str, Any]:
    try:
        function = {name: call["function"].get(name) for name in ("name", "arguments")}
        return ToolCall.model_validate({"id": call["id"], "function": function}).model_dump()
    except (ValidationError, KeyError, TypeError, AttributeError):
        raise AttemptFailed(Failure.NONSENSE) from None


def sane_vectors(rows: Any, request: EmbeddingRequest) -> list[list[float]]:
    """Of the `data` of OpenAI's answer, in the order of the texts. Raises AttemptFailed where they do not fit."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AttemptFailed(Failure.NONSENSE)
    found = {row["index"]: row.get("embedding") for row in rows if type(row.get("index")) is int}
    vectors = [found.get(place) for place in range(len(request.input))]
    length = request.dimensions or (len(vectors[0]) if isinstance(vectors[0], list) else 0)
    if len(rows) != len(vectors) or not length or not all(_is_vector(one, length) for one in vectors):
        raise AttemptFailed(Failure.NONSENSE)
    return vectors  # type: ignore[return-value]  # each was looked at


def _is_vector(value: Any, length: int) -> bool:
    if not isinstance(value, list) or len(value) != length or not set(map(type, value)) <= {float, int}:
        return False
    return all(map(math.isfinite, array("f", value)))  # in 32 bits, as a caller may ask for them
