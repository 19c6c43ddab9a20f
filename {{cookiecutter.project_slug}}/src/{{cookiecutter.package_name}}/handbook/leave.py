from pathlib import Path

import yaml
from pydantic import BaseModel

from ..configfile import Section
from ..governance import Ask, Tool
from ..identity import Permission

FILE = Path(__file__).parent / "leave.yaml"


class NoArguments(Section):
    """Whose days they are the model does not choose."""


class LeaveLeft(BaseModel):
    days_left: int
    of: int


async def _left(ask: Ask, _: NoArguments) -> LeaveLeft | str:
    """Of the person who asks; a system of record takes the file's place."""
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    taken = found["taken"].get(ask.principal.subject)
    if taken is None:
        return "Nothing is known about this person's leave."
    return LeaveLeft(days_left=found["days"] - taken, of=found["days"])


LEAVE = Tool(
    name="days_of_leave_left",
    description="How many days of annual leave the person who asks has left this year.",
    arguments=NoArguments,
    permission=Permission.ASK,
    data_class="internal",
    run=_left,
)
