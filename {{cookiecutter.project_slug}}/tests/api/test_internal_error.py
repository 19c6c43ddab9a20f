"""A fault of our own: whoever may read our answers can read that one too, and only the log has its cause."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import services
from {{ cookiecutter.package_name }}.governance import Feature
from {{ cookiecutter.package_name }}.telemetry import names

from tests.api.test_errors import PLANTED, Broken
from tests.service import Service, Surroundings, running_service
from tests.telemetry.sink import Sink, attributes

PAGE = "https://chat.example.com"
CALLER = "00-0123456789abcdef0123456789abcdef-00f067aa0ba902b7-01"


@pytest.fixture
async def broken(
    tmp_path: Path, around: Surroundings, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    monkeypatch.setattr(
        services, "_features", lambda policy, faults: {"broken": Feature("assistant", lambda governed: Broken())}
    )
    async with running_service(tmp_path, around, cors_origins=[PAGE], otel_exporter_otlp_endpoint=sink.url) as running:
        yield running


async def test_a_page_of_an_allowed_origin_may_read_it(broken: Service) -> None:
    answer = await broken.ask(model="broken", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (500, PAGE)
    assert answer.headers.get_list("X-Request-Id") == [answer.json()["error"]["request_id"]]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    foreign = await broken.ask(model="broken", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign.headers


async def test_the_log_has_the_cause_once_and_the_span_its_kind_alone(
    broken: Service, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await broken.ask(model="broken", headers={"traceparent": CALLER})
    (fault,) = caplog.records
    assert fault.exc_info is not None
    assert PLANTED in str(fault.exc_info[1])
    request, *_ = await sink.whole(CALLER.split("-")[1])
    assert attributes(request)[names.ERROR_TYPE] == "internal_error"
    assert PLANTED not in str(request)
