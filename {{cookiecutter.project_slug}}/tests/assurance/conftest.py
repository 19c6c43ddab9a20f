import os
from pathlib import Path

import pytest

from tests.assurance.ready import copied, production


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In an environment that says nothing."""
    for name in list(os.environ):
        if name in production(tmp_path, "") or name in ("ENVIRONMENT", "READY_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return copied(tmp_path)
