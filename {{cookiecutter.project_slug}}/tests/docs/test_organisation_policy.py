"""docs/organisation-policy.md: its file is one, its table has every part, and its refusal is what a caller reads."""

from pathlib import Path

import pytest
import yaml

from {{ cookiecutter.package_name }}.configfile import Faults, read
from {{ cookiecutter.package_name }}.errors import DataClassRefused
from {{ cookiecutter.package_name }}.governance import OverlayFile, Policy
from {{ cookiecutter.package_name }}.services import read_configuration
from {{ cookiecutter.package_name }}.settings import Settings

from tests.docs.pages import DOCS, blocks, names, rows
from tests.governance.policies import who
from tests.service import TESTED

PAGE = DOCS / "organisation-policy.md"


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    """Of the tests' own config/, within the page's file."""
    (overlay,) = blocks(PAGE, "yaml")
    (tmp_path / "organisation").mkdir()
    file = tmp_path / "organisation" / "policy.yaml"
    file.write_text(overlay, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return read_configuration(Settings(config_dir=TESTED, organisation_policy=file)).policy


def test_the_table_has_every_part_of_the_file() -> None:
    assert [name for part, _ in rows(PAGE) for name in names(part)] == list(OverlayFile.model_fields)


def test_the_file_of_the_page_tightens_what_it_says(policy: Policy) -> None:
    assert policy.uncovered()  # the tests' deployments stand outside of the EU
    assert policy.ceiling(who("analyst")) == "internal"
    assert policy.limits(who("analyst")).tenant.requests_per_minute == 300
    assert policy.budgets.user
    assert policy.budgets.user.usd_per_day == 2
    assert policy.redactions("internal") == {"secret", "card", "iban", "email", "national_id"}


def test_the_refusal_of_the_page_is_what_a_caller_reads(policy: Policy) -> None:
    (shown,) = blocks(PAGE, "text")
    with pytest.raises(DataClassRefused) as refused:
        policy.permit(who("analyst"), "confidential", "assistant")
    assert f"{refused.value.message}\n" == shown


def test_the_service_accepts_every_part_that_it_documents(tmp_path: Path) -> None:
    (overlay,) = blocks(PAGE, "yaml")
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(overlay) | {"default_class": "internal"}), encoding="utf-8")
    faults = Faults()
    assert read(file, OverlayFile, faults)
    assert faults.found == []
