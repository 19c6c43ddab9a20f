"""What litellm knows of models: prices, and when one ends. Read from its file: importing it takes seconds."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def known_models() -> dict[str, dict[str, Any]]:
    found = find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    table = Path(found.origin).parent / "model_prices_and_context_window_backup.json"
    return dict(json.loads(table.read_text(encoding="utf-8")))
