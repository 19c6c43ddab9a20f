"""What the generated OpenAPI page shows of bodies that are parsed by hand, and of errors."""

from __future__ import annotations

from typing import Any

from ..gateway import ChatRequest

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                name: {"type": ["string", "null"]} for name in ("message", "type", "code", "param", "request_id")
            },
        }
    },
}
COMPLETION_DOCS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ChatRequest.model_json_schema(ref_template="#/components/schemas/{model}")}
        },
    },
    "parameters": [
        {
            "in": "header",
            "name": "X-Data-Class",
            "schema": {"type": "string"},
            "description": "default: from policy",
        },
        {"in": "header", "name": "X-Request-Timeout-Ms", "schema": {"type": "integer", "minimum": 1}},
    ],
}
