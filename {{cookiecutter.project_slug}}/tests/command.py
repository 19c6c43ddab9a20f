"""The command as a person runs it: in a process of its own, or in this one, which spares the second that it begins."""

import os
import subprocess
import sys

from click.testing import CliRunner, Result

from {{ cookiecutter.package_name }}.cli import main

from tests.issuer import AUDIENCE

USUAL = {"OIDC_ISSUER": "http://127.0.0.1:1", "OIDC_AUDIENCE": AUDIENCE}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "{{ cookiecutter.package_name }}", *arguments]
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment = {**os.environ, **USUAL, **path, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def invoked(*arguments: str, **environment: str) -> Result:
    return CliRunner(env={**USUAL, **environment}).invoke(main, arguments)
