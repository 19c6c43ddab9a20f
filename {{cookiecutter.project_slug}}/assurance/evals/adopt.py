"""`python -m assurance.evals adopt ID` makes a case of feedback whose conversation somebody shared.

ID is the feedback's id, read from DATABASE_URL and on the record; or `-`: what the command `feedback show` printed,
beside a database that this machine does not reach.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from {{ cookiecutter.package_name }}.feedback import Disclosed, disclose
from {{ cookiecutter.package_name }}.governance import Policy, each_text, open_scrub
from {{ cookiecutter.package_name }}.services import open_feedback_seal, read_configuration
from {{ cookiecutter.package_name }}.settings import read_settings
from {{ cookiecutter.package_name }}.store import open_recorder

from assurance.evals.suite import HERE, SuiteError

ADOPTED = HERE / "cases" / "adopted.yaml"
HEADING = """\
# What real users asked. Read each before you commit it: rules of redaction find patterns, not names. Then say by more
# than the judge what a good answer is, and give the case a name that says what it is about.
name: adopted
cases:
"""
GOOD = 0.5  # a score from here on praises the answer


def main(words: Sequence[str]) -> int:
    """Raises SuiteError, or ConfigurationError."""
    parser = argparse.ArgumentParser(prog="python -m assurance.evals adopt", description=__doc__)
    parser.add_argument("id", help="the feedback's id, or - for what `feedback show` printed")
    parser.add_argument("--file", type=Path, default=ADOPTED, help="where the case goes")
    chosen = parser.parse_args(words)
    settings = read_settings()
    policy = read_configuration(settings).policy
    shared = (
        _read(sys.stdin.read())
        if chosen.id == "-"
        else disclose(open_recorder(settings), open_feedback_seal(settings), chosen.id)
    )
    if shared is None:
        raise SuiteError(f"Nothing is kept for {chosen.id}: nothing was shared, or its time is over.")
    case = case_of(shared, policy)
    add(chosen.file, case, shared.words.get("comment"))
    print(f"{chosen.file} has the case {case['name']}. Read it before you commit it.")
    return 0


def _read(text: str) -> Disclosed:
    try:
        return TypeAdapter(Disclosed).validate_json(text)
    except ValidationError:
        raise SuiteError("That is not what `feedback show` prints.") from None


def case_of(shared: Disclosed, policy: Policy) -> dict[str, Any]:
    """Raises SuiteError if no conversation was shared, or if its class is too sensitive for a repository."""
    if "conversation" not in shared.words:
        raise SuiteError("Only a comment was given: the person did not share the conversation.")
    allowed = policy.data_class(None)
    if policy.highest(shared.data_class, allowed) != allowed:
        raise SuiteError(
            f"The conversation is {shared.data_class}, and the code is read by more people than may see that. "
            "Write a case by hand that asks the same with invented data."
        )
    *before, asked, answer = each_text(shared.words["conversation"], open_scrub(*policy.patterns))
    system = "\n".join(turn["content"] for turn in before if turn["role"] == "system")
    earlier = [turn for turn in before if turn["role"] != "system"]
    inputs = {"model": shared.model, "ask": asked["content"], "system": system, "earlier": earlier}
    return {
        "name": f"feedback_{shared.id[:8]}",
        "inputs": {name: value for name, value in inputs.items() if value} | {"data_class": shared.data_class},
        "evaluators": [{"Judged": _criterion(shared, answer["content"])}],
    }


def _criterion(shared: Disclosed, answer: str) -> str:
    if shared.score >= GOOD:
        return f"The answer says what this one says, which a user found good: {answer}"
    complaint = shared.words.get("comment") or "it was of no use"
    return f"The answer is better than this one, of which a user said '{complaint}': {answer}"


def add(file: Path, case: dict[str, Any], comment: str | None) -> None:
    """Appends the case; the rest of the file stays as it is."""
    present = file.read_text(encoding="utf-8") if file.exists() else HEADING
    if case["name"] in {one["name"] for one in yaml.safe_load(present)["cases"] or ()}:
        raise SuiteError(f"{file} has the case {case['name']} already.")
    written = yaml.safe_dump([case], sort_keys=False, allow_unicode=True, width=110)
    remark = f"# a user said: {json.dumps(comment, ensure_ascii=False)}\n" if comment else ""
    file.write_text(f"{present.rstrip()}\n{textwrap.indent(remark + written, '  ')}", encoding="utf-8")
