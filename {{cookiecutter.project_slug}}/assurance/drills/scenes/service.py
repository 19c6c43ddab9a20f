"""The service as its callers meet it: whether it answers, how soon, and whether its traces arrive."""

from collections.abc import AsyncIterator

from assurance.drills.drill import drill
from assurance.drills.stage import Stage


@drill("ServiceErrorBudgetBurn", shows=['app_outcome="upstream_invalid"', 'app_outcome="nonsense"'])
async def something_else_answers_in_the_providers_place(stage: Stage) -> AsyncIterator[None]:
    await stage.provider_fails("not-json")
    yield
    await stage.provider_fails(None)


@drill(
    "ServiceNotReady",
    shows=['"waiting_for":{"identity"', "MISSING  the issuer does not answer"],
    findings=["doctor"],
)
async def the_issuer_is_away_when_a_replica_starts(stage: Stage) -> AsyncIterator[None]:
    await stage.stop_service()
    await stage.issuer.stop()
    await stage.start_service(ready=False)
    yield
    await stage.issuer.start()


async def ask_for_a_stream(stage: Stage) -> None:
    await stage.ask(stream=True)


@drill("AnswersSlow", shows=[r'\A{app_deployment="first"} => [1-4]\d\.'], visit=ask_for_a_stream, pace=120)
async def streams_stand_still(stage: Stage) -> AsyncIterator[None]:
    await stage.provider_fails("stall")
    yield
    await stage.provider_fails(None)


@drill("TracesLost", shows=[r'instance="127.0.0.1:\d+"} => \d+'], pace=120)
async def the_collector_is_dead(stage: Stage) -> AsyncIterator[None]:
    await stage.collector.stop()
    yield
    await stage.collector.start()


DRILLS = (
    something_else_answers_in_the_providers_place,
    the_issuer_is_away_when_a_replica_starts,
    streams_stand_still,
    the_collector_is_dead,
)
