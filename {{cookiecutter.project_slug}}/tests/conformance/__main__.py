"""Runs every case of every family, and writes the tables of docs/conformance.md."""

import asyncio
import tempfile
from pathlib import Path

from tests.conformance.bench import bench
from tests.conformance.cases import CASES
from tests.conformance.families import FAMILIES
from tests.conformance.page import PAGE, write
from tests.conformance.talk import cell
from tests.service import surroundings


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with surroundings() as around, bench(Path(folder), around) as opened:
            found = {
                (family.name, case): await cell(opened, family, CASES[case]) for family in FAMILIES for case in CASES
            }
    write(found)
    print(f"Written: {PAGE}")  # noqa: T201 - for whoever wrote it again


if __name__ == "__main__":
    asyncio.run(main())
