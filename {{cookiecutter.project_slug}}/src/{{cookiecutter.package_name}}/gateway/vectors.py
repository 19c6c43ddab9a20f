from __future__ import annotations

import math
from array import array
from typing import Any

from .failure import AttemptFailed, Failure
from .messages import EmbeddingRequest


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
