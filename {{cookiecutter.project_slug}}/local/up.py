"""`python -m local.up`: the local servers and the service, in the foreground until Ctrl-C."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine

from dotenv import load_dotenv

from local.identity_provider import PEOPLE
from local.loopback import NotStartedError
from local.stack import PROJECT, Ports, ServiceEndedError, Stack, local_stack, running_service

COMMAND = "{{ cookiecutter.project_slug }}"
QUESTION = "How many days of annual leave are there?"


def ports() -> Ports:
    load_dotenv(PROJECT / ".env")
    defaults = {"PORT": 8000, "LOCAL_IDP_PORT": 8910, "LOCAL_MODEL_PORT": 8900, "LOCAL_TRACE_PORT": 8920}
    try:
        return Ports(*(int(os.environ.get(variable, port)) for variable, port in defaults.items()))
    except ValueError as fault:
        raise NotStartedError(f"A port has to be a number ({fault}): see {', '.join(defaults)}.") from None


def welcome(stack: Stack) -> str:
    rows = [f"  {who.name:6} {who.role:9} {who.tenant:7} {who.may}" for who in PEOPLE.values()]
    return "\n".join(
        (
            "",
            f"Open {stack.environment()['PUBLIC_URL']} and sign in as one of these; there are no passwords:",
            *rows,
            f"Identity provider {stack.issuer}, model server {stack.model_url},",
            f"traces {stack.trace_url}/traces. Ctrl-C stops everything.",
            f"Ask from a second terminal, in {PROJECT}:",
            f'  python3 local/venv.py {COMMAND} ask "{QUESTION}" --user ada --model handbook',
        )
    )


async def _up() -> int:
    async with local_stack(ports()) as stack, running_service(stack) as service:
        print(welcome(stack), flush=True)
        raise ServiceEndedError(await service.process.wait())


async def until_signal(running: Coroutine[None, None, int]) -> int:
    """0 after a signal; a second one while the service winds down ends it at once."""
    loop, work = asyncio.get_running_loop(), asyncio.ensure_future(running)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):  # Windows has no SIGHUP
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(work.cancel))
    try:
        return await work
    except asyncio.CancelledError:
        return 0


def main() -> int:
    try:
        return asyncio.run(until_signal(_up()))
    except NotStartedError as fault:
        print(fault, file=sys.stderr)
        return 1
    except ServiceEndedError as end:
        print(end, file=sys.stderr)
        return end.status if end.status > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
