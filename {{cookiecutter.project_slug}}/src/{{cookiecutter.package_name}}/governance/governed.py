"""The only gateway that features get. Its methods stand in the order of a call's life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from opentelemetry.trace import Span
from pydantic import ValidationError

from ..audit import AuditEvent, ContentDigests, Trail, new_call_id
from ..database import Writer
from ..errors import AuditUnavailable, DeadlineExceeded, InvalidRequest
from ..gateway import ChainGateway, Chunk, EmbeddingRequest, ModelRequest, PermittedCall, R
from ..identity import Principal
from ..telemetry import Telemetry
from .account import CallAccount, current_trace_id, estimate, most, outcome_of
from .ask import Ask, Completion, Embeddings, Receipt
from .hidden_text import visible
from .ledger import Ledger
from .limits import Limits
from .observation import described, measure
from .policy import Policy
from .redaction import Redactor, each_text
from .shape import shape_of
from .switches import Switches


@dataclass(slots=True)
class StreamPart:
    """A chunk, or, on the last part only, the finish reason together with the receipt."""

    chunk: Chunk
    call_id: str
    receipt: Receipt | None = None


class Model(Protocol):
    """What a model name of the API stands for: a route (GovernedGateway), or a feature that adds to it and asks it."""

    def open_to(self, principal: Principal, name: str) -> bool: ...

    async def complete(self, ask: Ask) -> Completion: ...

    def stream(self, ask: Ask) -> AsyncGenerator[StreamPart, None]: ...


@dataclass(frozen=True)
class Feature:
    """What answers a model name of a team's own once it has the gateway, and the route that it asks."""

    route: str
    open: Callable[[GovernedGateway], Model]


class GovernedGateway:
    def __init__(
        self,
        policy: Policy,
        switches: Switches,
        limits: Limits,
        redactor: Redactor,
        digests: ContentDigests,
        ledger: Ledger,
        trail: Trail,
        writer: Writer,
        chain: ChainGateway,
        telemetry: Telemetry,
    ) -> None:
        self._policy = policy
        self._switches = switches
        self._limits = limits
        self._redactor = redactor
        self._digests = digests
        self._ledger = ledger
        self._trail = trail
        self._writer = writer
        self._chain = chain
        self._telemetry = telemetry

    def open_to(self, principal: Principal, name: str) -> bool:
        return self._policy.serves(principal, name)

    async def complete(self, ask: Ask) -> Completion:
        shape = await shape_of(ask.request.response_format)
        async with self._governed(ask) as account:
            answer = await self._chain.complete(account.call)
            account.take(answer)
            shape.hear(answer.message, answer.finish_reason)
            await shape.demand()
        return Completion(answer, account.receipt())

    async def stream(self, ask: Ask) -> AsyncGenerator[StreamPart, None]:
        shape, last = await shape_of(ask.request.response_format), Chunk({})
        async with self._governed(ask) as account, aclosing(self._chain.stream(account.call)) as chunks:
            async for chunk in chunks:
                account.add(chunk)
                shape.hear(chunk.delta, chunk.finish_reason)
                if chunk.delta.get("content"):
                    account.show()
                if chunk.finish_reason:
                    last = chunk  # held back: who sees a finish may rely on its record
                elif chunk.delta:
                    yield StreamPart(chunk, account.call_id)
            await shape.demand()
        yield StreamPart(last, account.call_id, account.receipt())

    async def embed(self, ask: Ask[EmbeddingRequest]) -> Embeddings:
        async with self._governed(ask) as account:
            found = await self._chain.embed(account.call)
            account.usage = found.usage
        return Embeddings(found.vectors, account.receipt())

    def record(self, event: AuditEvent) -> asyncio.Future[None]:
        """Records something that a feature does itself. Done when durable; written even if nobody awaits it."""
        return self._writer.commit({self._trail: event})

    def step(self, name: str) -> AbstractContextManager[Span]:
        """A span of what a feature does by itself."""
        return self._telemetry.step(name)

    def digest(self, content: Sequence[Any]) -> str:
        return self._digests.of_content(content)

    @asynccontextmanager
    async def _governed(self, ask: Ask[R]) -> AsyncIterator[CallAccount]:
        data_class = self._policy.highest(*ask.data_classes)
        with self._telemetry.step("policy") as span:
            span.set_attributes(described(ask, data_class))
            permit = self._policy.permit(ask.principal, data_class, ask.route, self._switches.stopped)
            await self._limits.admit(ask.principal, self._policy.limits(ask.principal), _expected_tokens(ask.request))
        call = PermittedCall(
            request=self._redacted(ask.request, data_class),
            permit=permit,
            deadline=ask.deadline.no_later_than(permit.route.deadline),
        )
        account = self._open_account(ask, call)
        await self._begin(account)
        try:
            yield account
        except BaseException as error:
            with suppress(AuditUnavailable):  # what went wrong first is what the caller hears
                await self._finish(account, outcome_of(error))
            raise
        await self._finish(account, outcome_of(None))

    def _redacted(self, request: R, data_class: str) -> R:
        """All that a provider is sent in words: messages with their tool calls, tools, a wanted schema; texts."""
        rules, plain = self._policy.redactions(data_class), request.plain()
        said = {section: plain[section] for section in plain.keys() & request.worded}
        redacted = each_text(said, lambda text: self._redactor(visible(text), rules))
        try:
            return request if redacted == said else type(request).model_validate(plain | redacted)
        except ValidationError:
            raise InvalidRequest("A name or an id in it is made of what is taken out; docs/redaction.md") from None

    def _open_account(self, ask: Ask[R], call: PermittedCall[R]) -> CallAccount:
        call_id = new_call_id()
        reservation = self._ledger.reserve(
            call_id,
            ask.principal.tenant,
            ask.principal.subject,
            call.permit.route.name,
            most(call),
            self._policy.budgets,
        )
        return CallAccount(call_id, ask, call, reservation, current_trace_id(), self._digests)

    async def _begin(self, account: CallAccount) -> None:
        """Returns when `started` is durable. Raises what refused it, or DeadlineExceeded."""
        begun = self._writer.commit({self._ledger: account.reservation, self._trail: account.started()})
        try:
            with self._telemetry.step("commit started"):
                async with account.call.deadline.timeout():
                    await asyncio.shield(begun)
        except (TimeoutError, asyncio.CancelledError) as gone:
            outcome = outcome_of(gone)
            # Nobody waits any more, but a record that was started is finished all the same.
            begun.add_done_callback(lambda done: None if done.exception() else self._end(account, outcome))
            if isinstance(gone, asyncio.CancelledError):
                raise
            over = "The request's time was over before anything was asked."
            raise DeadlineExceeded(over, by_caller=account.call.deadline.by_caller) from None

    async def _finish(self, account: CallAccount, outcome: str) -> None:
        """Returns when `finished` is durable; it will be even when the caller is gone and nobody waits here."""
        measure(self._telemetry.metrics, account, outcome)
        with self._telemetry.step("commit finished"):
            await self._end(account, outcome)

    def _end(self, account: CallAccount, outcome: str) -> asyncio.Future[None]:
        return self._writer.commit({self._ledger: account.settlement(), self._trail: account.finished(outcome)})


def _expected_tokens(request: ModelRequest) -> int:
    return estimate(request.text_length()) + (500 if request.output_limit is None else request.output_limit)
