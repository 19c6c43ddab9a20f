"""How long to wait for a deployment: its share of the remaining deadline, and the limits for a stream's chunks."""

import time
from collections.abc import AsyncGenerator

from ..deadline import Deadline
from .catalogue import Deployment
from .failure import AttemptFailed, Failure
from .gateway import Attempt, Chunk, PermittedCall
from .messages import R

SHORTEST = 0.05  # seconds; no provider answers faster, so no attempt starts with less time left


def share(call: PermittedCall[R], deployment: Deployment) -> float:
    """Seconds: half of the remaining time if another deployment follows, so that it still has time after a hang."""
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
                raise TimeoutError  # the timeout below does not fire if the next chunk is there already
            async with limit.timeout(at_most=patience):
                chunk = await anext(chunks)
        except (StopAsyncIteration, TimeoutError) as end:
            if finished:
                return  # the answer is complete; only usage can be missing
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
