"""Tries a permit's deployments in order: one attempt each, within the deadline, no fallback once a chunk is out."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager

import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode

from ..deadline import Deadline
from ..errors import DeadlineExceeded
from ..telemetry import Telemetry, names
from .breaker import Breaker
from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .gateway import Answer, Attempt, Chunk, Gateway, PermittedCall

# A failure that says nothing about the deployment's health does not count against it.
_HARMLESS = {
    Failure.BAD_REQUEST,
    Failure.UNSUPPORTED,
    Failure.CONTEXT_LENGTH,
    Failure.CONTENT_FILTER,
    Failure.NOT_LOADED,
    Failure.OPEN,
}
_log = structlog.get_logger()


class ChainGateway:
    def __init__(self, gateways: Mapping[str, Gateway], telemetry: Telemetry) -> None:
        self._gateways = gateways
        self._telemetry = telemetry
        self._breakers = {name: Breaker() for name in gateways}

    @property
    def ready(self) -> bool:
        return all(gateway.ready for gateway in self._gateways.values())

    def serves(self, deployment: Deployment) -> bool:
        return self._gateways[deployment.name].ready

    def loading(self) -> list[str]:
        return [name for name, gateway in self._gateways.items() if not gateway.ready]

    def failing(self) -> list[str]:
        return [name for name, breaker in self._breakers.items() if breaker.open]

    async def complete(self, call: PermittedCall) -> Answer:
        failed: AttemptFailed | None = None
        for deployment in call.permit.deployments:
            try:
                with self._attempt(call, deployment):
                    async with call.deadline.timeout(at_most=_share(call, deployment)):
                        return await self._gateways[deployment.name].complete(call)
            except AttemptFailed as failure:
                failed = _telling(failed, _fall_back(call, failure))
        raise _nothing_left(call, failed)

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        failed: AttemptFailed | None = None
        for deployment in call.permit.deployments:
            begun = False
            try:
                with self._attempt(call, deployment):
                    async with (
                        aclosing(self._gateways[deployment.name].stream(call)) as chunks,
                        aclosing(self._paced(call, deployment, chunks)) as paced,
                    ):
                        async for chunk in paced:
                            begun = True
                            yield chunk
                return
            except AttemptFailed as failure:
                if begun:
                    raise _nothing_left(call, failure) from None
                failed = _telling(failed, _fall_back(call, failure))
        raise _nothing_left(call, failed)

    async def _paced(
        self, call: PermittedCall, deployment: Deployment, chunks: AsyncGenerator[Chunk, None]
    ) -> AsyncGenerator[Chunk, None]:
        """The first chunk within the route's `first_token`, each further one within its `gap`, all in the deadline."""
        route, begun = call.permit.route, time.monotonic()
        limit, patience = Deadline.after(_share(call, deployment)), route.first_token
        while True:
            try:
                async with limit.timeout(at_most=patience):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            patience = route.gap
            if not (chunk.delta or chunk.finish_reason or chunk.usage):
                continue  # a sign of life, such as a role, or reasoning that is not passed on
            if limit is not call.deadline:
                limit = call.deadline
                self._telemetry.metrics.first_chunk.record(
                    time.monotonic() - begun, {names.DEPLOYMENT: deployment.name}
                )
            yield chunk

    @contextmanager
    def _attempt(self, call: PermittedCall, deployment: Deployment) -> Iterator[None]:
        breaker = self._breakers[deployment.name]
        attempt = Attempt(deployment.name)
        call.attempts.append(attempt)
        begun = time.monotonic()
        with self._span(call, deployment) as span:
            try:
                self._admit(call, deployment, breaker)
                yield
            except TimeoutError:
                if time.monotonic() - begun >= call.permit.route.first_token:
                    breaker.failed()  # a shorter wait was the caller's wish and says nothing about the deployment
                attempt.outcome = Failure.TIMEOUT.label
                raise AttemptFailed(Failure.TIMEOUT) from None
            except AttemptFailed as failed:
                attempt.outcome = failed.failure.label
                if failed.failure not in _HARMLESS:
                    breaker.failed()
                raise
            except BaseException:  # the caller went away, or we are at fault: neither blames the deployment
                attempt.outcome = "abandoned"
                raise
            else:
                breaker.succeeded()
                attempt.outcome = "answered"
            finally:
                self._observe(span, deployment, attempt.outcome, time.monotonic() - begun)

    def _admit(self, call: PermittedCall, deployment: Deployment, breaker: Breaker) -> None:
        if call.deadline.remaining() <= 0:
            raise TimeoutError
        if not self._gateways[deployment.name].ready:
            raise AttemptFailed(Failure.NOT_LOADED)
        if not breaker.admits():
            raise AttemptFailed(Failure.OPEN)

    @contextmanager
    def _span(self, call: PermittedCall, deployment: Deployment) -> Iterator[Span]:
        attributes = {
            names.OPERATION: "chat",
            names.PROVIDER: deployment.provider,
            names.REQUEST_MODEL: deployment.model,
            names.DEPLOYMENT: deployment.name,
            names.REGION: deployment.entry.region,
            names.ROUTE: call.permit.route.name,
            names.DATA_CLASS: call.permit.data_class,
        }
        # A generator's frames run in its caller's context, so the span is handed on and not made current.
        span = self._telemetry.tracer.start_span(
            f"chat {deployment.model}", kind=SpanKind.CLIENT, attributes=attributes
        )
        try:
            yield span
        finally:
            span.end()

    def _observe(self, span: Span, deployment: Deployment, outcome: str, seconds: float) -> None:
        span.set_attribute(names.OUTCOME, outcome)
        if outcome != "answered":
            span.set_status(StatusCode.ERROR, outcome)
            _log.warning("attempt_failed", deployment=deployment.name, outcome=outcome)
        self._telemetry.metrics.attempt_duration.record(
            seconds,
            {names.DEPLOYMENT: deployment.name, names.PROVIDER: deployment.provider, names.OUTCOME: outcome},
        )


def _share(call: PermittedCall, deployment: Deployment) -> float:
    """Half of what remains while another deployment stands behind, so that a hanging one leaves it time to answer."""
    remaining = call.deadline.remaining()
    return remaining if deployment is call.permit.deployments[-1] else remaining / 2


def _fall_back(call: PermittedCall, failed: AttemptFailed) -> AttemptFailed:
    """The failure, if the next deployment may be tried; else raises what the caller gets."""
    if not failed.failure.falls_back or call.deadline.remaining() <= 0:
        raise _nothing_left(call, failed) from None
    return failed


def _telling(before: AttemptFailed | None, failed: AttemptFailed) -> AttemptFailed:
    """That a deployment was not even tried hides nothing that went wrong at one that was."""
    return before if before and failed.failure in (Failure.NOT_LOADED, Failure.OPEN) else failed


def _nothing_left(call: PermittedCall, failed: AttemptFailed | None) -> Exception:
    if call.deadline.remaining() <= 0:
        tried = ", ".join(f"{attempt.deployment}: {attempt.outcome}" for attempt in call.attempts) or "none"
        return DeadlineExceeded(
            f"The request's time of {call.deadline.end - call.deadline.start:g} s is over. Attempts so far: {tried}."
        )
    return (failed or AttemptFailed(Failure.SERVER_ERROR)).as_service_error()
