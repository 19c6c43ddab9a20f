from decimal import Decimal
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.configfile import Faults, read
from {{ cookiecutter.package_name }}.gateway import Catalogue, ModelsFile, build_catalogue
from {{ cookiecutter.package_name }}.gateway.modelsfile import Price

from tests.gateway.calls import deployment

GOOD = """\
deployments:
  near:
    openai: qwen3
    base_url: ${MODEL_SERVER:-http://127.0.0.1:8900}/v1
    region: eu
    retention_days: 0
    trains_on_data: false
    hosted_by: self
    price: {input_per_million: 0.25, output_per_million: 2}
  far:
    litellm: anthropic/claude
    api_key_env: FAR_KEY
    region: us
    retention_days: 30
    trains_on_data: false
    hosted_by: provider
routes:
  assistant:
    try: [near, far]
    deadline: 60s
    first_token: 500ms
    gap: 1.5m
"""


def catalogue(tmp_path: Path, text: str) -> tuple[Catalogue | None, list[str]]:
    path = tmp_path / "config" / "models.yaml"
    path.parent.mkdir()
    path.write_text(text)
    faults = Faults()
    file = read(path, ModelsFile, faults)
    return (build_catalogue(file, faults) if file else None), faults.found


def test_a_good_file_has_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAR_KEY", "key")
    built, faults = catalogue(tmp_path, GOOD)
    assert faults == []
    assert built
    route = built.routes["assistant"]
    assert [one.name for one in route.deployments] == ["near", "far"]
    assert (route.deadline, route.first_token, route.gap) == (60.0, 0.5, 90.0)
    near, far = route.deployments
    assert (near.provider, near.model, near.entry.base_url) == ("openai", "qwen3", "http://127.0.0.1:8900/v1")
    assert (far.provider, far.model, far.api_key()) == ("anthropic", "anthropic/claude", "key")
    assert far.declared_at == "config/models.yaml:10"


def test_an_address_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAR_KEY", "key")
    monkeypatch.setenv("MODEL_SERVER", "https://models.acme.example")
    built, _ = catalogue(tmp_path, GOOD)
    assert built
    assert built.deployments["near"].entry.base_url == "https://models.acme.example/v1"


@pytest.mark.parametrize(
    ("written", "instead", "line", "words"),
    [
        ("openai: qwen3", "openai: qwen3\n    litellm: a/b", 2, "name the model once"),
        ("    base_url: ${MODEL_SERVER:-http://127.0.0.1:8900}/v1\n", "", 2, "needs the server's base_url"),
        ("anthropic/claude", "claude", 10, "names the provider too"),
        ("${MODEL_SERVER:-http://127.0.0.1:8900}/v1", "ftp://models/v1", 4, "base_url"),
        ("${MODEL_SERVER:-http://127.0.0.1:8900}/v1", "https://ada:pass@models/v1", 4, "base_url"),
        ("trains_on_data: false\n    hosted_by: self", "hosted_by: self", 2, "trains_on_data"),
        ("retention_days: 30", "retention_days: -1", 14, "retention_days"),
        ("hosted_by: provider", "hosted_by: somebody", 16, "hosted_by"),
        ("hosted_by: provider", "hosted_by: provider\n    regoin: eu", 17, "is not a known setting"),
        ("api_key_env: FAR_KEY", "api_key_env: sk-live", 12, "api_key_env"),
        ("api_key_env: FAR_KEY", "lacks: [sed]", 10, "there is no sed"),
        ("api_key_env: FAR_KEY", "api_key_env: FAR_KEY\n    identity: azure", 10, "not both"),
        ("api_key_env: FAR_KEY", "identity: aws", 10, "of use to bedrock only"),
        ("api_key_env: FAR_KEY", "aws_region: eu-central-1", 10, "of use to bedrock only"),
        ("api_key_env: FAR_KEY", "api_version: v1", 10, "of use to azure only"),
        ("anthropic/claude", "vertex_ai/gemini", 10, "use its address for OpenAI's format"),
        ("0.25", "-1", 9, "price"),
        ("deadline: 60s", "deadline: 60", 20, "write 500ms, 60s or 2m"),
        ("deadline: 60s", "deadline: 0s", 20, "deadline"),
        ("[near, far]", "[]", 19, "try"),
        ("[near, far]", "[near, fra]", 19, "no deployment is called 'fra'; there are near, far"),
    ],
)
def test_a_fault_is_told_by_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, instead: str, line: int, words: str
) -> None:
    monkeypatch.setenv("FAR_KEY", "key")
    assert written in GOOD
    _, faults = catalogue(tmp_path, GOOD.replace(written, instead))
    (fault,) = faults
    assert fault.startswith(f"config/models.yaml:{line}: ")
    assert words in fault


@pytest.mark.parametrize(
    ("entry", "identity"),
    [
        ({"litellm": "bedrock/m"}, "aws"),
        ({"litellm": "bedrock/m", "api_key_env": "BEDROCK_KEY"}, None),
        ({"litellm": "azure/m", "identity": "azure"}, "azure"),
        ({"openai": "m", "base_url": "https://models.acme.example/v1", "identity": "google"}, "google"),
        ({"litellm": "anthropic/m"}, None),
    ],
)
def test_bedrock_without_a_key_is_asked_by_a_role(entry: dict[str, str], identity: str | None) -> None:
    assert deployment(**entry).identity == identity


def test_a_missing_key_is_told_with_both_ways_to_give_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    _, faults = catalogue(tmp_path, GOOD)
    (fault,) = faults
    assert fault.startswith("config/models.yaml:12: 'far' takes its key from FAR_KEY, which is not set;")
    assert fault.endswith("write it into .env, or set FAR_KEY_FILE")


def test_a_deployment_on_no_route_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    _, faults = catalogue(tmp_path, GOOD.replace("[near, far]", "[near]"))
    assert faults == []


def test_a_key_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAR_KEY", raising=False)
    (tmp_path / "key").write_text("from-file\n")
    monkeypatch.setenv("FAR_KEY_FILE", str(tmp_path / "key"))
    built, faults = catalogue(tmp_path, GOOD)
    assert faults == []
    assert built
    assert built.deployments["far"].api_key() == "from-file"


@pytest.mark.parametrize(
    ("tokens", "micro_usd"), [((0, 0), 0), ((1, 0), 1), ((4, 0), 1), ((5, 0), 2), ((1_000_000, 1_000_000), 2_250_000)]
)
def test_money_is_whole_micro_dollars_rounded_up(tokens: tuple[int, int], micro_usd: int) -> None:
    assert Price(input_per_million=Decimal("0.25"), output_per_million=Decimal(2)).micro_usd(*tokens) == micro_usd


@pytest.mark.parametrize(
    ("served", "fault"),
    [
        ("{serves: embeddings, try: [one, same]}", None),
        ("{serves: embeddings, try: [one, other]}", "tries different models"),
        ("{serves: embeddings, try: [one, near]}", "tries different models"),
        ("{serves: embeddings, try: [near]}", "'near' is tried for chat, too"),
        ("{serves: images, try: [one]}", "chat"),
    ],
)
def test_an_embedding_route_is_of_one_model_that_does_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: str, fault: str | None
) -> None:
    monkeypatch.setenv("FAR_KEY", "key")
    entry = "{openai: %s, base_url: %s, region: eu, retention_days: 0, trains_on_data: false, hosted_by: self}"
    added = [("one", "bge-m3", "http://a/v1"), ("same", "bge-m3", "http://b/v1"), ("other", "bge-m4", "http://a/v1")]
    lines = "".join(f"  {name}: {entry % (model, url)}\n" for name, model, url in added)
    _, faults = catalogue(tmp_path, f"{GOOD}  search: {served}\n".replace("routes:\n", f"{lines}routes:\n"))
    assert (fault is None) == (faults == [])
    assert any((fault or "") in found and "config/models.yaml:" in found for found in faults) or fault is None
