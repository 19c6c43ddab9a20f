"""The families, in the table's order. What differs between two runs is a file in config/ and whose server answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.conformance.wires import compatible
from tests.conformance.wires.anthropic import AnthropicWire
from tests.conformance.wires.bedrock import BedrockWire
from tests.conformance.wires.gemini import GeminiWire
from tests.conformance.wires.ollama import OllamaWire
from tests.conformance.wires.openai import OpenAIWire
from tests.conformance.wires.wire import JSON, Wire

CONFIG = Path(__file__).parent / "config"


@dataclass(frozen=True)
class Family:
    name: str
    title: str
    wire: Callable[[], Wire]
    none: Mapping[str, str] = field(default_factory=dict)  # case → why this family has no such answer

    @property
    def variable(self) -> str:
        """Which the file in config/ takes the server's address from."""
        return f"{self.name.upper().replace('-', '_')}_SERVER"

    def models(self) -> JSON:
        found: JSON = yaml.safe_load((CONFIG / f"{self.name}.yaml").read_text(encoding="utf-8"))
        return found

    @property
    def embeds(self) -> str | None:
        """The deployment and the route for vectors, if the family has any."""
        name = f"{self.name}-embeddings"
        return name if name in self.models()["routes"] else None

    @property
    def adapter(self) -> str:
        return "direct" if "openai" in self.models()["deployments"][self.name] else "litellm"


_ITS_OWN_SERVER = {
    "refusal or filter": "a server of one's own has no filter but a model's manners",
    "too long": "it drops the oldest messages without a word: set its `num_ctx`, and `max_output_tokens`, to fit",
    "bad key": "it has no keys; put it behind something that does",
}
_NO_VECTORS = {"embeddings": "this address answers chats only"}
_NOT_PUBLISHED = {"error midway": "none is published for a stream; what breaks off is told as such"}

FAMILIES = (
    Family("openai", "OpenAI", OpenAIWire),
    Family("openai-litellm", "OpenAI", OpenAIWire),
    Family("azure-v1", "Azure OpenAI, v1", compatible.azure_v1),
    Family("azure", "Azure OpenAI, deployments", lambda: compatible.azure("gpt-eu", "2024-10-21")),
    Family("anthropic", "Anthropic", AnthropicWire, {"embeddings": "it offers none"}),
    Family("bedrock", "Amazon Bedrock, Converse", BedrockWire),
    Family("gemini", "Google Gemini", GeminiWire),
    Family("vertex", "Google Vertex AI, OpenAI's format", compatible.vertex, _NO_VECTORS | _NOT_PUBLISHED),
    Family(
        "mistral",
        "Mistral",
        compatible.mistral,
        {"refusal or filter": "its API answers in prose; `safe_prompt` is not passed on", **_NOT_PUBLISHED},
    ),
    Family("ollama", "Ollama, its own format", OllamaWire, _ITS_OWN_SERVER),
    Family("ollama-v1", "Ollama, OpenAI's format", compatible.ollama_v1, _ITS_OWN_SERVER | _NOT_PUBLISHED),
    Family(
        "vllm",
        "vLLM and other compatible servers",
        compatible.vllm,
        {"rate limit": "it queues", "refusal or filter": _ITS_OWN_SERVER["refusal or filter"]},
    ),
)
