"""Words that stand for a question, an answer, a token, a key and a provider's own text: nowhere but where they belong.

The service runs as a process, with its real log at its most talkative, a collector and /metrics; both adapters, plain
and streamed, through every fault that a provider can have.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.durability.process import Process
from tests.gateway.faults import FAULTS, whole
from tests.gateway.upstream import Reply, Script, running
from tests.gateway.wires import SECRET, Wire
from tests.programs import free_port
from tests.service import Surroundings, deployment
from tests.telemetry.sink import Sink, running_sink

QUESTION, ANSWER, KEY = "sentinel-of-the-question", "sentinel-of-the-answer", "sentinel-of-the-key-4711"
SLOW_TO_SEND = {"huge", "gzip-bomb", "header-flood"}  # they hold no text of their own


def saying(script: Script) -> Script:
    """The same, but an answer holds the sentinel."""

    def said(wire: Wire, streamed: bool) -> Reply:
        reply = script(wire, streamed)
        pieces = [piece.replace(b"Hello ", f"{ANSWER} ".encode()) for piece in reply.pieces]
        grown = sum(map(len, pieces)) - sum(map(len, reply.pieces))
        return replace(reply, pieces=pieces, length=None if reply.length is None else reply.length + grown)

    return said


@dataclass
class Watched:
    """`answers` are those that are none of a model: what callers got instead."""

    process: Process
    sink: Sink
    token: str
    metrics: str
    errors: list[str]

    async def ask(self, http: httpx2.AsyncClient, model: str, **changes: Any) -> httpx2.Response:
        body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], **changes}
        answer = await http.post(
            f"{self.process.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {self.token}"}
        )
        if answer.status_code != 200:
            self.errors.append(answer.text)
        elif changes.get("stream"):
            lines = answer.text.split("\n\n")
            self.errors += [line for line in lines if line and "choices" not in line]
        return answer


@pytest.fixture
async def watched(
    tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Watched, Any]]:
    monkeypatch.setenv("MODEL_KEY", KEY)
    port = free_port()
    async with running(saying(whole)) as upstream, running_sink() as sink:
        direct, translated = (deployment(upstream.address, api_key_env="MODEL_KEY") for _ in range(2))
        translated |= {"litellm": f"anthropic/{translated.pop('openai')}", "base_url": upstream.address}
        models = {
            "deployments": {"direct": direct, "translated": translated},
            "routes": {name: {"try": [name], "deadline": "20s"} for name in ("direct", "translated")}
            | {"assistant": {"try": ["direct"]}},
        }
        process = Process(
            tmp_path,
            around,
            f"sqlite:///{tmp_path / 'service.db'}",
            models=models,
            LOG_LEVEL="DEBUG",
            METRICS_PORT=str(port),
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
            OTEL_METRIC_EXPORT_INTERVAL="500",
        )
        await process.start()
        try:
            yield Watched(process, sink, around.issuer.token(), f"http://127.0.0.1:{port}/metrics", []), upstream
        finally:
            process.kill()


async def test_no_sentinel_is_in_a_log_line_a_span_a_metric_or_an_error(watched: tuple[Watched, Any]) -> None:
    service, upstream = watched
    async with httpx2.AsyncClient(timeout=60) as http:
        for model in ("direct", "translated"):
            for streamed in (False, True):
                good = await service.ask(http, model, stream=streamed)
                assert ANSWER in good.text, good.text
                for name in FAULTS.keys() - SLOW_TO_SEND:
                    upstream.script = saying(FAULTS[name].script)
                    await service.ask(http, model, stream=streamed)
                    upstream.script = saying(whole)
                    await service.ask(http, model, stream=streamed)  # or a breaker would keep us from the next fault
                await service.ask(http, model, stream=streamed, temperature=QUESTION, seed=QUESTION)
                await service.ask(http, model, stream=streamed, messages=[{"role": "user", "text": QUESTION}])
        await asyncio.sleep(1.5)  # both exports have been made
        metrics = (await http.get(service.metrics)).text
    places = {
        "log": service.process.log(),
        "spans": b"".join(service.sink.received["/v1/traces"]).decode("latin-1"),
        "metrics sent": b"".join(service.sink.received["/v1/metrics"]).decode("latin-1"),
        "metrics fetched": metrics,
        "errors": "\n".join(service.errors),
    }
    for place, text in places.items():
        assert len(text) > 1000, place
        for sentinel in (QUESTION, ANSWER, KEY, SECRET, service.token, service.token.split(".")[-1]):
            assert sentinel not in text, (place, sentinel)
    assert "attempt_failed" in places["log"]
    assert "chat local-large" in places["spans"]
    assert all(json.loads(line) for line in places["log"].splitlines())
