"""The paths of the generated services, as files to review.

`golden/default.txt` lists the paths that all defaults give, `golden/options.txt` what each other answer
changes about them. `make golden` rewrites both; their diff shows what a change does to generated services.
"""

import tempfile
from pathlib import Path

from tests.baking import Answers, bake, files, options

FOLDER = Path(__file__).parent / "golden"


def paths(service: Path) -> set[str]:
    return {path.relative_to(service).as_posix() for path in files(service)}


def other_answers() -> list[Answers]:
    """Each value of each option that is not its default, alone."""
    return [{name: value} for name, values in options().items() for value in values[1:]]


def title(answer: Answers) -> str:
    (name, value), *_ = answer.items()
    return f"{name} = {str(value).lower() if isinstance(value, bool) else value}"


def expected(answers: Answers) -> set[str]:
    """The paths that the golden files promise for these answers."""
    found = set((FOLDER / "default.txt").read_text(encoding="utf-8").splitlines())
    changes = recorded_changes()
    for name, value in answers.items():
        for line in changes.get(title({name: value}), []):
            found = found | {line[2:]} if line.startswith("+") else found - {line[2:]}
    return found


def recorded_changes() -> dict[str, list[str]]:
    """Lines such as `+ .gitlab-ci.yml` by the title of the answer that makes the change."""
    blocks = (FOLDER / "options.txt").read_text(encoding="utf-8").strip().split("\n\n")
    return {block.splitlines()[0]: block.splitlines()[1:] for block in blocks}


def rewrite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        default = paths(bake(Path(folder, "default")))
        (FOLDER / "default.txt").write_text("\n".join(sorted(default)) + "\n", encoding="utf-8")
        blocks = []
        for number, answer in enumerate(other_answers()):
            changed = paths(bake(Path(folder, str(number)), **answer))
            lines = [f"- {path}" for path in sorted(default - changed)]
            blocks.append([title(answer), *lines, *(f"+ {path}" for path in sorted(changed - default))])
        text = "\n\n".join("\n".join(block) for block in blocks)
        (FOLDER / "options.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    rewrite()
