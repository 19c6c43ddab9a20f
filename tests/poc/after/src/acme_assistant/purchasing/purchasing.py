from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path

from ..configfile import Faults
from ..errors import InvalidRequest
from ..gateway import Message
from ..governance import Ask, Completion, Feature, GovernedGateway, Policy, StreamPart, WithTools, check_tools
from ..identity import Principal
from ..promptfile import Prompt
from ..promptfile import read as read_prompt
from .documents import Document, best_matches, load_documents
from .orders import ORDER_STATUS

HERE = Path(__file__).parent
ROUTE = "assistant"


class Purchasing:
    """Answers from the documents that the caller may read, and tells of the orders that are the caller's own."""

    def __init__(
        self, policy: Policy, prompt: Prompt, documents: Sequence[Document], governed: GovernedGateway
    ) -> None:
        self._governed = governed
        self._model = WithTools(governed, policy, [ORDER_STATUS])
        self._policy = policy
        self._prompt = prompt
        self._documents = documents

    def open_to(self, principal: Principal, name: str) -> bool:
        return self._governed.open_to(principal, ROUTE)

    async def complete(self, ask: Ask) -> Completion:
        return await self._model.complete(self._with_documents(ask))

    def stream(self, ask: Ask) -> AsyncGenerator[StreamPart, None]:
        return self._model.stream(self._with_documents(ask))

    def _with_documents(self, ask: Ask) -> Ask:
        question = next((one.text for one in reversed(ask.request.messages) if one.role == "user"), "")
        if not question:
            raise InvalidRequest("Purchasing wants a question: a message with the role 'user'.", param="messages")
        readable = [one for one in self._documents if self._policy.may_send(ask.principal, one.data_class)]
        chosen = best_matches(question, readable)
        quoted = "\n\n".join(f'<document title="{one.title}">\n{one.text}\n</document>' for one in chosen)
        system = Message(role="system", content=self._prompt.fill(documents=quoted or "(none)"))
        return ask.via(
            ROUTE,
            messages=[
                system,
                *(one for one in ask.request.messages if one.role not in ("system", "developer")),
            ],
            added=[one.data_class for one in chosen],
            prompt=self._prompt,
        )


def open_purchasing(policy: Policy, faults: Faults) -> Feature | None:
    """What makes a Purchasing of the governed gateway; None when its prompt has faults, which are in `faults` then."""
    documents = load_documents(HERE / "documents", policy.classes, faults)
    check_tools([ORDER_STATUS], policy, faults)
    prompt = read_prompt(HERE / "prompts" / "answer.md", faults, gives=["documents"])
    return Feature(ROUTE, partial(Purchasing, policy, prompt, documents)) if prompt else None
