"""Which request fields does a deployment support? A field that it would silently ignore is refused by name."""

from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .messages import ChatRequest, JsonObject, ModelRequest

# A field with its default value counts as not asked for.
BY_DEFAULT = {"tool_choice": "auto", "parallel_tool_calls": True, "response_format": {"type": "text"}}
# Measured by tests/conformance: these litellm accepts for a provider, and leaves out.
_LEFT_OUT = {"gemini": {"parallel_tool_calls"}, "ollama_chat": {"tool_choice"}}
_WITHOUT_JSON_MODE = ("anthropic", "bedrock")  # of these a JSON object can be had by its schema only


def supported(deployment: Deployment, request: ModelRequest) -> JsonObject:
    """What an adapter passes on. Raises AttemptFailed."""
    parameters = request.parameters()
    for name in sorted(_lacking(deployment, request)):
        if name in parameters and parameters[name] != BY_DEFAULT.get(name):
            raise AttemptFailed(Failure.UNSUPPORTED, param=name)
    return parameters


def _lacking(deployment: Deployment, request: ModelRequest) -> set[str]:
    lacking = {*deployment.entry.lacks, *_LEFT_OUT.get(deployment.provider, ())}
    shape = request.response_format if isinstance(request, ChatRequest) else None
    if shape and shape.type == "json_object" and deployment.provider in _WITHOUT_JSON_MODE:
        lacking.add("response_format")
    return lacking
