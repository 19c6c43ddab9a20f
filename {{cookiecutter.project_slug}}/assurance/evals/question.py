"""What is asked of the service, over HTTP, and what came back."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic import BaseModel


class Question(BaseModel, extra="forbid", frozen=True):
    """`inputs` of a case. Without a class the service takes its policy's default."""

    ask: str
    model: str
    system: str | None = None
    data_class: str | None = None

    def body(self) -> dict[str, Any]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        return {"model": self.model, "messages": [*system, {"role": "user", "content": self.ask}]}


@dataclass(frozen=True)
class Reply:
    """An answer with its receipt, or a refusal with its code."""

    text: str
    refused: str | None = None
    receipt: dict[str, Any] = field(default_factory=dict)


class NoReplyError(Exception):
    """The service neither answered nor refused: no judgement is possible."""


@dataclass(frozen=True)
class Asker:
    http: aiohttp.ClientSession
    url: str
    token: str

    async def __call__(self, question: Question) -> Reply:
        headers = {"Authorization": f"Bearer {self.token}"}
        if question.data_class:
            headers["X-Data-Class"] = question.data_class
        where = f"{self.url}/v1/chat/completions"
        async with self.http.post(where, json=question.body(), headers=headers) as answer:
            return await _reply(answer)


async def _reply(answer: aiohttp.ClientResponse) -> Reply:
    try:
        body = await answer.json()
        if answer.status == HTTPStatus.OK:
            return Reply(body["choices"][0]["message"]["content"] or "", receipt=body["receipt"])
        code, message = body["error"]["code"], body["error"]["message"]
    except (aiohttp.ContentTypeError, ValueError, KeyError, TypeError):
        raise NoReplyError(f"status {answer.status} with a body that is not the service's") from None
    if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
        return Reply(message, refused=code)
    raise NoReplyError(f"status {answer.status}, {code}: {message}")
