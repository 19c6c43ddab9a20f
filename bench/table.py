"""What is printed: Markdown, ratios first, and what they are ratios of beside them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from bench.rounds import CELLS, UPSTREAM, Cell, Samples, middle, ratio
from bench.starts import Running
from bench.targets import LITELLM, PASSTHROUGH, PEERS, PROXY
from bench.trail import Throughput

Row = list[str]
# measure, peer, title
_SHARED = [
    ("cpu", PASSTHROUGH, "CPU ÷ FastAPI + aiohttp"),
    ("cpu", LITELLM, "CPU ÷ FastAPI + litellm"),
    ("p50", PASSTHROUGH, "p50 ÷ FastAPI + aiohttp"),
    ("p99", PASSTHROUGH, "p99 ÷ FastAPI + aiohttp"),
]
_RATES = [("rate", peer, f"rate ÷ {peer}") for peer in PEERS]
_STREAMED = [
    ("first_byte", UPSTREAM, "first byte ÷ upstream"),
    ("first_byte", PASSTHROUGH, "first byte ÷ FastAPI + aiohttp"),
]


def printed(samples: Samples, names: Sequence[str]) -> Iterator[str]:
    for cell in CELLS:
        yield f"\n### {cell}\n"
        yield from table(*_of_cell(samples, cell, names))
        yield f"\n{_noise(samples, cell)}"


def _of_cell(samples: Samples, cell: Cell, names: Sequence[str]) -> tuple[Row, list[Row]]:
    columns = [*_RATES, *_SHARED, *(_STREAMED if cell.stream else [])]
    columns = [one for one in columns if (cell, one[1]) in samples]
    rows = []
    for name in names:
        found = samples[cell, name]
        ratios = [number(ratio(samples, cell, name, peer, attrgetter(what))) for what, peer, _ in columns]
        beside = [
            number(middle(found, attrgetter("rate"))),
            number(middle(found, attrgetter("cpu")) * 1000),
            number(middle(found, attrgetter("first_byte" if cell.stream else "p50")) * 1000),
            str(sum(one.answers for one in found)),
            str(sum(one.failed for one in found)),
        ]
        rows.append([name, *ratios, *beside])
    beside_titles = [
        "(1/s)",
        "(CPU ms)",
        "(first byte ms)" if cell.stream else "(p50 ms)",
        "(answers)",
        "(failed)",
    ]
    return ["target", *(title for _, _, title in columns), *beside_titles], rows


def _noise(samples: Samples, cell: Cell) -> str:
    rates = [one.rate for one in samples.get((cell, PASSTHROUGH), []) if one.rate]
    if len(rates) < 2:
        return "One round shows no noise; take more."
    spread = max(rates) / min(rates)
    return f"Noise: between rounds the rate of {PASSTHROUGH} differed by a factor of {spread:.2f}."


def starts(running: Sequence[Running], samples: Samples) -> Iterator[str]:
    """Memory is what is resident after the last window of load."""
    memory = {one.target.name: _last_memory(samples, one.target.name) for one in running}
    base = next((one for one in running if one.target.name == PROXY), None)
    titles = ["(s to /livez)", "(s to ready)", "(s to first answer)", "(MiB under load)"]
    rows = []
    for one in running:
        measured = [one.start.alive, one.start.ready, one.start.answered, memory[one.target.name]]
        row = [one.target.name]
        if base:
            of = [base.start.alive, base.start.ready, base.start.answered, memory[PROXY]]
            row += [number(value / against) for value, against in zip(measured, of, strict=True)]
        rows.append([*row, *map(number, measured)])
    ratios = [f"{what} ÷ {PROXY}" for what in ("alive", "ready", "first answer", "memory")] if base else []
    yield "\n### start and memory\n"
    yield from table(["target", *ratios, *titles], rows)


def _last_memory(samples: Samples, name: str) -> float:
    found = [ones[-1].memory for (_, of), ones in samples.items() if of == name]
    return max((one for one in found if not math.isnan(one)), default=math.nan)


def trail(found: Iterable[Throughput]) -> Iterator[str]:
    rows = [
        [
            one.database,
            str(one.waiting),
            number(one.grouped / one.single),
            number(one.grouped),
            number(one.single),
        ]
        for one in found
    ]
    yield "\n### trail: group commit against one commit for each request\n"
    yield from table(["database", "waiting", "group ÷ single", "(group, 1/s)", "(single, 1/s)"], rows)


def table(titles: Row, rows: list[Row]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{' --- |' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
