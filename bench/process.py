"""A program under measurement: started on its own core, and what it and its children use."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Of a process and its children: CPU seconds so far, resident memory in MiB; None without /proc."""

    cpu: float | None
    memory: float | None


class Process:
    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        *,
        on_its_own_core: bool = True,
    ) -> None:
        with log.open("ab") as output, _on_the_first_core() if on_its_own_core else nullcontext():
            self._process = subprocess.Popen(
                command,
                # As an image has it: without compiled byte code every start takes two to three times as long.
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def usage(self) -> Usage:
        if not (PROC / "self/stat").exists():
            return Usage(None, None)
        found = [one for pid in _tree(self.pid) if (one := _usage_of(pid))]
        return Usage(sum(cpu for cpu, _ in found), sum(memory for _, memory in found))

    def stop(self) -> None:
        if self.ended:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def _on_the_first_core() -> Iterator[None]:
    """A child inherits where its parent may run: targets get the first core, all else shares the others."""
    if len(CORES) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def keep_off_the_targets_core() -> None:
    if len(CORES) >= 2:
        os.sched_setaffinity(0, CORES[1:])


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in (PROC / str(pid) / "task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def _usage_of(pid: int) -> tuple[float, float] | None:
    """proc(5): fields 14 to 17 of stat are ticks, its own and those of children that have ended."""
    try:
        stat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    resident = int(status.partition("VmRSS:")[2].split()[0]) if "VmRSS:" in status else 0
    return sum(map(int, stat[11:15])) / TICKS, resident / 1024
