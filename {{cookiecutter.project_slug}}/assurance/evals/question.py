"""What is asked of the service, over HTTP, and what came back."""

import asyncio
import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
from pydantic import BaseModel

TRIES = 5  # for a question that is refused with 429
LONGEST_WAIT = 60.0  # seconds, for one of them
JSON = dict[str, Any]


class Document(BaseModel, extra="forbid", frozen=True):
    title: str
    text: str

    def quoted(self) -> str:
        return f'<document title="{html.escape(self.title)}">\n{self.text}\n</document>'


class Turn(BaseModel, extra="forbid", frozen=True):
    role: Literal["user", "assistant"]
    content: str


class Question(BaseModel, extra="forbid", frozen=True):
    """`inputs` of a case. Without a class the service takes its policy's default.

    `person` is one of the local people, for what depends on who asks; else it is the evaluation's own client.
    `documents` come before the question, `earlier` turns before both. `tools` are OpenAI's functions.
    """

    ask: str
    model: str
    system: str | None = None
    earlier: tuple[Turn, ...] = ()
    documents: tuple[Document, ...] = ()
    tools: tuple[JSON, ...] = ()
    json_schema: JSON | None = None
    data_class: str | None = None
    person: str | None = None

    def body(self) -> JSON:
        system = [{"role": "system", "content": self.system}] if self.system else []
        asked = "\n\n".join([*(one.quoted() for one in self.documents), self.ask])
        turns = [*(one.model_dump() for one in self.earlier), {"role": "user", "content": asked}]
        body: JSON = {"model": self.model, "messages": [*system, *turns]}
        if self.tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in self.tools]
        if self.json_schema:
            wanted = {"name": "answer", "schema": self.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return body


@dataclass(frozen=True)
class Call:
    """A tool that the model wants called. `arguments` as it wrote them: a text that should be JSON."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Judgement:
    holds: bool
    why: str
    cost_usd: float | None


@dataclass(frozen=True)
class Reply:
    """An answer with its receipt, or a refusal with its code. `judged`: what was asked about it, and what that cost."""

    text: str
    refused: str | None = None
    receipt: JSON = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    judge: Callable[..., Awaitable[Judgement]] | None = field(default=None, repr=False, compare=False)
    judged: list[Judgement] = field(default_factory=list, compare=False)


class NoReplyError(Exception):
    """The service neither answered nor refused: no judgement is possible."""


@dataclass(frozen=True)
class Asker:
    """`tokens`: by the person's name, and "" for the evaluation's own client."""

    http: aiohttp.ClientSession
    url: str
    tokens: Mapping[str, str]

    async def __call__(self, question: Question) -> Reply:
        """Waits as long as it is told when it asks too fast, since limits hold for evaluations too."""
        headers = {"Authorization": f"Bearer {self.tokens[question.person or '']}"}
        if question.data_class:
            headers["X-Data-Class"] = question.data_class
        where = f"{self.url}/v1/chat/completions"
        for left in reversed(range(TRIES)):
            async with self.http.post(where, json=question.body(), headers=headers) as answer:
                wait = answer.headers.get("Retry-After", "")
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS or not left or not wait.isdigit():
                    return await _reply(answer)
            await asyncio.sleep(min(float(wait), LONGEST_WAIT))
        raise AssertionError("the last try returns")


async def _reply(answer: aiohttp.ClientResponse) -> Reply:
    try:
        body = await answer.json()
        if answer.status == HTTPStatus.OK:
            message = body["choices"][0]["message"]
            called = [one["function"] for one in message.get("tool_calls") or ()]
            calls = tuple(Call(one["name"], one["arguments"]) for one in called)
            return Reply(message.get("content") or "", receipt=body["receipt"], calls=calls)
        code, message = body["error"]["code"], body["error"]["message"]
    except (aiohttp.ContentTypeError, ValueError, KeyError, TypeError):
        raise NoReplyError(f"status {answer.status} with a body that is not the service's") from None
    if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
        return Reply(message, refused=code)
    raise NoReplyError(f"status {answer.status}, {code}: {message}")
