"""docs/settings.md has a row for every setting, with its default, and none for what nobody reads."""

from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from {{ cookiecutter.package_name }}.settings import Settings

from tests.docs.pages import DOCS, PROJECT, names, rows

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
NAMED_BY_CONFIGURATION = {"ANTHROPIC_API_KEY", "LOCAL_MODEL_URL", "OPENAI_API_KEY"}
READ_BY_THE_LOCAL_STACK = {"LOCAL_IDP_PORT", "LOCAL_MODEL_PORT", "LOCAL_TRACE_PORT"}


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    found = [name for row in rows(PAGE) for name in names(row[0])]
    assert sorted(found) == sorted({*FIELDS, *READ_BY_LIBRARIES, *NAMED_BY_CONFIGURATION, *READ_BY_THE_LOCAL_STACK})


def test_a_row_is_whole_and_has_the_setting_s_default() -> None:
    for name, default, meaning, example, source in rows(PAGE):
        assert meaning and example and source, name
        field = FIELDS.get(name.strip("`"))
        if field and name != "`OTEL_SERVICE_NAME`":
            assert default == shown(field.default), name


def test_the_local_stack_s_variables_are_those_that_it_reads() -> None:
    read = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "local").glob("*.py"))
    assert [name for name in READ_BY_THE_LOCAL_STACK if f'"{name}"' not in read] == []


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
