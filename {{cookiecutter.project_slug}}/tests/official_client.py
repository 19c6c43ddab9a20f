from typing import Any

from openai import AsyncOpenAI

from tests.service import Service


async def completes_and_streams(service: Service, model: str) -> None:
    """OpenAI's own client, given an address and a token and nothing else."""
    question: Any = [{"role": "user", "content": "How many days of annual leave are there?"}]
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=service.issuer.token()) as client:
        whole = await client.chat.completions.create(model=model, messages=question)
        assert whole.choices[0].message.content
        stream = await client.chat.completions.create(model=model, messages=question, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert text == whole.choices[0].message.content
