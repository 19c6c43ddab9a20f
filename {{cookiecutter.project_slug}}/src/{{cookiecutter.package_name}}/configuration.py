"""What do the files of CONFIG_DIR say, and do they fit each other and the environment?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from . import configfile
from .configfile import ConfigurationError, Faults
from .gateway import Catalogue, ModelsFile, build_catalogue
from .governance import GovernedGateway, Model, Policy, PolicyFile, compile_policy
from .identity import AccessFile, AccessRules
from .settings import Settings, is_loopback

_log = structlog.get_logger()
Feature = Callable[[GovernedGateway], Model]
ReadFeatures = Callable[[Policy, Faults], Mapping[str, Feature]]


@dataclass(frozen=True)
class Configuration:
    """The three files of CONFIG_DIR and those of the features, read and found to fit each other."""

    access: AccessRules
    catalogue: Catalogue
    policy: Policy
    features: Mapping[str, Feature]


def read_files(settings: Settings, read_features: ReadFeatures) -> Configuration:
    """Raises ConfigurationError with every fault of every file."""
    faults = Faults()
    models_file = configfile.read(settings.config_dir / "models.yaml", ModelsFile, faults)
    policy_file = configfile.read(settings.config_dir / "policy.yaml", PolicyFile, faults)
    access_file = configfile.read(settings.config_dir / "access.yaml", AccessFile, faults)
    if not (models_file and policy_file and access_file):
        raise ConfigurationError(faults.found)
    access = AccessRules(access_file.content)
    catalogue = build_catalogue(models_file, faults)
    policy = compile_policy(policy_file, catalogue, access.roles, faults)
    features = read_features(policy, faults) if policy else {}
    faults.raise_if_any()
    assert policy is not None  # noqa: S101 # without faults there is a policy
    return Configuration(access, catalogue, policy, features)


def check_environment(settings: Settings, configuration: Configuration) -> None:
    """Raises ConfigurationError in production; elsewhere the same faults are warnings."""
    found = configuration.policy.uncovered()
    exchange = configuration.access.exchange
    if exchange and exchange.audiences and not (settings.oidc_client_id or settings.oidc_exchange_client_id):
        found.append("access.yaml: exchange has audiences, but there is no OIDC_CLIENT_ID to ask the issuer as")
    if settings.environment != "local":
        found += settings.faults()
        found += [
            f"{one.declared_at}: {one.name} is at {one.entry.base_url}, a local model server"
            for one in configuration.catalogue.deployments.values()
            if one.entry.base_url and is_loopback(one.entry.base_url)
        ]
    if found and settings.environment == "production":
        raise ConfigurationError(found)
    for fault in found:
        _log.warning("configuration_fault", fault=fault)


def digests(settings: Settings) -> dict[str, str]:
    """SHA-256 of each file, by its name."""
    files = sorted(settings.config_dir.glob("*.yaml"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
