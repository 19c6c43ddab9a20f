"""The Dockerfile, the compose file and .env.example. No image is built here: these are rules on their text."""

import re
from pathlib import Path

import pytest
import yaml

from {{ cookiecutter.package_name }}.settings import Settings

from tests.ops.deadlines import time_to_stop
from tests.ops.schema import faults

PROJECT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in DOCKERFILE.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
YAML = sorted({*PROJECT.glob("*.y*ml"), *PROJECT.glob("ops/**/*.yaml"), *PROJECT.glob("config/*.yaml")})
# Read by libraries, by config/models.yaml or by the compose files themselves.
OTHERS = re.compile(r"OTEL_\w+|[A-Z]+_API_KEY|(POSTGRES|GRAFANA)_PASSWORD|OTLP_BACKEND_URL|\w+_URL_FILE")


def given(instruction: str) -> list[str]:
    return [" ".join(words[1].split()) for words in INSTRUCTIONS if words[0] == instruction]


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_yaml_file_can_be_read(path: Path) -> None:
    assert list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_the_image_holds_what_runs_and_nothing_that_proves_it() -> None:
    copied = [words.split()[:-1] for words in given("COPY") if not words.startswith("--from=packages")]
    assert sorted(source for sources in copied for source in sources) == [
        "config",
        "migrations",
        "requirements.lock",
        "src",
    ]
    assert not given("ADD")


def test_docker_is_handed_what_the_image_holds_and_no_hidden_file_of_it() -> None:
    _, *lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines == ["*", "!src", "!config", "!migrations", "!requirements.lock", "**/.*", "**/__pycache__"]


def test_the_image_runs_as_nobody_in_particular() -> None:
    (user,) = given("USER")
    assert user == "10001:10001"
    assert [words[0] for words in INSTRUCTIONS].index("USER") > len(INSTRUCTIONS) - 4


def test_packages_are_installed_by_hash_and_never_built() -> None:
    (installed,) = [command for command in given("RUN") if "pip --python" in command]
    assert "--require-hashes -r requirements.lock" in installed
    assert "--only-binary=:all:" in installed
    assert "--no-deps" in installed
    assert not [command for command in given("RUN") if re.search(r"apt|curl|wget|gcc", command)]


def test_the_same_source_gives_the_same_image() -> None:
    """Python's own compiled files hold the time of their source, by which they would differ each time."""
    (installed,) = [command for command in given("RUN") if "pip --python" in command]
    assert "--no-compile" in installed
    compiled = [command for command in given("RUN") if "compileall" in command]
    assert len(compiled) == 2
    assert all("--invalidation-mode unchecked-hash" in command for command in compiled)


def test_no_secret_is_built_in() -> None:
    assert not given("ARG")
    assert not re.search(r"KEY|SECRET|PASSWORD|TOKEN", " ".join(given("ENV")))


def test_base_images_have_a_full_tag() -> None:
    named = {words.split()[0] for words in given("FROM")}
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", image) for image in named)
    assert len(named) == 1


def test_the_image_starts_the_service_directly_so_that_signals_reach_it() -> None:
    assert given("CMD") == ['["python", "-m", "{{ cookiecutter.package_name }}", "serve"]']
    assert not given("ENTRYPOINT")


def test_the_compose_file_is_one() -> None:
    assert faults(PROJECT / "compose.yaml", "compose-spec") == ""


def test_compose_runs_the_image_without_rights_and_with_time_to_finish() -> None:
    service = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))["services"]["service"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert int(service["stop_grace_period"].removesuffix("s")) > time_to_stop()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_compose_mounts_the_configuration_where_the_image_has_its_own() -> None:
    services = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert given("WORKDIR")[-1:] == ["/app"]
    for name in ("service", "migrate"):
        assert "./config:/app/config:ro" in services[name]["volumes"]


def test_env_example_names_only_settings_that_exist() -> None:
    lines = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = re.findall(r"^#? *([A-Z][A-Z_]+)=", "\n".join(lines), re.MULTILINE)
    assert len(named) >= 8
    for name in named:
        assert name.lower() in Settings.model_fields or OTHERS.fullmatch(name), name


def test_env_example_sets_nothing_and_holds_no_secret() -> None:
    for line in (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines():
        assert not line or line.startswith("#")
        if found := re.match(r"#(\w*(?:KEY|SECRET|PASSWORD|DATABASE_URL|REDIS_URL))=(.*)", line):
            assert found[2] == ""
