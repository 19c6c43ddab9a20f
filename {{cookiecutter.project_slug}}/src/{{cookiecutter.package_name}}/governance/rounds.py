"""What several rounds with a model, with tools between them, add up to."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..gateway import Message
from .ask import Ask, Receipt


@dataclass
class Rounds:
    ask: Ask
    receipts: list[Receipt] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    @property
    def call_id(self) -> str:
        """Of the first round, which stands for all of them; empty before its end."""
        return self.receipts[0].audit_id if self.receipts else ""

    def go_on(self, messages: list[Message], classes: Iterable[str], *, tools_allowed: bool) -> None:
        update = {"messages": [*self.ask.request.messages, *messages]}
        # With the tools still described: a provider may want that, as the conversation has calls of them.
        request = self.ask.request.model_copy(update=update if tools_allowed else update | {"tool_choice": "none"})
        raised = self.ask.data_classes.union(classes)
        self.ask = replace(self.ask, request=request, data_classes=raised, continues=self.call_id)

    def receipt(self) -> Receipt:
        """The last round's deployment and class, the first one's number, and sums; an unknown cost stays None."""
        costs = [one.cost_usd for one in self.receipts]
        known = [cost for cost in costs if cost is not None]
        return replace(
            self.receipts[-1],
            audit_id=self.call_id,
            attempts=sum(one.attempts for one in self.receipts),
            fallback=any(one.fallback for one in self.receipts),
            input_tokens=sum(one.input_tokens for one in self.receipts),
            output_tokens=sum(one.output_tokens for one in self.receipts),
            estimated=any(one.estimated for one in self.receipts),
            cost_usd=round(sum(known), 6) if len(known) == len(costs) else None,
            latency_ms=round((time.monotonic() - self.begun) * 1000),
        )


class Heard:
    """A streamed answer put together: its words, and its calls of tools, which come in pieces by index."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}

    def add(self, delta: Mapping[str, Any]) -> None:
        self._words.append(delta.get("content") or "")
        for place, piece in enumerate(delta.get("tool_calls") or ()):
            call = self._calls.setdefault(piece.get("index", place), {"id": "", "name": "", "arguments": ""})
            said = piece.get("function") or {}
            call["id"] = call["id"] or piece.get("id") or ""
            call["name"] += said.get("name") or ""
            call["arguments"] += said.get("arguments") or ""

    @property
    def text(self) -> str | None:
        return "".join(self._words) or None

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [
            {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
            for _, call in sorted(self._calls.items())
        ]
