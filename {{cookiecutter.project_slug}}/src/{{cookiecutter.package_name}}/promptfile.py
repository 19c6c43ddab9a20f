"""Prompts as files: Markdown, with owner, version and inputs in front, and a digest that trail and spans carry."""

import hashlib
import string
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from .configfile import Faults, Section, parse, shown


class PromptHeader(Section):
    version: str
    owner: str
    inputs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Prompt:
    name: str
    version: str
    digest: str
    template: string.Template

    def fill(self, **inputs: str) -> str:
        return self.template.substitute(inputs)


def split_front_matter(text: str) -> tuple[str, str]:
    """The YAML between two lines of `---`, and the Markdown after it. Raises ValueError where there is none.

    The YAML begins with an empty line in the place of the first `---`, so that its line numbers are the file's.
    """
    before, header, body = f"\n{text}".split("\n---\n", 2)
    if before:
        raise ValueError("something stands before the front matter")
    return f"\n{header}", body.strip()


def read(path: Path, faults: Faults, *, gives: Collection[str] | None = None) -> Prompt | None:
    """None when the file has faults; they are in `faults` then. A variable is written `$name`.

    `gives`: the variables that the code fills in, if known; a mismatch with the file's inputs is a fault.
    """
    name = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
        front, body = split_front_matter(text)
    except (OSError, ValueError):
        faults.add(name, "is missing, or has no front matter with version, owner and inputs between two lines of '---'")
        return None
    file = parse(name, front, PromptHeader, faults)
    if file is None:
        return None
    header, template = file.content, string.Template(body)
    if not template.is_valid() or set(template.get_identifiers()) != header.inputs:
        used = ", ".join(sorted(template.get_identifiers())) or "none"
        faults.add(
            name,
            f"uses the variables {used}, but its inputs are {', '.join(sorted(header.inputs)) or 'none'}",
        )
        return None
    if gives is not None and header.inputs != set(gives):
        faults.add(
            name, f"wants {', '.join(sorted(header.inputs)) or 'no input'}, but is given {', '.join(sorted(gives))}"
        )
        return None
    return Prompt(path.stem, header.version, hashlib.sha256(text.encode()).hexdigest(), template)
