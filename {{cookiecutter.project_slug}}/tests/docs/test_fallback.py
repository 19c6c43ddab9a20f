"""The table of docs/fallback.md, compared with the failures and with what the chain does about each."""

import re
from contextlib import suppress

import pytest

from {{ cookiecutter.package_name }}.errors import ServiceError
from {{ cookiecutter.package_name }}.gateway import AttemptFailed, ChainGateway, Failure, ScriptedGateway
from {{ cookiecutter.package_name }}.gateway.pace import SHORTEST
from {{ cookiecutter.package_name }}.telemetry import open_telemetry

from tests.docs.pages import DOCS, names, rows, text
from tests.gateway.calls import deployment, permitted_call
from tests.gateway.schedules import TOLERANCE

PAGE = DOCS / "fallback.md"
TABLE = {names(row[0])[0]: row[2:5] for row in rows(PAGE)}
FAILURES = {failure.label: failure for failure in Failure}


def test_the_table_has_every_failure_in_order() -> None:
    assert list(TABLE) == list(FAILURES)


@pytest.mark.parametrize("failure", Failure, ids=lambda failure: failure.label)
async def test_the_chain_does_what_the_table_says(failure: Failure) -> None:
    failing, answering = ScriptedGateway(AttemptFailed(failure)), ScriptedGateway("Hello.")
    first, second = deployment("first", litellm="a/b"), deployment("second", litellm="a/b")
    with open_telemetry(service="test", version="0", environment="local", otlp=False, metrics_port=None) as telemetry:
        chain = ChainGateway({"first": failing, "second": answering}, telemetry)
        with suppress(ServiceError):
            await chain.complete(permitted_call(first, second))
        for _ in range(limit() - 1):
            with pytest.raises(ServiceError) as refused:
                await chain.complete(permitted_call(first))
    tried_next, counts, gets = TABLE[failure.label]
    assert bool(answering.calls) == (tried_next == "yes")
    assert (chain.failing() == ["first"]) == (counts == "yes")
    assert f"{refused.value.status} `{refused.value.code}`" == gets


async def test_one_failure_less_than_documented_leaves_the_breaker_closed() -> None:
    failing = ScriptedGateway(AttemptFailed(Failure.SERVER_ERROR))
    with open_telemetry(service="test", version="0", environment="local", otlp=False, metrics_port=None) as telemetry:
        chain = ChainGateway({"first": failing}, telemetry)
        for _ in range(limit() - 1):
            with pytest.raises(ServiceError):
                await chain.complete(permitted_call(deployment("first", litellm="a/b")))
    assert chain.failing() == []


def test_the_tolerance_and_the_shortest_attempt_are_those_of_the_page() -> None:
    assert TOLERANCE == 0.5
    assert re.search(r"at most half a second after its deadline", text(PAGE))
    assert re.search(rf"less than {SHORTEST * 1000:g} ms left", text(PAGE))


def limit() -> int:
    """Failures in a row, as the page says it in a word."""
    found = re.search(r"^(\w+) failures in a row", text(PAGE), re.MULTILINE)
    assert found
    return {"Three": 3, "Four": 4, "Five": 5, "Six": 6}[found[1]]
