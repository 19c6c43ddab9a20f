"""Each secret that a page of settings lists can be replaced: the runbook of keys says how."""

import re

import pytest

from {{ cookiecutter.package_name }}.settings import SECRETS

from tests.docs.pages import DOCS, names, rows, text
from tests.docs.test_settings import NAMED_BY_CONFIGURATION

_SOUNDS_SECRET = re.compile(r"\w+_(SECRET|TOKEN|PASSWORD|KEY|OTLP_HEADERS)")
LISTED = {name for row in rows(DOCS / "settings.md") for name in names(row[0]) if _SOUNDS_SECRET.fullmatch(name)}


@pytest.mark.parametrize("name", sorted({*LISTED, *map(str.upper, SECRETS)} - NAMED_BY_CONFIGURATION))
def test_the_runbook_of_keys_says_how_it_is_replaced(name: str) -> None:
    assert f"`{name}`" in text(DOCS / "runbooks" / "key-rotation.md")
