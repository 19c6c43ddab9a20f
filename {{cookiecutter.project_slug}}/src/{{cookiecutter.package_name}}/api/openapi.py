"""What the generated OpenAPI page shows of bodies that are parsed by hand."""

from typing import Any

from ..body import documented
from ..gateway import ChatRequest, EmbeddingRequest

_HEADERS: list[dict[str, Any]] = [
    {"in": "header", "name": "X-Data-Class", "schema": {"type": "string"}, "description": "default: from policy"},
    {"in": "header", "name": "X-Request-Timeout-Ms", "schema": {"type": "integer", "minimum": 1}},
]
COMPLETION_DOCS = documented(ChatRequest) | {"parameters": _HEADERS}
EMBEDDING_DOCS = documented(EmbeddingRequest) | {"parameters": _HEADERS}
