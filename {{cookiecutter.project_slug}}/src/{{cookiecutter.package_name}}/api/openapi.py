"""What the generated OpenAPI page shows of bodies that are parsed by hand."""

from __future__ import annotations

from typing import Any

from ..gateway import ChatRequest, EmbeddingRequest, ModelRequest

HEADERS: list[dict[str, Any]] = [
    {"in": "header", "name": "X-Data-Class", "schema": {"type": "string"}, "description": "default: from policy"},
    {"in": "header", "name": "X-Request-Timeout-Ms", "schema": {"type": "integer", "minimum": 1}},
]


def _docs(body: type[ModelRequest]) -> dict[str, Any]:
    shown = {"schema": body.model_json_schema(ref_template="#/components/schemas/{model}")}
    return {"requestBody": {"required": True, "content": {"application/json": shown}}, "parameters": HEADERS}


COMPLETION_DOCS = _docs(ChatRequest)
EMBEDDING_DOCS = _docs(EmbeddingRequest)
