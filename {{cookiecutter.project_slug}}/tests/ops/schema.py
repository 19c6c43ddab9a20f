import subprocess
import sys
from pathlib import Path


def faults(file: Path, schema: str) -> str:
    """What is wrong with the file by a schema that check-jsonschema brings along, or nothing."""
    # Without the variant, a pattern of Azure's own schema is refused as a regular expression.
    words = ("--builtin-schema", f"vendor.{schema}", "--regex-variant", "nonunicode", str(file))
    command = [sys.executable, "-m", "check_jsonschema", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr
