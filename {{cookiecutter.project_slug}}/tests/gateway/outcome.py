import traceback
from typing import Any

from {{ cookiecutter.package_name }}.gateway import (
    Answer,
    AttemptFailed,
    Chunk,
    Gateway,
    PermittedCall,
    Usage,
)

from tests.gateway.wires import SECRET


async def answered(gateway: Gateway, call: PermittedCall, *, streamed: bool) -> Answer:
    """A stream's chunks are put together, so that both ways can be compared."""
    if not streamed:
        return await gateway.complete(call)
    return joined([chunk async for chunk in gateway.stream(call)])


def joined(chunks: list[Chunk]) -> Answer:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    usages: list[Usage | None] = [chunk.usage for chunk in chunks if chunk.usage]
    (finish,) = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
    for chunk in chunks:
        if text := chunk.delta.get("content"):
            message["content"] = (message["content"] or "") + text
        for part in chunk.delta.get("tool_calls", ()):
            if "id" in part:
                message.setdefault("tool_calls", []).append(part)
            else:
                message["tool_calls"][-1]["function"]["arguments"] += part["function"]["arguments"]
    assert len(usages) <= 1
    return Answer(message, finish, usages[0] if usages else None)


async def failure(gateway: Gateway, call: PermittedCall, *, streamed: bool) -> AttemptFailed | None:
    """None when an answer came. What is raised, however it is printed, holds nothing that the provider wrote."""
    try:
        await answered(gateway, call, streamed=streamed)
    except AttemptFailed as error:
        failed = error
    else:
        return None
    assert SECRET not in "".join(traceback.format_exception(failed)) + repr(failed)
    return failed
