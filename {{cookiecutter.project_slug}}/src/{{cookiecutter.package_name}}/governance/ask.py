from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..deadline import Deadline
from ..gateway import Answer, ChatRequest, Message
from ..identity import Delegation, Principal
from ..promptfile import Prompt


@dataclass(frozen=True, slots=True)
class Ask:
    """A conversation that somebody wants answered: what a feature is given, and, changed, hands on.

    Of `data_classes`, declared by the caller or added by a feature, the highest counts: nobody can lower it.
    """

    principal: Principal
    request: ChatRequest
    route: str
    data_classes: frozenset[str]
    deadline: Deadline
    prompt: Prompt | None = None
    delegation: Delegation | None = None  # with which a tool asks other services in the principal's name

    def via(self, route: str, *, messages: list[Message], added: Iterable[str], prompt: Prompt) -> Ask:
        """The same question put to a route, with what a feature adds to it; `added`: the classes of that data."""
        request = self.request.model_copy(update={"messages": messages})
        return replace(self, route=route, request=request, data_classes=self.data_classes.union(added), prompt=prompt)


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

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Completion:
    answer: Answer
    receipt: Receipt
