"""The service as its callers meet it: whether it answers, how soon, and whether its traces arrive."""

from collections.abc import AsyncIterator

from assurance.drills.drill import drill
from assurance.drills.stage import Stage, repeated


@drill(
    "ServiceErrorBudgetBurn",
    shows=['slo="availability"', 'app_outcome="upstream_invalid"', 'app_outcome="nonsense"'],
    pace=120,
)
async def something_else_answers_in_the_providers_place(stage: Stage) -> AsyncIterator[None]:
    await stage.provider_fails("not-json")
    yield
    await stage.provider_fails(None)


@drill(
    "ServiceNotReady",
    shows=[
        '"waiting_for":{"identity"',
        r'app_check="identity", instance="127.0.0.1:\d+"} => 0 ',
        "WRONG  the issuer does not answer",
    ],
    findings=["doctor"],
)
async def the_issuer_is_away_when_a_replica_starts(stage: Stage) -> AsyncIterator[None]:
    await stage.stop_service()
    await stage.issuer.stop()
    await stage.start_service(ready=False)
    yield
    await stage.issuer.start()


@drill("ServiceSilent", shows=["nobody answers"], pace=30)
async def no_replica_runs(stage: Stage) -> AsyncIterator[None]:
    await stage.stop_service()
    yield
    await stage.start_service()


async def ask_for_a_stream(stage: Stage) -> None:
    await stage.ask(stream=True)


# Six hours of a minute and a half, in each of which some streams have to end.
@drill(
    "ServiceErrorBudgetBurnSlow",
    shows=[r'slo:burn_rate:6h\{.*slo="latency"\} => [1-9]', 'app_outcome="deadline_exceeded"'],
    visit=ask_for_a_stream,
    pace=240,
)
async def one_stream_in_five_stands_still(stage: Stage) -> AsyncIterator[None]:
    async def one_of_five() -> None:
        await stage.provider_fails("stall", model="local-large", times=1)

    async with repeated(one_of_five, seconds=1.25):
        yield
    await stage.provider_fails(None, model="local-large")


# An unknown key is looked for every ten seconds at most, whatever the pace: a window must be longer than that.
@drill(
    "LoginFailing",
    shows=[r'instance="127.0.0.1:\d+"} => \d', 'app_reason="invalid_token"', "WRONG  the issuer does not answer"],
    pace=20,
    findings=["doctor"],
)
async def the_issuer_is_away_once_it_has_changed_its_key(stage: Stage) -> AsyncIterator[None]:
    await stage.issuer_changes_its_key()
    token = await stage.signed_in()
    await stage.issuer.stop()
    stage.token = token  # not before: the service would fetch the new key
    yield
    await stage.issuer.start()


@drill("TracesLost", shows=[r'instance="127.0.0.1:\d+"} => \d+'], pace=120)
async def the_collector_is_dead(stage: Stage) -> AsyncIterator[None]:
    await stage.collector.stop()
    yield
    await stage.collector.start()


DRILLS = (
    one_stream_in_five_stands_still,
    the_issuer_is_away_once_it_has_changed_its_key,
    something_else_answers_in_the_providers_place,
    the_issuer_is_away_when_a_replica_starts,
    no_replica_runs,
    the_collector_is_dead,
)
