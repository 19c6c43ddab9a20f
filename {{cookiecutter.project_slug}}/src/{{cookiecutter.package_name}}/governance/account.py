"""Keeps account of one governed call, and makes its trail records, ledger entries and receipt."""

import asyncio
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from opentelemetry import trace

from ..audit import AuditEvent, ContentDigests, Kind
from ..errors import ServiceError
from ..gateway import Answer, Attempt, Chunk, Deployment, Failure, PermittedCall, Usage
from .ask import Ask, Receipt
from .ledger import Reservation, Settlement

CHARACTERS_PER_TOKEN = 4  # the usual rule of thumb for English; only estimates rest on it


def estimate(characters: int) -> int:
    return max(1, -(-characters // CHARACTERS_PER_TOKEN))


# The provider reported no failure, so it may have answered in full and charge for an answer that nobody read.
_PERHAPS_PAID = {"running", "abandoned", *(one.label for one in (Failure.TIMEOUT, Failure.CUT, Failure.NONSENSE))}


def most(call: PermittedCall[Any]) -> int:
    """Micro-dollars to reserve: the cost if every permitted deployment is tried and answers at full length."""
    return sum(_most_at(one, call) or 0 for one in call.permit.deployments)


def _most_at(deployment: Deployment, call: PermittedCall[Any]) -> int | None:
    price, longest = deployment.entry.price, deployment.output_limit(call.request.output_limit)
    return None if price is None else price.micro_usd(estimate(call.request.text_length()), longest)


def _written(message: Mapping[str, Any]) -> int:
    """Characters of an answer or of a piece of one, tool calls included."""
    return sum(len(str(part)) for name, part in message.items() if part and name != "role")


@dataclass
class CallAccount:
    """`deployment`, `counted`, `costs` and `cost` are worked out once: they are asked for when the call has ended."""

    call_id: str
    ask: Ask[Any]
    call: PermittedCall[Any]
    reservation: Reservation
    trace_id: str | None
    digests: ContentDigests
    begun: float = field(default_factory=time.monotonic)
    usage: Usage | None = None
    finish_reason: str | None = None
    characters: int = 0
    first_chunk: float | None = None
    answered: hmac.HMAC | None = None

    def take(self, answer: Answer) -> None:
        self.usage, self.finish_reason = answer.usage, answer.finish_reason
        self._hear(answer.message)

    def add(self, chunk: Chunk) -> None:
        self.usage = chunk.usage or self.usage
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self._hear(chunk.delta)

    def show(self) -> None:
        """Call before text goes to the caller: notes when that first happens, in seconds since the request began."""
        if self.first_chunk is None:
            self.first_chunk = self.call.deadline.elapsed()

    def _hear(self, message: Mapping[str, Any]) -> None:
        self.characters += _written(message)
        if text := message.get("content"):
            self.answered = self.answered or self.digests.begin()
            self.answered.update(text.encode("utf-8", "surrogatepass"))

    @cached_property
    def deployment(self) -> Deployment | None:
        """The deployment that answered, or was answering when the call ended."""
        if not self.call.attempts or (self.call.attempts[-1].outcome != "answered" and not self.characters):
            return None
        name = self.call.attempts[-1].deployment
        return next(one for one in self.call.permit.deployments if one.name == name)

    @cached_property
    def counted(self) -> Usage | None:
        """The provider's count, or ours where it gave none that makes sense; None where nothing was answered."""
        if self.usage or self.deployment is None:
            return self.usage
        said = estimate(self.characters) if self.characters else 0
        return Usage(estimate(self.call.request.text_length()), said, estimated=True)

    @cached_property
    def costs(self) -> list[tuple[str, int | None]]:
        """For each attempt, its deployment and the micro-dollars it may be charged; None if the price is not known."""
        return [(one.deployment, self._cost_of(one)) for one in self.call.attempts]

    @cached_property
    def cost(self) -> int | None:
        """Micro-dollars that may be charged for all attempts; None if a price is not known."""
        costs = [cost for _, cost in self.costs]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    def _cost_of(self, attempt: Attempt) -> int | None:
        deployment = next(one for one in self.call.permit.deployments if one.name == attempt.deployment)
        if attempt is self.call.attempts[-1] and self.deployment and (usage := self.counted):
            price = deployment.entry.price
            return None if price is None else price.micro_usd(usage.input_tokens, usage.output_tokens)
        return _most_at(deployment, self.call) if attempt.outcome in _PERHAPS_PAID else 0

    def started(self) -> AuditEvent:
        permit, prompt = self.call.permit, self.ask.prompt
        return self._event(
            Kind.STARTED,
            {
                "roles": sorted(self.ask.principal.roles),
                "client": self.ask.principal.client,
                "operation": self.call.request.operation,
                "continues": self.ask.continues,
                "model": self.ask.request.model,
                "route": permit.route.name,
                "data_class": permit.data_class,
                "deployments": [one.name for one in permit.deployments],
                "policy_version": permit.policy_version,
                "prompt": {"name": prompt.name, "version": prompt.version, "digest": prompt.digest} if prompt else None,
                "content_digest": self.digests.of_content(self.call.request.content()),
                "reserved_micro_usd": self.reservation.micro_usd,
            },
        )

    def finished(self, outcome: str) -> AuditEvent:
        deployment, usage = self.deployment, self.counted
        return self._event(
            Kind.FINISHED,
            {
                "operation": self.call.request.operation,
                "outcome": outcome,
                "deployment": deployment.name if deployment else None,
                "region": deployment.entry.region if deployment else None,
                "attempts": [{"deployment": one.deployment, "outcome": one.outcome} for one in self.call.attempts],
                "finish_reason": self.finish_reason,
                "input_tokens": usage.input_tokens if usage else None,
                "output_tokens": usage.output_tokens if usage else None,
                "estimated": usage.estimated if usage else None,
                "cost_micro_usd": self.cost,
                "latency_ms": self._latency(),
                "answer_digest": self.answered.hexdigest() if self.answered else None,
            },
        )

    def settlement(self) -> Settlement:
        deployment, usage = self.deployment, self.counted
        return Settlement(
            self.reservation,
            deployment.name if deployment else None,
            self.cost,
            usage.input_tokens if usage else None,
            usage.output_tokens if usage else None,
        )

    def receipt(self) -> Receipt:
        deployment, usage = self.deployment, self.counted
        assert deployment is not None  # noqa: S101 # asked for only after an answer
        assert usage is not None  # noqa: S101 # likewise
        return Receipt(
            audit_id=self.call_id,
            deployment=deployment.name,
            provider=deployment.provider,
            region=deployment.entry.region,
            data_class=self.call.permit.data_class,
            attempts=len(self.call.attempts),
            fallback=len(self.call.attempts) > 1,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            estimated=usage.estimated,
            cost_usd=None if self.cost is None else self.cost / 1_000_000,
            latency_ms=self._latency(),
            trace_id=self.trace_id,
        )

    def _latency(self) -> int:
        return round((time.monotonic() - self.begun) * 1000)

    def _event(self, kind: Kind, details: dict[str, object]) -> AuditEvent:
        principal = self.ask.principal
        return AuditEvent(kind, self.call_id, principal.tenant, principal.subject, self.trace_id, details)  # type: ignore[arg-type]  # plain values, spelt out above


def outcome_of(error: BaseException | None) -> str:
    """The error's reason, or the words for an end that no error of ours describes."""
    match error:
        case None:
            return "answered"
        case ServiceError():
            return error.reason
        case TimeoutError():
            return "deadline_exceeded"
        case GeneratorExit() | asyncio.CancelledError():
            return "client_closed"
        case _:
            return "internal_error"


def current_trace_id() -> str | None:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
