import traceback

from {{ cookiecutter.package_name }}.gateway import Answer, AttemptFailed, Chunk, Failure, Gateway, PermittedCall, Usage

from tests.gateway.upstream import SECRET


async def answered(gateway: Gateway, call: PermittedCall, *, streamed: bool) -> Answer:
    """A stream's chunks put together, so that both ways can be compared."""
    if not streamed:
        return await gateway.complete(call)
    chunks = [chunk async for chunk in gateway.stream(call)]
    return joined(chunks)


def joined(chunks: list[Chunk]) -> Answer:
    finishes = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
    usages: list[Usage] = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(finishes) == 1
    assert len(usages) <= 1
    text = "".join(chunk.delta.get("content", "") for chunk in chunks)
    return Answer({"role": "assistant", "content": text}, finishes[0], usages[0] if usages else None)


async def failure(gateway: Gateway, call: PermittedCall, *, streamed: bool) -> AttemptFailed | None:
    """None when an answer came. What is raised, however it is printed, holds nothing that the provider wrote."""
    try:
        await answered(gateway, call, streamed=streamed)
    except AttemptFailed as failed:
        assert SECRET not in "".join(traceback.format_exception(failed)) + repr(failed)
        return failed
    return None
