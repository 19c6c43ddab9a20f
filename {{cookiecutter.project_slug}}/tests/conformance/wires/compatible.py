"""Families that speak OpenAI's chat completions with addresses, fields and errors of their own."""

from tests.conformance.wires.openai import OPENAI_FIELDS, OPENAI_REFUSALS, OpenAIWire, openai_error
from tests.conformance.wires.wire import SECRET, Refusal, Said

_AZURE_FILTERED = {
    "error": {
        "message": f"The response was filtered due to the prompt triggering the content management policy. {SECRET}",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
    }
}
_AZURE_REFUSALS = OPENAI_REFUSALS | {
    "bad key": Refusal(
        401, {"error": {"code": "401", "message": f"Access denied due to invalid subscription key. {SECRET}"}}
    ),
    "rate limit": Refusal(
        429,
        {
            "error": {
                "code": "429",
                "message": f"Requests have exceeded call rate limit. Retry after 7 seconds. {SECRET}",
            }
        },
        {"Retry-After": "7"},
        7,
    ),
}
_AZURE_FIRST = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "choices": [],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
}
_AZURE_FILTERS = (Refusal(400, _AZURE_FILTERED), Said("Well", finish="content_filter"))


def azure(deployment: str, version: str) -> OpenAIWire:
    """The older addresses: a deployment in the path, a version in the query, the key in a header of its own."""
    return OpenAIWire(
        path=f"/openai/deployments/{deployment}/chat/completions",
        query={"api-version": version},
        key_header="api-key",
        key="our-key",
        refusals=_AZURE_REFUSALS,
        filtered=_AZURE_FILTERS,
        first=_AZURE_FIRST,
    )


def azure_v1() -> OpenAIWire:
    return OpenAIWire(
        path="/openai/v1/chat/completions", refusals=_AZURE_REFUSALS, filtered=_AZURE_FILTERS, first=_AZURE_FIRST
    )


_MISTRAL_FIELDS = {
    *("model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "response_format"),
    *("tools", "tool_choice", "presence_penalty", "frequency_penalty", "n", "prediction", "parallel_tool_calls"),
    *("prompt_mode", "reasoning_effort", "safe_prompt", "metadata", "stream_options"),
}


def mistral() -> OpenAIWire:
    def error(message: str, kind: str, code: str) -> dict[str, object]:
        return {"object": "error", "message": f"{message} {SECRET}", "type": kind, "param": None, "code": code}

    too_long = "Prompt contains 140000 tokens, too large for model with 131072 maximum context length"
    return OpenAIWire(
        fields=frozenset(_MISTRAL_FIELDS),
        required="any",
        refusals={
            "too long": Refusal(400, error(too_long, "invalid_request_prompt", "3051")),
            "bad key": Refusal(401, {"detail": f"Unauthorized {SECRET}"}),
            "rate limit": Refusal(429, error("Rate limit exceeded", "rate_limited", "1300")),
            "server error": Refusal(500, error("Internal server error", "internal_server_error", "3000")),
        },
        filtered=(),
        fault_mid_stream=None,
    )


_VLLM_FIELDS = OPENAI_FIELDS | {"top_k", "min_p", "repetition_penalty", "structured_outputs", "chat_template_kwargs"}


def vllm() -> OpenAIWire:
    def error(message: str, kind: str, code: int) -> dict[str, object]:
        return openai_error(message, kind, code)

    too_long = "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens."
    return OpenAIWire(
        fields=frozenset(_VLLM_FIELDS),
        refusals={
            "too long": Refusal(400, error(too_long, "BadRequestError", 400)),
            "bad key": Refusal(401, {"error": f"Unauthorized {SECRET}"}),
            "rate limit": None,
            "server error": Refusal(500, error("EngineCore encountered an issue.", "InternalServerError", 500)),
        },
        filtered=(),
    )


_OLLAMA_FIELDS = {
    *("model", "messages", "frequency_penalty", "presence_penalty", "response_format", "seed", "stop", "stream"),
    *("stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens", "tools"),
    *("reasoning_effort", "reasoning", "logit_bias", "user", "n", "logprobs", "top_logprobs"),
}


def ollama_v1() -> OpenAIWire:
    return OpenAIWire(
        fields=frozenset(_OLLAMA_FIELDS),
        key=None,
        refusals={
            "too long": None,
            "bad key": None,
            "rate limit": Refusal(429, openai_error("too many requests", "rate_limit_error", None)),
            "server error": Refusal(500, openai_error("the model failed to generate a response", "api_error", None)),
        },
        filtered=(),
        fault_mid_stream=None,
    )


def vertex() -> OpenAIWire:
    """Vertex AI's address for OpenAI's format; an error comes in Google's form, in a list."""

    def error(code: int, status: str, message: str) -> list[dict[str, object]]:
        return [{"error": {"code": code, "message": f"{message} {SECRET}", "status": status}}]

    too_long = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    return OpenAIWire(
        path="/v1/projects/acme/locations/europe-west4/endpoints/openapi/chat/completions",
        key="Bearer google-token",
        refusals={
            "too long": Refusal(400, error(400, "INVALID_ARGUMENT", too_long)),
            "bad key": Refusal(401, error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")),
            "rate limit": Refusal(429, error(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.")),
            "server error": Refusal(500, error(500, "INTERNAL", "Internal error encountered.")),
        },
        filtered=(Said("Well", finish="content_filter"),),
        fault_mid_stream=None,
    )
