"""A Prometheus of one's own, on a free port of loopback: it scrapes, evaluates rules, and is asked."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from local.loopback import NotStartedError, listen

INTERVAL_SECONDS = 0.5  # of scraping and of evaluating rules
START_SECONDS = 60


class ProgramMissingError(NotStartedError):
    """What to install, in one line."""


class QueryRefusedError(Exception):
    """Prometheus's own words on an expression."""


@dataclass(frozen=True)
class Sample:
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    url: str
    _http: aiohttp.ClientSession

    async def query(self, expression: str) -> list[Sample]:
        """The current value of an expression that gives a vector. Raises QueryRefusedError if it is invalid."""
        found = await self._ask("query", query=expression)
        return [Sample(one["metric"], float(one["value"][1])) for one in found["result"]]

    async def firing(self) -> dict[str, list[Mapping[str, str]]]:
        """The labels of what fires, by the alert's name."""
        found: dict[str, list[Mapping[str, str]]] = {}
        for one in (await self._ask("alerts"))["alerts"]:
            if one["state"] == "firing":
                found.setdefault(one["labels"]["alertname"], []).append(one["labels"])
        return found

    async def _ask(self, what: str, **words: str) -> Any:
        async with self._http.get(f"{self.url}/api/v1/{what}", params=words) as answer:
            body = await answer.json()
        if body["status"] != "success":
            raise QueryRefusedError(body["error"])
        return body["data"]


def look_for_programs(*others: str) -> None:
    """Prometheus's and `others`. Raises ProgramMissingError."""
    if missing := [name for name in ("prometheus", "promtool", *others) if not shutil.which(name)]:
        raise ProgramMissingError(
            f"{', '.join(missing)} must be on the PATH. Debian's package prometheus has promtool too, and so has "
            "each archive of prometheus.io/download."
        )


@contextlib.asynccontextmanager
async def prometheus(
    folder: Path, scraped: Mapping[str, str], rules: Sequence[Path] = (), seconds: float = INTERVAL_SECONDS
) -> AsyncIterator[Prometheus]:
    """Yields when it has fetched each of `scraped` once: the address `host:port` of each job.

    ProgramMissingError, NotStartedError with what it wrote.
    """
    look_for_programs()
    (folder / "prometheus.json").write_text(json.dumps(_configuration(scraped, rules, seconds)), encoding="utf-8")
    with listen(0, "the port") as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus", *_words(folder, address), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
            await _until_ready(f"http://{address}", http, process, folder / "prometheus.log")
            asked = Prometheus(f"http://{address}", http)
            await _until_scraped(asked, len(scraped))
            yield asked
    finally:
        if process.returncode is None:
            process.kill()  # nobody reads its data afterwards
        await process.wait()


def _configuration(scraped: Mapping[str, str], rules: Sequence[Path], seconds: float) -> dict[str, Any]:
    """As JSON, which is YAML too."""
    interval = f"{round(seconds * 1000)}ms"
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [address]}]} for job, address in scraped.items()
        ],
    }


def _words(folder: Path, address: str) -> list[str]:
    return [
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--storage.tsdb.retention.time=100y",
        "--log.level=warn",
    ]


async def _until_ready(url: str, http: aiohttp.ClientSession, process: Process, log: Path) -> None:
    last = time.monotonic() + START_SECONDS
    while process.returncode is None and time.monotonic() < last:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.get(f"{url}/-/ready") as answer:
                if answer.ok:
                    return
        await asyncio.sleep(0.05)
    raise NotStartedError(f"Prometheus did not start: {_end_of(log)}")


async def _until_scraped(asked: Prometheus, targets: int) -> None:
    """It takes seconds until it looks at its targets for the first time, and what they count until then is unseen."""
    last = time.monotonic() + START_SECONDS
    while time.monotonic() < last:
        if len(await asked.query("up == 1")) >= targets:
            return
        await asyncio.sleep(0.1)
    raise NotStartedError(f"Prometheus could not fetch the metrics of {targets} targets; does each of them answer?")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-1000:]
