"""OpenAI's wire format of embeddings."""

import base64
import struct
from collections.abc import Iterator
from typing import Any

from local.model_server.answers import Answer, Question, embedding
from local.model_server.openai_wire import END, NAME, error, frame

__all__ = ["EMPTY", "END", "NAME", "NULL", "error", "events", "frame", "plain", "read"]

JSON = dict[str, Any]

EMPTY: JSON = {"data": []}
NULL: JSON = {"data": None}


def read(body: JSON) -> Question:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vectors = [embedding(str(text), body.get("dimensions")) for text in texts]
    packed = body.get("encoding_format") == "base64"  # the official client asks for it unless told otherwise
    return Question(
        model=body["model"],
        instructions="",
        asked="",
        characters=sum(len(str(text)) for text in texts),
        vectors=[_packed(vector) if packed else vector for vector in vectors],
    )


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def plain(question: Question, answer: Answer) -> JSON:
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(question.vectors)]
    body: JSON = {"object": "list", "model": question.model, "data": data}
    if answer.tokens:
        body["usage"] = {"prompt_tokens": answer.tokens[0], "total_tokens": answer.tokens[0]}
    return body


def events(question: Question, answer: Answer) -> Iterator[bytes]:
    """Embeddings are never streamed."""
    yield frame(plain(question, answer))
