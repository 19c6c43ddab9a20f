"""Signed heads of the chains, in a folder outside of the database: what a chain alone cannot show, they can."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import structlog

from ..background import persistent
from ..telemetry import Metrics
from .event import now
from .signing import SigningKeys
from .trail import Trail

SECONDS, RECORDS = 10.0, 100  # whichever comes first; in idle hours too the folder is looked at
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`binding`: it was there before the trail was read, so that its record must be there as well."""

    at: str
    hash: str
    key: str
    seq: int
    writer: str
    signature: str
    binding: bool = True

    def signed(self) -> str:
        """What the signature covers: canonical JSON, as of a record."""
        return _canonical({name: getattr(self, name) for name in ("at", "hash", "key", "seq", "writer")})

    def line(self) -> str:
        return _canonical({**json.loads(self.signed()), "signature": self.signature})


class Checkpoints:
    """The folder: one file per writer, a checkpoint a line, only ever appended to."""

    def __init__(self, folder: Path, keys: SigningKeys) -> None:
        self.folder = folder
        self.keys = keys

    def path(self, writer: str) -> Path:
        return self.folder / f"{writer}.jsonl"

    def sizes(self) -> dict[str, int]:
        """Of each writer's file by now: taken before the trail is read, it tells which checkpoints bind it."""
        return {path.stem: path.stat().st_size for path in sorted(self.folder.glob("*.jsonl"))}

    def read(self, writer: str, size: int = 0) -> Iterator[Checkpoint]:
        """In the file's order; those in its first `size` bytes bind. Raises ValueError at a line that is none."""
        end = 0
        with suppress(FileNotFoundError, NotADirectoryError), self.path(writer).open("rb") as file:
            for number, line in enumerate(file, start=1):
                end += len(line)
                if not line.endswith(b"\n"):
                    return  # torn by a crash
                yield self._checkpoint(writer, f"line {number}", line, binding=end <= size)

    def last(self, writer: str) -> Checkpoint | None:
        """Raises ValueError if the last line is no valid checkpoint."""
        with self.path(writer).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4_096))  # a line has 400 bytes
            whole = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
        return self._checkpoint(writer, "the last line", whole[-1], binding=True) if whole else None

    def _checkpoint(self, writer: str, line_name: str, line: bytes, *, binding: bool) -> Checkpoint:
        place = f"{line_name} of {self.path(writer).name}"
        try:
            found = Checkpoint(**json.loads(line), binding=binding)
            whole = found.line().encode() + b"\n" == line and (type(found.seq), type(found.at)) == (int, str)
            whole = whole and found.writer == writer
        except (ValueError, TypeError, RecursionError):
            whole = False
        if not whole:
            raise ValueError(f"{place} is no checkpoint of this writer")
        if not self.keys.verify(found.key, found.at, found.signed(), found.signature):
            raise ValueError(f"{place} is not signed with a key of AUDIT_SIGNING_KEY, or after its end")
        return found


class Checkpointer:
    """Writes one trail's checkpoints. A failure is logged, counted and shown; calls go on."""

    def __init__(self, trail: Trail, checkpoints: Checkpoints, metrics: Metrics | None = None) -> None:
        self._trail = trail
        self._checkpoints = checkpoints
        self._metrics = metrics
        self._seq = self._size = 0
        self._tried = b""  # lines that were not written, or not whole
        self._signed: int | None = None  # the last record whose checkpoint is on the disk
        self._stopping = False
        self.failing = False

    def stop(self) -> None:
        self._stopping = True
        self._trail.moved.set()

    async def run(self) -> None:
        await self._due()
        while not self._stopping:
            await asyncio.to_thread(self.write)
            await self._due()

    async def _due(self) -> None:
        until = time.monotonic() + SECONDS
        while not self._stopping and self._trail.durable[0] - self._seq < RECORDS:
            self._trail.moved.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self._trail.moved.wait()
            except TimeoutError:
                return

    def write(self) -> None:
        """Blocks until the head that is durable now is on the disk beside the database, or is known to be not.

        Where that stands there already nothing is added, but a folder that is away or closed is noticed all the same.
        """
        seq, digest = self._trail.durable
        try:
            self._append(Checkpoint(now(), digest, self._checkpoints.keys.key, seq, self._trail.writer, ""))
        except OSError as error:
            self.failing = True
            if self._metrics:
                self._metrics.checkpoint_failures.add(1)
            _log.error("checkpoint_failed", error=type(error).__name__, folder=str(self._checkpoints.folder))
        else:
            self.failing = False
        self._seq = seq  # of the last try: the next one is due when another would be

    def _append(self, unsigned: Checkpoint) -> None:
        self._checkpoints.folder.mkdir(parents=True, exist_ok=True)
        with self._checkpoints.path(self._trail.writer).open("ab") as file:
            if (unsigned.seq, _size(file)) == (self._signed, self._size):
                return
            self._size = min(self._size, _size(file))
            standing = _uncut(file, self._size)
            signature = self._checkpoints.keys.sign(unsigned.signed())
            line = replace(unsigned, signature=signature).line().encode() + b"\n"
            begun = self._tried[: self._tried.find(b"\n", standing - 1) + 1] if standing else b""
            self._tried = begun + line
            file.write(self._tried[standing:])
            file.flush()
            os.fsync(file.fileno())
            if not self._size:
                _sync_folder(self._checkpoints.folder)
            self._size, self._tried, self._signed = _size(file), b"", unsigned.seq


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _uncut(file: BinaryIO, size: int) -> int:
    """Cuts off the half line that a full disk left. In an append-only file it stays, and the next write completes it.

    Returns how many bytes of it stay. If there is no half line the file is left alone, since append-only files
    refuse truncation even to their own length.
    """
    if _size(file) > size:
        with suppress(OSError):
            os.ftruncate(file.fileno(), size)
    return _size(file) - size


@asynccontextmanager
async def checkpointing(checkpointer: Checkpointer) -> AsyncIterator[Checkpointer]:
    """Writes a checkpoint before the first record, since a chain without one counts as forged, and one at the end."""
    await asyncio.to_thread(checkpointer.write)
    task = asyncio.create_task(persistent(checkpointer.run, "checkpointer"), name="checkpointer")
    try:
        yield checkpointer
    finally:
        checkpointer.stop()
        await task
        await asyncio.to_thread(checkpointer.write)


def _sync_folder(folder: Path) -> None:
    """So that the file's name survives a power cut too; Windows has no way to ask for it."""
    with suppress(PermissionError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _canonical(value: dict[str, object]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
