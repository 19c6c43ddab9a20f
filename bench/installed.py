"""The peers' own programs, each in a folder of its own below build/bench, as its lock here says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.targets import NotRunError

HERE = Path(__file__).parent


def litellm_proxy(build: Path, project: Path) -> Path:
    """Its command. It has an environment of its own, since it pins what the service has in other versions."""
    return _environment(build / "litellm-proxy", "litellm-proxy.lock", project) / "litellm"


def portkey(build: Path, project: Path) -> tuple[Path, Path]:
    """Node and the script that it runs."""
    folder = build / "portkey"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "portkey" / name, folder)
    programs = _node(build, project)
    script = folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
    if not script.exists():
        path = os.pathsep.join((str(programs), os.environ.get("PATH", "")))
        _run([str(programs / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, PATH=path)
    return programs / "node", script


def _node(build: Path, project: Path) -> Path:
    """The folder of node and npm: this machine's, or that of a wheel."""
    if shutil.which("npm") and (found := shutil.which("node")):
        return Path(found).parent
    return _environment(build / "node", "node.lock", project)


def _environment(folder: Path, lock: str, project: Path) -> Path:
    """The folder of its programs. The service's own command makes it, checks hashes and knows mirrors."""
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / lock, folder / "requirements-dev.lock")
    _run([sys.executable, str(project / "local/venv.py"), "python", "-c", ""], folder)
    return folder / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def _run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NotRunError(f"cannot be installed here: {said[-1] if said else command[0]}")
