"""Checks that judge a reply. A case names them in YAML: `- Says: [28 days]`.

Only Refused accepts a refusal: it must not pass DoesNotSay, for example, by saying nothing.
"""

import json
import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
from pydantic_evals.evaluators import EvaluationReason, Evaluator, EvaluatorContext

from assurance.evals.question import JSON, Question, Reply

Context = EvaluatorContext[Question, Reply, Any]
LONGEST_QUOTE = 160
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_WORD = re.compile(r"[^\W\d_]{4,}")


def plain(text: str) -> str:
    """Without what does not change the meaning: case, line breaks, no-break spaces, typographic quotes."""
    return " ".join(text.translate(str.maketrans("’‘“”", "''\"\"")).casefold().split())


def quoted(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= LONGEST_QUOTE else f'"{line[:LONGEST_QUOTE]}…"'


def said(answer: Reply) -> str:
    """Its text, and the tools that it wants called."""
    return " ".join([answer.text, *(f"{call.name}({call.arguments})" for call in answer.calls)]).strip()


class _OfAnAnswer(Evaluator[Question, Reply, Any]):
    def evaluate(self, ctx: Context) -> EvaluationReason:
        if ctx.output.refused:
            return EvaluationReason(False, f"refused ({ctx.output.refused}): {quoted(ctx.output.text)}")
        fault = self.fault(ctx.output, ctx.inputs)
        return EvaluationReason(fault is None, fault and f"{fault}: {quoted(said(ctx.output))}")

    @abstractmethod
    def fault(self, answer: Reply, question: Question) -> str | None: ...


@dataclass
class Says(_OfAnAnswer):
    texts: list[str]

    def fault(self, answer: Reply, question: Question) -> str | None:
        missing = [text for text in self.texts if plain(text) not in plain(answer.text)]
        return f"does not say {', '.join(map(repr, missing))}" if missing else None


@dataclass
class SaysOneOf(_OfAnAnswer):
    texts: list[str]

    def fault(self, answer: Reply, question: Question) -> str | None:
        answered = plain(answer.text)
        return None if any(plain(text) in answered for text in self.texts) else f"says none of {self.texts}"


@dataclass
class DoesNotSay(_OfAnAnswer):
    texts: list[str]

    def fault(self, answer: Reply, question: Question) -> str | None:
        found = [text for text in self.texts if plain(text) in plain(answer.text)]
        return f"says {', '.join(map(repr, found))}" if found else None


@dataclass
class Cites(_OfAnAnswer):
    """The title of a document in square brackets, as the prompt wants it."""

    title: str

    def fault(self, answer: Reply, question: Question) -> str | None:
        return None if f"[{plain(self.title)}]" in plain(answer.text) else f"does not cite [{self.title}]"


@dataclass
class AnsweredAs(_OfAnAnswer):
    """The data class of the receipt: it tells whether a document raised it."""

    data_class: str

    def fault(self, answer: Reply, question: Question) -> str | None:
        found = answer.receipt.get("data_class")
        return None if found == self.data_class else f"answered as {found}, not as {self.data_class}"


@dataclass
class Grounded(_OfAnAnswer):
    """Every number of the answer, and at least this share of its longer words, stand in what the case gave it."""

    least: float = 0.7

    def fault(self, answer: Reply, question: Question) -> str | None:
        given = " ".join([question.ask, *(f"{one.title} {one.text}" for one in question.documents)])
        invented = sorted(set(_NUMBER.findall(answer.text)) - set(_NUMBER.findall(given)))
        if invented:
            return f"has numbers that no document has, {', '.join(invented)}"
        words, known = list(_stems(answer.text)), set(_stems(given))
        share = sum(word in known for word in words) / max(1, len(words))
        return None if share >= self.least else f"takes {share:.0%} of its words from the documents"


def _stems(text: str) -> Iterator[str]:
    """Cut to six letters, so that an inflected word counts as the document's."""
    return (word[:6] for word in _WORD.findall(text.casefold()))


@dataclass
class CallsTool(_OfAnAnswer):
    """Which tool of the case the model wants called; of the arguments, those named here must be so."""

    name: str
    arguments: JSON = field(default_factory=dict)

    def fault(self, answer: Reply, question: Question) -> str | None:
        calls = [call for call in answer.calls if call.name == self.name]
        if not calls:
            return f"does not call {self.name}"
        fits = any(self.arguments.items() <= _object(call.arguments).items() for call in calls)
        return None if fits else f"calls {self.name} without {self.arguments}"


def _object(text: str) -> JSON:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass
class CallsNoTool(_OfAnAnswer):
    def fault(self, answer: Reply, question: Question) -> str | None:
        return f"calls {', '.join(call.name for call in answer.calls)}" if answer.calls else None


@dataclass
class FitsSchema(_OfAnAnswer):
    """The answer is JSON, and what the case's `json_schema` asked for."""

    def fault(self, answer: Reply, question: Question) -> str | None:
        try:
            jsonschema.validate(json.loads(answer.text), question.json_schema or {})
        except ValueError:
            return "is not JSON"
        except jsonschema.ValidationError as fault:
            return f"does not fit its schema ({fault.message[:LONGEST_QUOTE]})"
        return None


@dataclass
class Judged(Evaluator[Question, Reply, Any]):
    """A model's opinion, for what no rule can tell. Say what a good answer does, in one sentence."""

    criterion: str

    async def evaluate(self, ctx: Context) -> EvaluationReason:
        answer = ctx.output
        if answer.refused or answer.judge is None:
            return EvaluationReason(False, f"not judged ({answer.refused or 'no judge'}): {quoted(answer.text)}")
        judgement = await answer.judge(self.criterion, ctx.inputs, answer)
        answer.judged.append(judgement)
        return EvaluationReason(judgement.holds, f"{judgement.why} The answer: {quoted(said(answer))}")


@dataclass
class Refused(Evaluator[Question, Reply, Any]):
    code: str

    def evaluate(self, ctx: Context) -> EvaluationReason:
        if ctx.output.refused == self.code:
            return EvaluationReason(True)
        found = f"refused as {ctx.output.refused}" if ctx.output.refused else "answered"
        return EvaluationReason(False, f"{found}, not refused as {self.code}: {quoted(ctx.output.text)}")


EVALUATORS: tuple[type[Evaluator[Question, Reply, Any]], ...] = (
    Says,
    SaysOneOf,
    DoesNotSay,
    Cites,
    AnsweredAs,
    Grounded,
    CallsTool,
    CallsNoTool,
    FitsSchema,
    Judged,
    Refused,
)
