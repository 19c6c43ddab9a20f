"""Removes what belongs to options that were not chosen, then says what to do next.

Like the other hook it is rendered before it runs and reads the answers as one JSON text. It needs no network,
no git and no formatter, and running it again changes nothing.
"""

import io
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any


def kept(answers: dict[str, Any]) -> dict[str, bool]:
    """The files and folders that an option decides on. All others belong to every service."""
    return {
        ".github": answers["ci"] == "github",
        ".gitlab-ci.yml": answers["ci"] == "gitlab",
        "azure-pipelines.yml": answers["ci"] == "azure",
        "config/kustomization.yaml": answers["kubernetes"],
        "ops/kubernetes": answers["kubernetes"],
        "ops/prometheus-kubernetes.yaml": answers["kubernetes"],
        "tests/ops/test_kubernetes.py": answers["kubernetes"],
    }


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def next_steps(answers: dict[str, Any], folder: Path) -> str:
    slug, example = answers["project_slug"], f"src/{answers['package_name']}/handbook/"
    wide = len(example)
    return f"""
{answers["project_name"]} is ready. What to type next:
  cd {shlex.quote(str(folder))}
  {"git init":{wide}}  so that you see what you change, and can go back
  {"make serve":{wide}}  starts it with its local identity provider and model server; no key is needed
  {"make check":{wide}}  shows that everything is in order; run it before each commit
Ask it from a second terminal:
  python3 local/venv.py {slug} ask "How many days of annual leave are there?" --user ada --model handbook
Where things are:
  {"config/models.yaml":{wide}}  which model answers: provider, region, price, order of trial
  {example}  the example; your idea takes its place, README.md says how
"""


def main(answers: dict[str, Any]) -> None:
    for path, keep in kept(answers).items():
        if not keep:
            remove(Path(path))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name in any script must not fail an ASCII terminal
    print(next_steps(answers, Path.cwd()))


if __name__ == "__main__":
    main(json.loads({{cookiecutter | tojson | tojson}}))  # type: ignore[name-defined, arg-type] # noqa: F821 rendered first
