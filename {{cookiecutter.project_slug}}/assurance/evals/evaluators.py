"""What a reply is judged by. A case names them in YAML: `- Says: [28 days]`.

Only Refused accepts a refusal: what was never said must not count as discretion.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from pydantic_evals.evaluators import EvaluationReason, Evaluator, EvaluatorContext

from assurance.evals.question import Question, Reply

Judged = EvaluatorContext[Question, Reply, Any]
LONGEST_QUOTE = 160


def plain(text: str) -> str:
    """Without what does not change the meaning: case, line breaks, no-break spaces, typographic quotes."""
    return " ".join(text.translate(str.maketrans("’‘“”", "''\"\"")).casefold().split())


def quoted(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= LONGEST_QUOTE else f'"{line[:LONGEST_QUOTE]}…"'


class _OfAnAnswer(Evaluator[Question, Reply, Any]):
    def evaluate(self, ctx: Judged) -> EvaluationReason:
        if ctx.output.refused:
            return EvaluationReason(False, f"refused ({ctx.output.refused}): {quoted(ctx.output.text)}")
        fault = self.fault(ctx.output)
        return EvaluationReason(fault is None, fault and f"{fault}: {quoted(ctx.output.text)}")

    @abstractmethod
    def fault(self, answer: Reply) -> str | None: ...


@dataclass
class Says(_OfAnAnswer):
    texts: list[str]

    def fault(self, answer: Reply) -> str | None:
        missing = [text for text in self.texts if plain(text) not in plain(answer.text)]
        return f"does not say {', '.join(map(repr, missing))}" if missing else None


@dataclass
class SaysOneOf(_OfAnAnswer):
    texts: list[str]

    def fault(self, answer: Reply) -> str | None:
        said = plain(answer.text)
        return None if any(plain(text) in said for text in self.texts) else f"says none of {self.texts}"


@dataclass
class DoesNotSay(_OfAnAnswer):
    texts: list[str]

    def fault(self, answer: Reply) -> str | None:
        said = [text for text in self.texts if plain(text) in plain(answer.text)]
        return f"says {', '.join(map(repr, said))}" if said else None


@dataclass
class Cites(_OfAnAnswer):
    """The title of a document in square brackets, as the prompt wants it."""

    title: str

    def fault(self, answer: Reply) -> str | None:
        return None if f"[{plain(self.title)}]" in plain(answer.text) else f"does not cite [{self.title}]"


@dataclass
class AnsweredAs(_OfAnAnswer):
    """The data class of the receipt: it tells whether a document raised it."""

    data_class: str

    def fault(self, answer: Reply) -> str | None:
        found = answer.receipt.get("data_class")
        return None if found == self.data_class else f"answered as {found}, not as {self.data_class}"


@dataclass
class Refused(Evaluator[Question, Reply, Any]):
    code: str

    def evaluate(self, ctx: Judged) -> EvaluationReason:
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
    Refused,
)
