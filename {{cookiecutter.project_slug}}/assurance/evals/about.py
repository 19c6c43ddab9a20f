"""What a report has to say of the run itself, so that one can tell later what was measured."""

from collections.abc import Iterator
from datetime import UTC, datetime

from {{ cookiecutter.package_name }}.configfile import Faults
from {{ cookiecutter.package_name }}.promptfile import read as read_prompt

from assurance.evals.judge import PROMPT, Judge
from assurance.evals.outcome import About
from assurance.stamp import PROJECT, stamp


def about(url: str, repeats: int, judge: Judge | None) -> About:
    """Code and prompts are those of the folder in which this runs: at another address, other ones may answer."""
    return About(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        url=url,
        repeats=repeats,
        judge=f"{judge.model}, prompt {judge.prompt.version} ({judge.prompt.digest[:12]})" if judge else "none",
        code=stamp(),
        prompts=dict(_prompts()),
    )


def _prompts() -> Iterator[tuple[str, str]]:
    for path in sorted((PROJECT / "src").rglob("prompts/*.md")):
        if path != PROMPT and (prompt := read_prompt(path, Faults())):
            yield f"{path.parent.parent.name}/{prompt.name}", f"{prompt.version} ({prompt.digest[:12]})"
