from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic

from ..deadline import Deadline
from ..gateway import Answer, Message, R, ToolDescription
from ..identity import Delegation, Principal
from ..promptfile import Prompt


@dataclass(frozen=True, slots=True)
class Ask(Generic[R]):
    """A request to a model, by a known caller. A feature receives one and passes on a changed copy.

    The highest of `data_classes`, declared by the caller or added by a feature, decides: nobody can lower it.
    """

    principal: Principal
    request: R
    route: str
    data_classes: frozenset[str]
    deadline: Deadline
    prompt: Prompt | None = None
    delegation: Delegation | None = None  # with which a tool asks other services in the principal's name
    continues: str | None = None  # the call whose tools' results this one carries

    def via(self: Ask, route: str, *, messages: list[Message], added: Iterable[str], prompt: Prompt) -> Ask:
        """The same question put to a route, with what a feature adds to it; `added`: the classes of that data."""
        request = self.request.model_copy(update={"messages": messages})
        return replace(self, route=route, request=request, data_classes=self.data_classes.union(added), prompt=prompt)

    def offering(self: Ask, tools: list[dict[str, Any]]) -> Ask:
        described = [ToolDescription.model_validate(tool) for tool in tools]
        return replace(self, request=self.request.model_copy(update={"tools": described}))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an answer was made of. Cost is None, never 0, where the price is not known."""

    audit_id: str
    deployment: str
    provider: str
    region: str
    data_class: str
    attempts: int
    fallback: bool
    input_tokens: int
    output_tokens: int
    estimated: bool
    cost_usd: float | None
    latency_ms: int
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Completion:
    answer: Answer
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Embeddings:
    vectors: list[list[float]]
    receipt: Receipt
