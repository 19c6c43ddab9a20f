"""Reads configuration files, and reports all their faults at once with file and line."""

import os
from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from .spelling import hint

Place = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """A part of a configuration file: an unknown key is a fault, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConfigurationError(Exception):
    """Every fault of the configuration, one a line; the service does not start."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass
class Faults:
    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.found.append(f"{where}: {what}")

    def raise_if_any(self) -> None:
        if self.found:
            raise ConfigurationError(self.found)


@dataclass(frozen=True)
class ConfigFile(Generic[M]):
    name: str
    content: M
    lines: dict[Place, int]

    def names(self, section: str) -> KeysView[str]:
        """The names of a section's entries in order, including faulty entries, which `content` lacks."""
        return {str(place[1]): None for place in self.lines if len(place) == 2 and place[0] == section}.keys()

    def at(self, *place: str | int) -> str:
        """`file:line` of `place`, or of its nearest parent that is in the file."""
        return locate(self.name, self.lines, place)


def locate(name: str, lines: dict[Place, int], place: Place) -> str:
    while place and place not in lines:
        place = place[:-1]
    return f"{name}:{lines.get(place, 1)}"


def shown(path: Path) -> str:
    """The path relative to the working directory; for a file outside of it, only its folder and name."""
    path, here = path.absolute(), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else f"{path.parent.name}/{path.name}"


def secret(name: str) -> str | None:
    """The variable NAME, or the content of the file that NAME_FILE names; None where neither gives one.

    Raises ConfigurationError where the file cannot be read.
    """
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name) or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            [f"{name}_FILE: cannot be read ({type(error).__name__}); name a file that holds the secret"]
        ) from None


_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")}


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        # Aliases allow documents that expand without bound, and make a file harder to review.
        if self.check_event(yaml.AliasEvent):
            mark = parent.start_mark if parent else None
            raise yaml.composer.ComposerError(None, None, "anchors are not allowed; write the value out", mark)
        return super().compose_node(parent, index)


def read(path: Path, model: type[M], faults: Faults) -> ConfigFile[M] | None:
    """None when the file has faults; they are in `faults` then."""
    before = len(faults.found)
    file = salvage(path, model, faults)
    return file if len(faults.found) == before else None


def salvage(path: Path, model: type[M], faults: Faults, setting: str = "CONFIG_DIR") -> ConfigFile[M] | None:
    """The parts of a file without faults, so that checking can go on. The service must not start with the result.

    `setting` is the one that says where the file is.
    """
    name = shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.add(name, f"cannot be read ({type(error).__name__}); {setting} must say where it is")
        return None
    found = _content(name, text, faults)
    return _validate(name, *found, model, faults) if found else None


def parse(name: str, text: str, model: type[M], faults: Faults) -> ConfigFile[M] | None:
    """None when the text has faults; they are in `faults` then, by `name` and line."""
    before = len(faults.found)
    found = _content(name, text, faults)
    file = _validate(name, *found, model, faults) if found and len(faults.found) == before else None
    return file if len(faults.found) == before else None


def _content(name: str, text: str, faults: Faults) -> tuple[Any, dict[Place, int]] | None:
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        return (_value(node, (), lines, faults, name) if node else {}), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        faults.add(f"{name}:{mark.line + 1 if mark else 1}", f"not valid YAML: {problem}")
    except RecursionError:
        faults.add(name, "is nested too deeply")
    return None


def _validate(name: str, content: Any, lines: dict[Place, int], model: type[M], faults: Faults) -> ConfigFile[M] | None:
    try:
        return ConfigFile(name, model.model_validate(content), lines)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            place = tuple(part for part in fault["loc"] if part != "[key]")
            faults.add(
                locate(name, lines, place), f"{'.'.join(map(str, place)) or 'the file'}: {_wording(fault, model)}"
            )
            content = _without(content, place)
    try:
        return ConfigFile(name, model.model_validate(content), lines)
    except ValidationError:
        return None


def _without(content: Any, place: Place) -> Any:
    """Without the entry that holds the place: a deployment, a class, a section."""
    match place:
        case (section, entry, *_) if isinstance(content, dict) and isinstance(content.get(section), dict):
            left = {name: value for name, value in content[section].items() if name != entry}
            return {**content, section: left}
        case (section, *_) if isinstance(content, dict):
            return {name: value for name, value in content.items() if name != section}
        case _:
            return content


def _wording(fault: Any, model: type[BaseModel]) -> str:
    if fault["type"] != "extra_forbidden":
        return str(fault["msg"]).removeprefix("Value error, ")
    return f"is not a known setting; {hint(model, fault['loc'])}"


def _value(node: yaml.Node, place: Place, lines: dict[Place, int], faults: Faults, name: str) -> Any:
    lines[place] = line = node.start_mark.line + 1
    if node.tag not in _TAGS:
        faults.add(f"{name}:{line}", f"the tag {node.tag} is not allowed here")
        return None
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, place, lines, faults, name))
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, i), lines, faults, name) for i, item in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except ValueError:
        faults.add(f"{name}:{line}", f"'{node.value[:40]}' is no {node.tag.rpartition(':')[2]}; put a text into quotes")
        return None


def _pairs(
    node: yaml.MappingNode, place: Place, lines: dict[Place, int], faults: Faults, name: str
) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key, str):
            faults.add(f"{name}:{line}", "a key must be one word")
            continue
        if key in seen:
            faults.add(f"{name}:{line}", f"'{key}' stands here a second time; first on line {seen[key]}")
            continue
        seen[key] = line
        value = _value(value_node, (*place, key), lines, faults, name)
        lines[(*place, key)] = line
        yield key, value
