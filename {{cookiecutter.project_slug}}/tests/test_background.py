import asyncio

import pytest

from {{ cookiecutter.package_name }} import background as of_the_background
from {{ cookiecutter.package_name }}.background import background


async def test_work_that_failed_begins_again_and_ends_with_what_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_the_background, "PAUSE", 0.001)
    failures = [RuntimeError("can't start new thread"), OSError("no file descriptor is left")]
    works, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        if failures:
            raise failures.pop()
        works.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with background(work, "a test's"), asyncio.timeout(10):
        await works.wait()
    assert ended.is_set()
