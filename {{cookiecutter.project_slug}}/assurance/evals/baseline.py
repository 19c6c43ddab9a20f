"""What the answers were when somebody last called them good enough: a run, kept by the deployment that answered."""

import re
from pathlib import Path

from pydantic import ValidationError

from assurance.evals.outcome import STORED, Run, read_run
from assurance.evals.suite import SuiteError

FOLDER = Path(__file__).parent / "baselines"


def path_of(run: Run, folder: Path = FOLDER) -> Path:
    name = run.deployments[0] if run.deployments else "nobody"
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.json"


def baseline_of(run: Run, folder: Path = FOLDER) -> Run | None:
    """None where nothing was accepted of this deployment yet. Raises SuiteError for a file that is none of ours."""
    path = path_of(run, folder)
    try:
        return read_run(path) if path.exists() else None
    except ValidationError:
        raise SuiteError(f"{path} is no baseline; write it anew with --accept.") from None


def accept(run: Run, folder: Path = FOLDER) -> Path:
    """Raises SuiteError for a run that is below a threshold, or answered by nobody: it is no measure."""
    if not run.passed or not run.deployments:
        raise SuiteError("This run did not pass, so it is not accepted as a baseline.")
    path = path_of(run, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(STORED.dump_json(run, indent=1) + b"\n")
    return path
