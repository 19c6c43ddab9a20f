"""The providers behind the gateway."""

from collections.abc import AsyncIterator

from assurance.drills.drill import drill
from assurance.drills.stage import Stage, repeated


# The breaker leaves a failing deployment alone for 20 seconds, whatever the pace: a window must be longer than that.
@drill(
    "ModelDeploymentFailing",
    shows=['app_deployment="first", app_outcome="connection"', r'app_deployment="first"} => 1 '],
    pace=12,
)
async def the_first_provider_breaks_connections(stage: Stage) -> AsyncIterator[None]:
    await stage.provider_fails("reset", model="local-large")
    yield
    await stage.provider_fails(None, model="local-large")


@drill(
    "ModelFallbackRateHigh",
    shows=['app_deployment="first", app_outcome="rate_limited", app_route="assistant"'],
    pace=180,
)
async def every_second_call_meets_a_quota(stage: Stage) -> AsyncIterator[None]:
    async def two_of_four() -> None:
        await stage.provider_fails("429", model="local-large", times=2)

    async with repeated(two_of_four, seconds=1):
        yield
    await stage.provider_fails(None, model="local-large")


DRILLS = (the_first_provider_breaks_connections, every_second_call_meets_a_quota)
