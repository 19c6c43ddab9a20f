"""docs/settings.md has a row for every setting, with its default, and none for what nobody reads."""

import re
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from {{ cookiecutter.package_name }}.settings import Settings

from tests.docs.pages import DOCS, PROJECT, names, rows, text

PAGE = DOCS / "settings.md"
FIELDS = {name.upper(): field for name, field in Settings.model_fields.items()}
READ_BY_LIBRARIES = {
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "PIP_INDEX_URL",
    "SSL_CERT_FILE",
    "UV_DEFAULT_INDEX",
}
DEFAULT_IN_WORDS = {"`AUDIT_SIGNING_KEY`", "`OTEL_SERVICE_NAME`", "`SECRET_KEY`"}
SET_BY_CLOUDS = {
    *("AZURE_AUTHORITY_HOST", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
    *("AZURE_TENANT_ID", "GCE_METADATA_HOST", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
}
NAMED_BY_CONFIGURATION = {"ANTHROPIC_API_KEY", "LOCAL_MODEL_URL", "OPENAI_API_KEY"}
READ_AROUND_THE_SERVICE = {
    "EVAL_CLIENT_ID",
    "EVAL_CLIENT_SECRET",
    "EVAL_ISSUER",
    "EVAL_TOKEN",
    "EVAL_URL",
    "GRAFANA_PASSWORD",
    "LOCAL_IDP_PORT",
    "LOCAL_MODEL_PORT",
    "LOCAL_TRACE_PORT",
    "OTLP_BACKEND_URL",
    "POSTGRES_PASSWORD",
}


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    found = [name for row in rows(PAGE) for name in names(row[0])]
    others = {*READ_BY_LIBRARIES, *SET_BY_CLOUDS, *NAMED_BY_CONFIGURATION, *READ_AROUND_THE_SERVICE}
    assert sorted(found) == sorted({*FIELDS, *others})


def test_a_row_is_whole_and_has_the_setting_s_default() -> None:
    for name, default, meaning, example, source in rows(PAGE):
        assert all((meaning, example, source)), name
        field = FIELDS.get(name.strip("`"))
        if field and name not in DEFAULT_IN_WORDS:
            assert default == shown(field.default), name


def test_what_stands_around_the_service_reads_its_variables() -> None:
    programs = [*PROJECT.glob("local/*.py"), *PROJECT.glob("assurance/**/*.py")]
    sources = [*programs, PROJECT / "compose.yaml", PROJECT / "ops" / "compose.yaml"]
    read = "".join(text(path) for path in sources)
    assert [name for name in READ_AROUND_THE_SERVICE if not re.search(rf"\b{name}\b", read)] == []


def test_the_example_of_an_env_file_names_settings_only() -> None:
    named = re.findall(r"^#?([A-Z_]+)=", text(PROJECT / ".env.example"), re.MULTILINE)
    documented = {name for row in rows(PAGE) for name in names(row[0])}
    assert [name for name in named if name not in documented] == []


def shown(default: Any) -> str:
    match default:
        case None:
            return "not set"
        case []:
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case Path():
            return f"`{default.as_posix()}`"
        case _:
            return "required" if default is PydanticUndefined else f"`{default}`"
