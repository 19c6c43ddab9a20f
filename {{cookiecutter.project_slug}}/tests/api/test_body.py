"""How much a body may hold: what is small on the wire and large in memory is refused before it is in memory."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.body import MOST_VALUES

from tests.service import Service, Surroundings, running_service

FEW = {
    "a thousand messages": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}] * 1_000},
    "a long text with commas": {"messages": [{"role": "user", "content": "1,2," * 200_000}]},
    "JSON in a text": {"messages": [{"role": "user", "content": json.dumps([{"a": '"\\'}] * 100_000)}]},
}


@pytest.fixture
async def unlimited(tmp_path: Path, around: Surroundings) -> AsyncIterator[Service]:
    async with running_service(tmp_path, around, changes={"policy": {"limits": {}, "budgets": {}}}) as running:
        yield running


def whole(values: str) -> str:
    function = {"name": "f", "parameters": {"x": "VALUES"}}
    asked = {
        "model": "assistant",
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": function}],
    }
    return json.dumps(asked).replace('"VALUES"', values)


@pytest.mark.parametrize(
    "values",
    [
        f"[{','.join(['{}'] * MOST_VALUES)}]",
        f"[{','.join(['[[[]]]'] * (MOST_VALUES // 3))}]",
        f"[{','.join(['0'] * MOST_VALUES)}]",
        f"[{','.join(['{}'] * MOST_VALUES)}",  # what is no JSON is not even parsed to find that out
        f"[{','.join(['{}'] * MOST_VALUES)}, " + '"' * 1_000 + '\\"' * 1_000,
    ],
    ids=["objects", "lists in lists", "numbers", "cut off", "within no text"],
)
async def test_a_body_of_very_many_small_things_is_refused(unlimited: Service, values: str) -> None:
    headers = unlimited.headers(**{"Content-Type": "application/json"})
    answer = await unlimited.http.post(f"{unlimited.url}/v1/chat/completions", content=whole(values), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert f"{MOST_VALUES:,}" in answer.json()["error"]["message"]
    assert unlimited.records("started") == []


@pytest.mark.parametrize("fields", FEW.values(), ids=FEW)
async def test_a_long_conversation_and_a_long_text_are_answered(unlimited: Service, fields: dict[str, Any]) -> None:
    assert (await unlimited.ask(**fields)).status_code == 200
