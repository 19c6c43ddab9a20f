"""Alerts about people's ratings of the answers."""

from collections.abc import AsyncIterator

from assurance.drills.drill import drill
from assurance.drills.stage import Stage


async def ask_and_rate(stage: Stage) -> None:
    """As a person does who knows what a good answer has to say."""
    answer = await stage.ask("When are the offices open?")
    if "choices" in answer:
        good = "offices" in answer["choices"][0]["message"]["content"]
        await stage.post("/v1/feedback", {"response_id": answer["id"], "score": 1 if good else 0})


# A day of ten seconds, and two weeks of two minutes, of which the drill lives through a part.
@drill(
    "ModelQualityDropping",
    shows=[r'app_deployment="first", app_route="assistant"} => 0\.\d'],
    visit=ask_and_rate,
    pace=8640,
    past=12,
)
async def the_model_says_something_else(stage: Stage) -> AsyncIterator[None]:
    await stage.provider_fails("prose")
    yield
    await stage.provider_fails(None)


DRILLS = (the_model_says_something_else,)
