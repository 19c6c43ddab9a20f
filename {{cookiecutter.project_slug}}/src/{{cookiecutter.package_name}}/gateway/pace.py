"""How long a deployment is waited for: its share of what is left of the deadline, and each piece of a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from ..deadline import Deadline
from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .gateway import Attempt, Chunk, PermittedCall
from .messages import R

SHORTEST = 0.05  # seconds; no provider answers in less, so that an attempt is not started with less


def share(call: PermittedCall[R], deployment: Deployment) -> float:
    """Half of what remains while another deployment stands behind, so that a hanging one leaves it time to answer."""
    remaining = call.deadline.remaining()
    last = deployment is call.permit.deployments[-1] or remaining / 2 < SHORTEST
    return remaining if last else remaining / 2


async def paced(
    call: PermittedCall, deployment: Deployment, attempt: Attempt, chunks: AsyncGenerator[Chunk, None]
) -> AsyncGenerator[Chunk, None]:
    """The first chunk within the route's `first_token`, each further one within its `gap`, all in the deadline."""
    route, begun, finished = call.permit.route, time.monotonic(), False
    limit, patience = Deadline.after(share(call, deployment)), route.first_token
    while True:
        try:
            if limit.remaining() <= 0:
                raise TimeoutError  # no timer fires where the next chunk is there already
            async with limit.timeout(at_most=patience):
                chunk = await anext(chunks)
        except (StopAsyncIteration, TimeoutError) as end:
            if finished:
                return  # of an answer that is whole, nothing but the provider's counts can be missing
            raise (end if isinstance(end, TimeoutError) else AttemptFailed(Failure.CUT)) from None
        patience = route.gap
        if not (chunk.delta or chunk.finish_reason or chunk.usage):
            continue  # a sign of life, such as a role, or reasoning that is not passed on
        finished, attempt.usage = finished or chunk.finish_reason is not None, chunk.usage or attempt.usage
        given = time.monotonic()
        if attempt.first_chunk is None:
            limit, attempt.first_chunk = call.deadline, given - begun
        yield chunk
        attempt.read += time.monotonic() - given
