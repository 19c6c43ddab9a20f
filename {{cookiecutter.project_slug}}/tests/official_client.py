from typing import Any

from openai import AsyncOpenAI

from tests.service import Service


async def whole_and_streamed(service: Service, model: str) -> tuple[str, str]:
    """What OpenAI's own client, given an address and a token and nothing else, is answered in either way."""
    question: Any = [{"role": "user", "content": "How many days of annual leave are there?"}]
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=service.issuer.token()) as client:
        whole = await client.chat.completions.create(model=model, messages=question)
        stream = await client.chat.completions.create(model=model, messages=question, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
    return whole.choices[0].message.content or "", "".join(pieces)
