"""Refuses answers from which no working service can be made: one line for each, then status 1.

Cookiecutter renders this file with Jinja before it runs it. The answers come in as one JSON text, inside a
Python literal that the second `tojson` writes, so no answer can end that literal. Without rendering the file
is valid Python too, so that it can be checked and tested.
"""

import json
import keyword
import re
import sys

CHOICES = {"license": ("Apache-2.0", "MIT", "Proprietary"), "ci": ("github", "gitlab", "azure")}
LONGEST = {"project_name": 60, "description": 200, "owner": 80}
LONGEST_NAME = 40

# The service's own folders, names that Windows keeps for devices, and all that requirements-dev.lock installs
# (tests/test_template.py compares).
TAKEN = set(
    """
assurance bin build config dist docs hooks local migrations ops src test tests venv pip python setuptools
wheel pkg_resources
aux com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 con lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9
nul prn
aiohappyeyeballs aiohttp aiosignal alembic annotated_doc annotated_types anyio ast_serialize async_timeout
attr attrs authlib boto3 botocore certifi cffi charset_normalizer check_jsonschema click colorama
cryptography dateutil deprecated distro dotenv editables execnet fastapi fastuuid filelock frozenlist fsspec
genai_prices google googleapis_common_protos griffe griffelib grimp h11 h2 hatchling hf_xet hpack httpcore
httpcore2 httptools httpx httpx2 httpx2_jsfetch huggingface_hub hyperframe hypothesis idna import_linter
importlib_metadata importlinter iniconfig jinja2 jiter jmespath joserfc jsonschema jsonschema_specifications
librt limits litellm logfire_api mako markdown_it markdown_it_py markupsafe mdurl multidict mypy
mypy_extensions mypyc openai opentelemetry opentelemetry_api opentelemetry_exporter_http_transport
opentelemetry_exporter_otlp_common opentelemetry_exporter_otlp_proto_common
opentelemetry_exporter_otlp_proto_http opentelemetry_exporter_prometheus opentelemetry_proto
opentelemetry_sdk opentelemetry_semantic_conventions orjson packaging pathspec pluggy prometheus_client
propcache protobuf psycopg psycopg_binary py pycparser pydantic pydantic_ai pydantic_ai_slim pydantic_core
pydantic_evals pydantic_graph pydantic_settings pygments pytest pytest_asyncio pytest_xdist
python_dateutil python_dotenv
pyyaml redis referencing regex regress requests rich rpds rpds_py ruamel ruamel_yaml ruff s3transfer six
sniffio sortedcontainers sqlalchemy starlette structlog tiktoken tiktoken_ext tokenizers tomlkit tqdm
trove_classifiers truststore types_pyyaml typing_extensions typing_inspection tzdata urllib3 uv uvicorn
uvloop wrapt xdist yaml yarl zipp
boolean boolean_py cyclonedx cyclonedx_python_lib defusedxml license_expression packageurl packageurl_python
py_serializable
    """.split()  # noqa: SIM905 one name a line would be 160 lines
)


def text_problem(text: str, longest: int) -> str | None:
    if not text.strip():
        return "is empty; write at least one letter"
    if len(text) > longest:
        return f"has {len(text)} characters; write at most {longest}"
    if re.search("[{][%#{]", text):  # spelt so that Jinja sees no delimiter of its own here
        return (
            "has a brace followed by a brace, % or #, which templates carry out as code; leave the braces out"
        )
    if odd := next((c for c in text if not c.isprintable() or ord(c) > 0xFFFF), None):
        return (
            f"has the character U+{ord(odd):04X}; write one line of letters, digits, spaces and punctuation"
        )
    return None


def name_problem(name: str, separator: str) -> str | None:
    if len(name) > LONGEST_NAME or not re.fullmatch(f"[a-z][a-z0-9]*({separator}[a-z0-9]+)*", name):
        return (
            f"must start with a small letter and hold only small letters, digits and single '{separator}' "
            f"between them, at most {LONGEST_NAME} characters; for example my{separator}service"
        )
    module = name.replace("-", "_")
    if module in TAKEN or module in sys.stdlib_module_names or keyword.iskeyword(module):
        return (
            "is already the name of a Python module, a dependency or a folder of the service; "
            f"write for example {name}{separator}service"
        )
    return None


def problems(answers: dict[str, object]) -> list[str]:
    """One line for each answer that cannot be used; it says what to answer instead."""
    found = {name: text_problem(str(answers[name]), longest) for name, longest in LONGEST.items()}
    found["project_slug"] = name_problem(str(answers["project_slug"]), "-")
    found["package_name"] = name_problem(str(answers["package_name"]), "_")
    for name, choices in CHOICES.items():
        found[name] = (
            None if answers[name] in choices else f"is none of {', '.join(choices)}; write one of them"
        )
    if not isinstance(answers["kubernetes"], bool):
        found["kubernetes"] = (
            "must be true or false; before version 2.7 cookiecutter hands on other words as they are"
        )
    # A terminal must not carry out what an answer holds, so it is shown escaped.
    return [f"{name} {ascii(answers[name])[:60]} {problem}" for name, problem in found.items() if problem]


def main(answers: dict[str, object]) -> None:
    found = problems(answers)
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(json.loads({{cookiecutter | tojson | tojson}}))  # type: ignore[name-defined, arg-type] # noqa: F821 rendered first
