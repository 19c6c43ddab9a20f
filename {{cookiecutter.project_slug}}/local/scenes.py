"""`python -m local.scenes`: four short scenes on the real path, then it keeps serving. DEMO_ONCE=1 stops after them."""

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from {{ cookiecutter.package_name }}.commands import receipt_line

from local.loopback import NotStartedError
from local.sign_in import SignInError, access_token
from local.stack import PROJECT, ServiceEndedError, Stack, local_stack, running_service
from local.up import ports, until_signal, welcome

DATABASE = PROJECT / "service.db"
ALTERED = PROJECT / ".local" / "altered.db"
HUES = {"bold": "1", "green": "32", "dim": "2"}


class SceneFailedError(Exception):
    """What was promised and did not happen."""


class Stage:
    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.http = http
        self.url = stack.environment()["PUBLIC_URL"]

    async def ask(self, text: str, **headers: str) -> dict[str, Any]:
        token = await access_token(self.stack.issuer, "ada")
        body = {"model": "handbook", "messages": [{"role": "user", "content": text}]}
        headers["Authorization"] = f"Bearer {token}"
        async with self.http.post(f"{self.url}/v1/chat/completions", json=body, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
        return found

    async def upstream(self, action: str, plan: dict[str, Any] | None = None) -> dict[str, Any]:
        method = "GET" if plan is None else "POST"
        async with self.http.request(method, f"{self.stack.model_url}/control/{action}", json=plan) as answer:
            found: dict[str, Any] = json.loads(await answer.text() or "{}")
        return found

    async def every_adapter_is_loaded(self) -> None:
        for _ in range(600):
            async with self.http.get(f"{self.url}/readyz") as answer:
                if not (await answer.json())["loading"]:
                    return
            await asyncio.sleep(0.2)
        raise SceneFailedError("litellm did not load within two minutes")


async def an_answer_and_its_receipt(stage: Stage) -> None:
    title(1, "ada asks the handbook: How many days of annual leave do I have?")
    answer = await stage.ask("How many days of annual leave do I have?")
    expect("receipt" in answer, answer)
    tell(answer["choices"][0]["message"]["content"])
    receipt(answer["receipt"])


async def confidential_data_stays(stage: Stage) -> None:
    title(2, "ada sends confidential data, which her role may not")
    before = (await stage.upstream("stats"))["bytes"]
    answer = await stage.ask("Summarise the merger papers.", **{"X-Data-Class": "confidential"})
    sent = (await stage.upstream("stats"))["bytes"] - before
    expect(answer.get("error", {}).get("code") == "data_class_refused" and sent == 0, answer)
    tell(f"403 {answer['error']['code']}: {answer['error']['message']}")
    note(f"{sent} bytes sent to any model")


async def the_second_provider_answers(stage: Stage) -> None:
    title(3, "the first provider fails; the second speaks another wire format")
    await stage.every_adapter_is_loaded()
    await stage.upstream("fault", {"model": "local-large", "fault": "503", "times": 1})
    answer = await stage.ask("When are the offices open?")
    expect(answer.get("receipt", {}).get("attempts") == 2, answer)
    tell(answer["choices"][0]["message"]["content"])
    receipt(answer["receipt"])


async def an_altered_record_is_named(stage: Stage) -> None:
    title(4, "the audit trail verifies; in a copy, one record is altered")
    good = audit_verify(DATABASE)
    expect(good.returncode == 0, good.stdout)
    tell(good.stdout.strip())
    with contextlib.closing(sqlite3.connect(DATABASE)) as trail, contextlib.closing(sqlite3.connect(ALTERED)) as copy:
        trail.backup(copy)
        copy.execute("UPDATE audit SET body = replace(body, 'data_class_refused', 'answered') WHERE kind = 'refused'")
        copy.commit()
    bad = audit_verify(ALTERED)
    ALTERED.unlink()
    expect(bad.returncode == 1, bad.stdout)
    tell(bad.stdout.splitlines()[0])


SCENES = (an_answer_and_its_receipt, confidential_data_stays, the_second_provider_answers, an_altered_record_is_named)


def audit_verify(database: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}", "OIDC_ISSUER": "http://127.0.0.1"}
    environment.setdefault("OIDC_AUDIENCE", "not asked for here")
    command = [sys.executable, "-m", "{{ cookiecutter.package_name }}", "audit", "verify"]
    return subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)


def expect(kept: bool, found: object) -> None:
    if not kept:
        raise SceneFailedError(f"this came instead: {found}")


def hue(name: str, text: str) -> str:
    return f"\033[{HUES[name]}m{text}\033[0m" if sys.stdout.isatty() else text


def title(number: int, text: str) -> None:
    print(f"\n{hue('bold', f'{number}. {text}')}", flush=True)


def tell(text: str) -> None:
    print(f"   {hue('green', text)}", flush=True)


def note(text: str) -> None:
    print(f"   {hue('dim', text)}", flush=True)


def receipt(of: dict[str, Any]) -> None:
    for line in receipt_line(of).splitlines():
        note(line)


async def play() -> int:
    ALTERED.parent.mkdir(exist_ok=True)
    quiet = {"DATABASE_URL": f"sqlite:///{DATABASE}", "LOG_LEVEL": "ERROR"}
    print("Starting an identity provider, a model server, a trace sink and the service, all on loopback …", flush=True)
    async with local_stack(ports()) as stack, running_service(stack, quiet) as service:
        async with aiohttp.ClientSession() as http:
            for scene in SCENES:
                await scene(Stage(stack, http))
        if os.environ.get("DEMO_ONCE") == "1":
            print("\nAll four scenes played.")
            return 0
        print(welcome(stack), flush=True)
        raise ServiceEndedError(await service.process.wait())


def main() -> int:
    try:
        return asyncio.run(until_signal(play()))
    except (NotStartedError, ServiceEndedError, SignInError) as fault:
        print(fault, file=sys.stderr)
    except SceneFailedError as fault:
        print(f"The scene did not go as promised: {fault}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
