"""Prompts as files: Markdown, with owner, version and inputs in front, and a digest that trail and spans carry."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from .configfile import Faults, Section


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
    """The YAML between two lines of `---`, and the Markdown after it."""
    _, header, body = text.split("---\n", 2)
    return header, body.strip()


def read(path: Path, faults: Faults) -> Prompt | None:
    """None when the file has faults; they are in `faults` then. A variable is written `$name`."""
    name = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        front, body = split_front_matter(text)
        header = PromptHeader.model_validate(yaml.safe_load(front))
    except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
        faults.add(
            name,
            f"wants front matter with version, owner and inputs between two lines of '---' ({type(error).__name__})",
        )
        return None
    template = string.Template(body)
    if not template.is_valid() or set(template.get_identifiers()) != header.inputs:
        used = ", ".join(sorted(template.get_identifiers())) or "none"
        faults.add(
            name,
            f"uses the variables {used}, but its inputs are {', '.join(sorted(header.inputs)) or 'none'}",
        )
        return None
    return Prompt(path.stem, header.version, hashlib.sha256(text.encode()).hexdigest(), template)
