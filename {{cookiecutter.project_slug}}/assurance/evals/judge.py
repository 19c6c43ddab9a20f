"""A model that judges answers, asked through the service: its cost is booked, and the class of the data binds it."""

import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from {{ cookiecutter.package_name }}.configfile import Faults
from {{ cookiecutter.package_name }}.promptfile import Prompt
from {{ cookiecutter.package_name }}.promptfile import read as read_prompt

from assurance.evals.question import JSON, Judgement, NoReplyError, Question, Reply

PROMPT = Path(__file__).parent / "judge.md"
SCHEMA: JSON = {
    "type": "object",
    "properties": {"why": {"type": "string"}, "holds": {"type": "boolean"}},
    "required": ["why", "holds"],
    "additionalProperties": False,
}


class Opinion(BaseModel):
    why: str
    holds: bool


@dataclass(frozen=True)
class Judge:
    prompt: Prompt
    model: str
    ask: Callable[[Question], Awaitable[Reply]]

    async def __call__(self, criterion: str, question: Question, reply: Reply) -> Judgement:
        """Asks as whoever got the answer. Raises NoReplyError if the judge may not see the data or gives no JSON."""
        # Brackets in the material are escaped, so that they cannot end it.
        given = {"question": question.ask, "answer": reply.text, "criterion": criterion}
        asked = self.prompt.fill(**{name: html.escape(text, quote=False) for name, text in given.items()})
        data_class, person = reply.receipt.get("data_class"), question.person
        said = await self.ask(
            Question(ask=asked, model=self.model, json_schema=SCHEMA, data_class=data_class, person=person)
        )
        if said.refused:
            raise NoReplyError(f"the judge '{self.model}' is refused ({said.refused}): {said.text}")
        try:
            opinion = Opinion.model_validate_json(said.text)
        except ValidationError:
            raise NoReplyError(f"the judge '{self.model}' gave no judgement in JSON") from None
        return Judgement(opinion.holds, opinion.why, said.receipt.get("cost_usd"))


def judge_prompt() -> Prompt:
    """Raises ConfigurationError."""
    faults = Faults()
    prompt = read_prompt(PROMPT, faults)
    faults.raise_if_any()
    assert prompt is not None
    return prompt
