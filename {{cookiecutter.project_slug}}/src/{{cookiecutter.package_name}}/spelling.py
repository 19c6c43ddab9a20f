"""Which setting was meant by one that is not known?"""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel


def hint(model: type[BaseModel], place: Sequence[Any]) -> str:
    """`place`: the way from the model down to the unknown name, as pydantic tells it."""
    *above, unknown = place
    kinds: Sequence[Any] = (model,)
    for part in above:
        kinds = list(_below(kinds, part)) or kinds
    known = {name: None for kind in kinds for name in _settings(kind)}
    meant = difflib.get_close_matches(str(unknown), known, 1)
    return f"did you mean '{meant[0]}'?" if meant else f"there are {', '.join(known)}"


def _below(kinds: Sequence[Any], part: Any) -> Iterator[Any]:
    """The types of what may stand there: a section's setting, or an entry of a dict or a list, whatever its name."""
    for kind in kinds:
        if settings := _settings(kind):
            yield from [settings[part]] if part in settings else []
        elif get_origin(kind) in (dict, list):
            yield get_args(kind)[-1]
        else:
            yield from _below(get_args(kind), part)


def _settings(kind: Any) -> dict[str, Any]:
    """Name and type of what a section may hold; nothing of what is no section."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    return {}
