"""The only gateway a feature is handed: it reads from top to bottom like the life of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from ..audit import Trail, new_call_id
from ..database import Writer
from ..errors import DeadlineExceeded, ServiceError
from ..gateway import ChainGateway, ChatRequest, Chunk, Message, PermittedCall
from ..identity import Principal
from ..telemetry import Telemetry, names
from .account import CallAccount, current_trace_id, estimate, most_expensive, outcome_of
from .ask import Ask, Completion, Receipt
from .ledger import Ledger
from .limits import Limits
from .policy import Policy
from .redaction import Redactor


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


class GovernedGateway:
    def __init__(
        self,
        policy: Policy,
        limits: Limits,
        redactor: Redactor,
        ledger: Ledger,
        trail: Trail,
        writer: Writer,
        chain: ChainGateway,
        telemetry: Telemetry,
    ) -> None:
        self._policy = policy
        self._limits = limits
        self._redactor = redactor
        self._ledger = ledger
        self._trail = trail
        self._writer = writer
        self._chain = chain
        self._telemetry = telemetry
        self._closing: set[asyncio.Future[None]] = set()

    def open_to(self, principal: Principal, name: str) -> bool:
        return self._policy.serves(principal, name)

    async def complete(self, ask: Ask) -> Completion:
        async with self._governed(ask) as account:
            answer = await self._chain.complete(account.call)
            account.take(answer)
        return Completion(answer, account.receipt())

    async def stream(self, ask: Ask) -> AsyncGenerator[StreamPart, None]:
        last = Chunk({})
        async with self._governed(ask) as account, aclosing(self._chain.stream(account.call)) as chunks:
            async for chunk in chunks:
                account.add(chunk)
                if chunk.finish_reason:
                    last = chunk  # held back: who sees a finish may rely on its record
                elif chunk.delta:
                    yield StreamPart(chunk, account.call_id)
        yield StreamPart(last, account.call_id, account.receipt())

    @asynccontextmanager
    async def _governed(self, ask: Ask) -> AsyncIterator[CallAccount]:
        permit = self._policy.permit(ask.principal, ask.data_class, ask.route)
        call = PermittedCall(
            request=self._redacted(ask.request, ask.data_class),
            permit=permit,
            deadline=ask.deadline.no_later_than(permit.route.deadline),
        )
        await self._limits.admit(ask.principal, self._policy.limits(ask.principal), _expected_tokens(call))
        account = self._open_account(ask, call)
        await self._begin(account)
        try:
            yield account
        except BaseException as error:
            await self._finish(account, outcome_of(error))
            raise
        await self._finish(account, outcome_of(None))

    def _redacted(self, request: ChatRequest, data_class: str) -> ChatRequest:
        rules = self._policy.redactions(data_class)
        if not rules:
            return request
        return request.model_copy(update={"messages": [self._redacted_message(one, rules) for one in request.messages]})

    def _redacted_message(self, message: Message, rules: Sequence[str] | frozenset[str]) -> Message:
        return message.model_copy(update={"content": self._redactor(message.text, rules)}) if message.text else message

    def _open_account(self, ask: Ask, call: PermittedCall) -> CallAccount:
        call_id = new_call_id()
        reservation = self._ledger.reserve(
            call_id,
            ask.principal.tenant,
            ask.principal.subject,
            call.permit.route.name,
            most_expensive(call),
            self._policy.budgets,
        )
        return CallAccount(call_id, ask, call, reservation, current_trace_id())

    async def _begin(self, account: CallAccount) -> None:
        """Returns when `started` is durable. Raises what refused it, or DeadlineExceeded."""
        begun = asyncio.ensure_future(
            self._writer.commit({self._ledger: account.reservation, self._trail: account.started()})
        )
        try:
            async with account.call.deadline.timeout():
                await asyncio.shield(begun)
        except (TimeoutError, asyncio.CancelledError) as gone:
            closing = asyncio.ensure_future(self._close_after(begun, account, outcome_of(gone)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            if isinstance(gone, asyncio.CancelledError):
                raise
            raise DeadlineExceeded("The request's time was over before anything was asked.") from None

    async def _close_after(self, begun: asyncio.Future[None], account: CallAccount, outcome: str) -> None:
        """Nobody waits any more, but a record that was started is finished all the same."""
        with suppress(ServiceError):
            await begun
            await self._finish(account, outcome)

    async def _finish(self, account: CallAccount, outcome: str) -> None:
        """Runs to its end even when the caller is gone: what was used is paid, and the trail says how it ended."""
        commit = self._writer.commit({self._ledger: account.settlement(), self._trail: account.finished(outcome)})
        self._measure(account, outcome)
        task = asyncio.ensure_future(commit)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await task
            raise

    def _measure(self, account: CallAccount, outcome: str) -> None:
        metrics, usage, deployment = self._telemetry.metrics, account.counted, account.deployment
        labels = {names.ROUTE: account.call.permit.route.name, names.OUTCOME: outcome}
        metrics.call_duration.record(account.call.deadline.elapsed(), labels)
        if usage is None or deployment is None:
            return
        spent_by = {names.ROUTE: labels[names.ROUTE], names.DEPLOYMENT: deployment.name}
        metrics.tokens.record(usage.input_tokens, {**spent_by, names.TOKEN_TYPE: "input"})
        metrics.tokens.record(usage.output_tokens, {**spent_by, names.TOKEN_TYPE: "output"})
        metrics.cost.add((account.cost or 0) / 1_000_000, spent_by)


def _expected_tokens(call: PermittedCall) -> int:
    return estimate(call.request.text_length()) + (call.request.output_limit or 500)
