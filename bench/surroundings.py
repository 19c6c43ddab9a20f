"""What the targets stand beside: the upstream, an issuer of many tokens, databases, a configuration each."""

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.client import answers, get
from bench.postgresql import NewDatabase, postgresql
from bench.process import Process, free_port

AUDIENCE = "bench"
PEOPLE = 400
TOKENS = 4_000  # each once in turn: none is seen again while the service still remembers having verified it
PLENTY = 1_000_000_000
MODEL = "assistant"


@dataclass(frozen=True)
class Surroundings:
    folder: Path
    project: Path
    upstream_port: int
    issuer: str
    tokens: list[str]
    new_database: NewDatabase | None

    @property
    def upstream(self) -> str:
        return f"http://127.0.0.1:{self.upstream_port}/v1"

    def bearers(self) -> Iterator[str]:
        return itertools.cycle(self.tokens)

    def configuration(self, name: str, model: dict[str, Any]) -> Path:
        """The project's own config/, with one deployment and with limits and budgets that nobody reaches."""
        folder = self.folder / name
        folder.mkdir()
        read = {
            one: yaml.safe_load((self.project / f"config/{one}.yaml").read_text())
            for one in ("models", "policy")
        }
        entry = {**next(iter(read["models"]["deployments"].values())), "base_url": self.upstream}
        entry.pop("openai", None)
        read["models"]["deployments"] = {"upstream": {**entry, **model}}
        read["models"]["routes"] = {MODEL: {**read["models"]["routes"][MODEL], "try": ["upstream"]}}
        most = {"requests_per_minute": PLENTY, "tokens_per_minute": PLENTY}
        read["policy"]["limits"] = dict.fromkeys(read["policy"]["limits"], most)
        read["policy"]["tenant_limits"] = most
        read["policy"]["budgets"] = {"user": {"usd_per_day": PLENTY}, "tenant": {"usd_per_month": PLENTY}}
        for one, content in read.items():
            (folder / f"{one}.yaml").write_text(
                json.dumps(content)
            )  # YAML holds JSON, and this writes no anchors
        (folder / "access.yaml").write_text((self.project / "config/access.yaml").read_text())
        return folder

    def environment(self, port: int, configuration: Path, database: str) -> dict[str, str]:
        """Everything on: every span sampled and, like the metrics, sent to the sink; the usual log."""
        return {
            "ENVIRONMENT": "local",
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "OIDC_ISSUER": self.issuer,
            "OIDC_AUDIENCE": AUDIENCE,
            "DATABASE_URL": database,
            "CONFIG_DIR": str(configuration),
            # Of its own: another's would witness against its database.
            "AUDIT_CHECKPOINTS": str(configuration / "checkpoints"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.issuer,
            "OTEL_TRACES_SAMPLER": "always_on",
        }


@asynccontextmanager
async def surroundings(folder: Path, project: Path, python: str) -> AsyncIterator[Surroundings]:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    tokens, keys = _tokens(issuer)
    documents = {
        "/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"},
        "/jwks": {"keys": [keys]},
    }
    (folder / "documents.json").write_text(json.dumps(documents))
    command = [python, "-m", "bench.upstream", str(port), str(folder / "documents.json")]
    with ExitStack() as running:
        new_database = running.enter_context(postgresql())
        upstream = Process(command, {}, project, folder / "upstream.log", on_its_own_core=False)
        running.callback(upstream.stop)
        while not await answers(port, get("/jwks"), within=2):
            if upstream.ended:
                raise RuntimeError((folder / "upstream.log").read_text())
            await asyncio.sleep(0.05)
        yield Surroundings(folder, project, port, issuer, tokens, new_database)


def _tokens(issuer: str) -> tuple[list[str], dict[str, Any]]:
    """RFC 9068 access tokens of many people, and the public key that verifies them."""
    key = RSAKey.import_key(
        rsa.generate_private_key(65537, 2048), {"kid": "bench", "use": "sig", "alg": "RS256"}
    )
    now = int(time.time())
    common = {"iss": issuer, "aud": AUDIENCE, "tenant": "acme", "roles": ["employee"], "client_id": "bench"}
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "bench"}
    tokens = [
        jwt.encode(
            header,
            {
                **common,
                "sub": f"person-{number % PEOPLE}",
                "iat": now,
                "exp": now + 7200,
                "jti": uuid.uuid4().hex,
            },
            key,
        )
        for number in range(TOKENS)
    ]
    return tokens, key.as_dict(private=False)
