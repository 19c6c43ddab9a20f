"""A real browser, driven by the protocol of its developer tools."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.programs import program

STARTS_WITHIN = 30  # seconds
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
    "--window-size=900,700",
)


class RefusedError(Exception):
    """The browser did not do it."""


class Page:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.complaints: list[str] = []  # scripts that failed, and what the content security policy forbade

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = json.loads(await self._socket.receive_str(timeout=STARTS_WITHIN))
            if message.get("id") == number:
                if "error" in message:
                    raise RefusedError(message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        entry = message.get("params", {}).get("entry", {})
        if message.get("method") == "Runtime.exceptionThrown" or entry.get("source") == "security":
            self.complaints.append(json.dumps(message))

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def does(self, script: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str) -> Any:
        """Its value, as soon as it is a true one: a page that is still loading counts as not yet."""
        value = None
        for _ in range(STARTS_WITHIN * 20):
            with contextlib.suppress(RefusedError):  # it went on to another page meanwhile
                answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
                if value := answer["result"].get("value") if "exceptionDetails" not in answer else None:
                    return value
            await asyncio.sleep(0.05)
        where = await self.does("location.href + ' ' + document.body?.innerText")
        raise AssertionError(f"never came true: {script}; the page is {where}")

    async def screenshot(self) -> bytes:
        """As PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    command = program("chromium", package="Debian's package chromium")
    profile = Path(tempfile.mkdtemp(prefix="chromium-"))
    as_root = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        command, *QUIET, *as_root, f"--user-data-dir={profile}", "about:blank", stdout=nowhere, stderr=nowhere
    )
    try:
        port = await _port(profile / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                address = next(one["webSocketDebuggerUrl"] for one in await answer.json() if one["type"] == "page")
            async with http.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _port(file: Path, process: asyncio.subprocess.Process) -> str:
    for _ in range(STARTS_WITHIN * 20):
        assert process.returncode is None, f"chromium ended with status {process.returncode}"
        if port := _first_line(file):
            return port
        await asyncio.sleep(0.05)
    raise AssertionError("chromium did not start")


def _first_line(file: Path) -> str | None:
    return next(iter(file.read_text(encoding="utf-8").splitlines()), None) if file.exists() else None
