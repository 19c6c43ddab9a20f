"""The subset of OpenAI's requests that provider families have in common; the rest is refused by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from typing_extensions import TypeVar

Finite = Annotated[float, Field(allow_inf_nan=False, strict=False)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
JsonObject = dict[str, Any]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(Strict):
    type: Literal["text"]
    text: str


class FunctionCall(Strict):
    name: Name
    arguments: str


class ToolCall(Strict):
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(Strict):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: Name | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Message:
        if self.role == "tool" and not self.tool_call_id:
            raise ValueError("a tool message names its call in tool_call_id")
        if self.content is None and not self.tool_calls:
            raise ValueError("content is missing")
        return self

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class Function(Strict):
    name: Name
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class ToolDescription(Strict):
    type: Literal["function"]
    function: Function


class NamedFunction(Strict):
    name: Name


class ToolChoice(Strict):
    type: Literal["function"]
    function: NamedFunction


class JsonSchema(Strict):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)
    name: Name
    description: str | None = None
    schema_: JsonObject | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> ResponseFormat:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema belongs to the type 'json_schema', which needs it")
        return self


class StreamOptions(Strict):
    include_usage: bool = False


class ModelRequest(Strict, ABC):
    """What governance must know of a request, whatever is asked of the model."""

    operation: ClassVar[str]  # as OpenTelemetry's GenAI conventions call it
    worded: ClassVar[set[str]]  # the fields in which a provider is told something in words
    ours: ClassVar[set[str]]  # the fields that no adapter passes on as they are

    model: Annotated[str, Field(min_length=1, max_length=128)]

    @property
    @abstractmethod
    def output_limit(self) -> int | None:
        """Tokens of the answer; None: as long as the deployment allows."""

    @abstractmethod
    def text_length(self) -> int:
        """Characters that go to the provider."""

    @abstractmethod
    def content(self) -> list[Any]:
        """The content as plain values, for the digest on the trail."""

    def plain(self) -> JsonObject:
        return self.model_dump(by_alias=True, exclude_none=True)

    def parameters(self) -> JsonObject:
        """What an adapter may pass on: the listed fields, without those that are ours to decide."""
        return self.model_dump(exclude=self.ours, exclude_none=True, by_alias=True)


class ChatRequest(ModelRequest):
    operation = "chat"
    worded = {"messages", "tools", "response_format"}
    ours = {"model", "stream", "stream_options", "user", "n", "max_tokens", "max_completion_tokens"}

    messages: Annotated[list[Message], Field(min_length=1, max_length=1_000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[Finite, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Finite, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[Finite, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Finite, Field(ge=-2, le=2)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = None
    n: Literal[1] | None = None
    user: Annotated[str, Field(max_length=256)] | None = None
    tools: Annotated[list[ToolDescription], Field(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None

    @property
    def output_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def text_length(self) -> int:
        """Characters that go to the provider, tools, their calls and a wanted schema included."""
        described = sum(len(one.model_dump_json()) for one in (*(self.tools or ()), self.response_format) if one)
        called = sum(len(call.function.arguments) for message in self.messages for call in message.tool_calls or ())
        return described + called + sum(len(message.text) for message in self.messages)

    def content(self) -> list[JsonObject]:
        return [one.model_dump(exclude_none=True) for one in self.messages]

    def plain(self) -> JsonObject:
        """With the parts of a message as one text: a finding of redaction may stretch over several."""
        plain = super().plain()
        for message, original in zip(plain["messages"], self.messages, strict=True):
            if isinstance(original.content, list):
                message["content"] = original.text
        return plain


def _texts(value: object) -> object:
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        raise ValueError("send a text or a list of texts; arrays of tokens are one model's own and are not supported")
    return [value] if isinstance(value, str) else value


class EmbeddingRequest(ModelRequest):
    """At most 256 texts: 2,048, as OpenAI takes, are 65 MB of numbers, which keep everybody waiting for a second."""

    operation = "embeddings"
    worded = {"input"}
    ours = {"model", "user", "encoding_format"}

    input: Annotated[list[str], Field(min_length=1, max_length=256), BeforeValidator(_texts)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1, le=16_384)] | None = None
    user: Annotated[str, Field(max_length=256)] | None = None

    @property
    def output_limit(self) -> int:
        return 0

    def text_length(self) -> int:
        return sum(map(len, self.input))

    def content(self) -> list[str]:
        return self.input


R = TypeVar("R", bound=ModelRequest, default=ChatRequest)
