"""`make bench`; see README.md beside this file."""

import argparse
import asyncio
import functools
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench import goals, installed, table, targets
from bench.process import keep_off_the_targets_core
from bench.rounds import UPSTREAM, measure, warm
from bench.starts import Running, started
from bench.surroundings import Surroundings, surroundings
from bench.targets import NotRunError, Target
from bench.trail import throughput

PACKAGE = "acme_assistant"
TRAIL_SECONDS = 1.0


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Ratios against peers, in one run.")
    parser.add_argument(
        "--only", default="", help="names of targets hold one of these words, split by commas"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of one window of load")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def offered(around: Surroundings, build: Path) -> dict[str, Callable[[], Target]]:
    python, bare = sys.executable, functools.partial(targets.bare, around, sys.executable)
    return {
        **targets.services(around, python, PACKAGE),
        targets.LITELLM: functools.partial(bare, "litellm", targets.LITELLM),
        targets.PASSTHROUGH: functools.partial(bare, "passthrough", targets.PASSTHROUGH),
        targets.PROXY: lambda: targets.proxy(around, installed.litellm_proxy(build, around.project)),
        targets.PORTKEY: lambda: targets.portkey(around, *installed.portkey(build, around.project)),
    }


@asynccontextmanager
async def running(
    around: Surroundings, build: Path, words: list[str], left_out: list[str]
) -> AsyncIterator[list[Running]]:
    found: list[Running] = []
    try:
        for name, make in offered(around, build).items():
            if words and not any(word.lower() in name.lower() for word in words):
                left_out.append(f"{name}: not run: not asked for")
                continue
            say(f"starting {name}")
            try:
                found.append(await started(make, around.folder))
            except NotRunError as reason:
                left_out.append(f"{name}: not run: {reason}")
        yield found
    finally:
        for one in found:
            one.process.stop()


async def main(asked: argparse.Namespace, folder: Path, project: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, task.cancel
    )  # what was started is stopped then too
    words = [word.strip() for word in asked.only.split(",") if word.strip()]
    left_out: list[str] = []
    begun = time.monotonic()
    async with surroundings(folder, project, sys.executable) as around:
        async with running(around, project.parent, words, left_out) as found:
            upstream = Target(UPSTREAM, around.upstream_port, targets.always({}))
            everyone = [one.target for one in found]
            await warm(everyone)
            samples, faults = await measure(found, upstream, asked.rounds, asked.seconds, say)
        say("trail")
        written = [] if words and "trail" not in words else await throughput(around, TRAIL_SECONDS)
    print(
        f"Medians of {asked.rounds} alternating rounds of {asked.seconds:g} s; "
        f"{time.monotonic() - begun:.0f} s in all."
    )
    print("Only ratios within this run mean something; what stands in brackets is what they are ratios of.")
    for line in table.printed(samples, [UPSTREAM, *(one.name for one in everyone)]):
        print(line)
    for line in table.starts(found, samples):
        print(line)
    for line in table.trail(written):
        print(line)
    print("\n### goals\n")
    for line in table.table(["goal", "wanted", *goals.DATABASES], list(goals.rows(samples, found))):
        print(line)
    print(*("", *left_out, *faults), sep="\n")
    return 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    keep_off_the_targets_core()
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        sys.exit(asyncio.run(main(options(), Path(made), Path.cwd())))
