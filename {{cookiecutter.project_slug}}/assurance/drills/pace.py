"""The shipped rules, and the same at another pace: an alert that takes an hour fires in a minute."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from assurance.stamp import PROJECT

OPS = PROJECT / "ops"
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
# Quoted texts and comments come first, so that what looks like a duration in them is left alone.
_TIMED = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*)"""
    rf"|(?P<span>\[[^\]]*\]|\boffset\s+-?\s*(?:{_PART.pattern})+)"
)
Rules = dict[str, Any]


def read_rules(folder: Path = OPS) -> Mapping[str, Rules]:
    """Every rule file, by its name; the rule tests have no groups of their own."""
    files = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))}
    return {name: content for name, content in files.items() if "groups" in (content or {})}


def alerts(files: Mapping[str, Rules]) -> Mapping[str, str]:
    """The runbook of each, a path in the project; empty where it names none."""
    return {rule["alert"]: rule.get("annotations", {}).get("runbook", "") for rule in _rules(files) if "alert" in rule}


def decide(files: Mapping[str, Rules]) -> tuple[str, ...]:
    """The paths in the project that drills depend on, besides those that all evidence depends on."""
    return (*(f"ops/{name}" for name in files), "docs/runbooks")


def expressions(files: Mapping[str, Rules], alert: str) -> list[str]:
    """One alert may have a rule for each of several situations."""
    return [str(rule["expr"]) for rule in _rules(files) if rule.get("alert") == alert]


def _rules(files: Mapping[str, Rules]) -> Iterator[Rules]:
    return (rule for content in files.values() for group in content["groups"] for rule in group["rules"])


def paced(content: Rules, times: float) -> Rules:
    """A rule file at so many times its pace: every duration is divided, every threshold stays.

    Groups lose their own interval, since the drills' Prometheus evaluates often enough.
    """
    return {**content, "groups": [_group(group, times) for group in content["groups"]]}


def _group(group: Rules, times: float) -> Rules:
    rest = {name: value for name, value in group.items() if name != "interval"}
    return {**rest, "rules": [_rule(rule, times) for rule in group["rules"]]}


def _rule(rule: Rules, times: float) -> Rules:
    timed = _each(rule, ("for", "keep_firing_for"), lambda text: shorter(text, times))
    return _each(timed, ("expr",), lambda text: paced_expression(text, times))


def _each(rule: Rules, names: tuple[str, ...], change: Callable[[str], str]) -> Rules:
    return {name: change(str(value)) if name in names else value for name, value in rule.items()}


def paced_expression(text: str, times: float) -> str:
    """The durations of ranges, subqueries and offsets, and no name or text that looks like one."""

    def timed(found: re.Match[str]) -> str:
        return found["kept"] or _DURATION.sub(lambda one: shorter(one[0], times), found["span"])

    return _TIMED.sub(timed, text)


def shorter(duration: str, times: float) -> str:
    milliseconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(duration))
    return f"{max(1, round(milliseconds / times))}ms" if milliseconds else duration
