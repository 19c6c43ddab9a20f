"""Tries a permit's deployments in order: one attempt each, within the deadline, no fallback once a chunk is out."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import TypeVar

from ..errors import DeadlineExceeded
from ..telemetry import Telemetry, names
from .breaker import Breaker
from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .gateway import Answer, Attempt, Chunk, Gateway, PermittedCall, Vectors
from .messages import EmbeddingRequest, R
from .observation import observed
from .pace import SHORTEST, paced, share

# A failure that says nothing about the deployment's health does not count against it.
_HARMLESS = {
    Failure.BAD_REQUEST,
    Failure.UNSUPPORTED,
    Failure.CONTEXT_LENGTH,
    Failure.CONTENT_FILTER,
    Failure.NOT_LOADED,
    Failure.OPEN,
}
T = TypeVar("T", Answer, Vectors)


class ChainGateway:
    def __init__(self, gateways: Mapping[str, Gateway], telemetry: Telemetry) -> None:
        self._gateways = gateways
        self._telemetry = telemetry
        self._breakers = {name: Breaker() for name in gateways}
        telemetry.metrics.watch_breakers(lambda: {name: breaker.open for name, breaker in self._breakers.items()})

    @property
    def ready(self) -> bool:
        return not self.loading()

    def serves(self, deployment: Deployment) -> bool:
        return self._gateways[deployment.name].ready

    def loading(self) -> list[str]:
        return [name for name, gateway in self._gateways.items() if not gateway.ready]

    def failing(self) -> list[str]:
        return [name for name, breaker in self._breakers.items() if breaker.open]

    async def complete(self, call: PermittedCall) -> Answer:
        return await self._first_whole(call, lambda gateway: gateway.complete(call))

    async def embed(self, call: PermittedCall[EmbeddingRequest]) -> Vectors:
        return await self._first_whole(call, lambda gateway: gateway.embed(call))

    async def _first_whole(self, call: PermittedCall[R], asked: Callable[[Gateway], Awaitable[T]]) -> T:
        failed: AttemptFailed | None = None
        for deployment in self._in_turn(call):
            try:
                with self._attempt(call, deployment) as attempt:
                    async with call.deadline.timeout(at_most=share(call, deployment)):
                        answer = await asked(self._gateways[deployment.name])
                    attempt.usage = answer.usage
                    return answer
            except AttemptFailed as failure:
                failed = _telling(failed, _fall_back(failure))
        raise _nothing_left(call, failed)

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        failed: AttemptFailed | None = None
        for deployment in self._in_turn(call):
            begun = False
            try:
                with self._attempt(call, deployment) as attempt:
                    async with (
                        aclosing(self._gateways[deployment.name].stream(call)) as chunks,
                        aclosing(paced(call, deployment, attempt, chunks)) as in_time,
                    ):
                        async for chunk in in_time:
                            begun = True
                            yield chunk
                return
            except AttemptFailed as failure:
                if begun:
                    raise _nothing_left(call, failure) from None
                failed = _telling(failed, _fall_back(failure))
        raise _nothing_left(call, failed)

    def _in_turn(self, call: PermittedCall[R]) -> Iterator[Deployment]:
        """The permit's deployments, as long as there is time for one more."""
        for deployment in call.permit.deployments:
            if call.deadline.remaining() < SHORTEST:
                return
            if call.attempts:
                before, route = call.attempts[-1], call.permit.route.name
                labels = {names.ROUTE: route, names.DEPLOYMENT: before.deployment, names.OUTCOME: before.outcome}
                self._telemetry.metrics.fallbacks.add(1, labels)
            yield deployment

    @contextmanager
    def _attempt(self, call: PermittedCall[R], deployment: Deployment) -> Iterator[Attempt]:
        breaker = self._breakers[deployment.name]
        begun, trial = time.monotonic(), False
        with observed(self._telemetry, call, deployment) as attempt:
            try:
                self._admit(deployment, breaker)
                trial = breaker.open
                yield attempt
            except TimeoutError:
                if time.monotonic() - begun - attempt.read >= call.permit.route.first_token:
                    breaker.failed()
                elif trial:
                    breaker.undecided()  # a shorter wait was the caller's wish and says nothing about the deployment
                attempt.outcome = Failure.TIMEOUT.label
                raise AttemptFailed(Failure.TIMEOUT) from None
            except AttemptFailed as failed:
                attempt.outcome = failed.failure.label
                if failed.failure not in _HARMLESS:
                    breaker.failed()
                elif trial:
                    breaker.undecided()
                raise
            except BaseException:  # the caller went away, or we are at fault: neither blames the deployment
                if trial:
                    breaker.undecided()
                attempt.outcome = "abandoned"
                raise
            else:
                breaker.succeeded()
                attempt.outcome = "answered"

    def _admit(self, deployment: Deployment, breaker: Breaker) -> None:
        if not self._gateways[deployment.name].ready:
            raise AttemptFailed(Failure.NOT_LOADED)
        if not breaker.admits():
            raise AttemptFailed(Failure.OPEN)


def _fall_back(failed: AttemptFailed) -> AttemptFailed:
    """The failure, if the next deployment may be tried; else raises what the caller gets."""
    if not failed.failure.falls_back:
        raise failed.as_service_error() from None
    return failed


def _telling(before: AttemptFailed | None, failed: AttemptFailed) -> AttemptFailed:
    """That a deployment was not even tried hides nothing that went wrong at one that was."""
    return before if before and failed.failure in (Failure.NOT_LOADED, Failure.OPEN) else failed


def _nothing_left(call: PermittedCall[R], failed: AttemptFailed | None) -> Exception:
    if call.deadline.remaining() < SHORTEST:
        tried = ", ".join(f"{attempt.deployment}: {attempt.outcome}" for attempt in call.attempts) or "none"
        return DeadlineExceeded(
            f"The request's time of {call.deadline.end - call.deadline.start:g} s is over. Attempts so far: {tried}.",
            by_caller=call.deadline.by_caller,
        )
    return (failed or AttemptFailed(Failure.SERVER_ERROR)).as_service_error()
