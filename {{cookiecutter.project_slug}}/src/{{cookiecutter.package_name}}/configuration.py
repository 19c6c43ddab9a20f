"""What do the files of CONFIG_DIR and the organisation's say, and do they fit each other and the environment?"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import configfile
from .configfile import ConfigFile, Faults
from .gateway import Catalogue, ModelsFile, Route, build_catalogue
from .governance import Feature, OverlayFile, Policy, PolicyFile, Rules, compile_policy
from .identity import AccessRules
from .settings import Settings, is_loopback, misspelt

ReadFeatures = Callable[[Policy, Faults], Mapping[str, Feature]]


@dataclass(frozen=True)
class Configuration:
    """The three files of CONFIG_DIR, the organisation's and those of the features, read and found to fit each other."""

    access: AccessRules
    catalogue: Catalogue
    policy: Policy
    features: Mapping[str, Feature]


def read_files(settings: Settings, read_features: ReadFeatures) -> Configuration:
    """Raises ConfigurationError with every fault of every file."""
    faults = Faults()
    return _whole(_read(settings, read_features, faults, unfit=[]), faults)


def read_to_start(
    settings: Settings, read_features: ReadFeatures, faults: Faults
) -> tuple[Configuration, Sequence[str]]:
    """Also returns the warnings. In production, whatever it refuses to start with raises ConfigurationError instead.

    `faults` are those of the settings, to be reported together with the rest.
    """
    unfit: list[str] = []
    read = _read(settings, read_features, faults, unfit)
    if settings.environment == "production":
        faults.found += unfit
    return _whole(read, faults), [*unfit, *settings.doubts(), *misspelt()]


def _read(settings: Settings, read_features: ReadFeatures, faults: Faults, unfit: list[str]) -> Configuration | None:
    """Leaves out faulty parts and still checks the rest, so that one fault does not hide others."""
    of_models, of_policy = Faults(), Faults()
    models_file = configfile.salvage(settings.config_dir / "models.yaml", ModelsFile, of_models)
    policy_file = configfile.salvage(settings.config_dir / "policy.yaml", PolicyFile, of_policy)
    overlay = _organisation(settings, of_policy)
    access_file = configfile.salvage(settings.config_dir / "access.yaml", AccessRules, faults)
    catalogue = build_catalogue(models_file, of_models) if models_file else Catalogue({}, {})
    access = access_file.content if access_file else None
    told = {one.partition(":")[0].removesuffix("_FILE") for one in faults.found}
    unfit += _unfit(settings, catalogue, access, told)
    roles = access_file.names("roles") if access_file else None
    policy = compile_policy(Rules(policy_file, overlay), catalogue, roles, of_policy) if policy_file else None
    faults.found += of_models.found + of_policy.found
    if policy is None:
        return None
    unfit += policy.uncovered()
    # A faulty policy may lack data classes, so faults that features report about them may be wrong.
    features = read_features(policy, Faults() if of_policy.found else faults)
    _check(features, {} if of_models.found else catalogue.routes, faults)  # a faulty route is left out
    return Configuration(access, catalogue, policy, features) if access else None


def _organisation(settings: Settings, faults: Faults) -> ConfigFile[OverlayFile] | None:
    path = settings.organisation_policy
    return configfile.salvage(path, OverlayFile, faults, "ORGANISATION_POLICY") if path else None


def _check(features: Mapping[str, Feature], routes: Mapping[str, Route], faults: Faults) -> None:
    where = configfile.shown(Path(__file__).with_name("services.py"))
    for name, feature in features.items():
        if not isinstance(feature, Feature):
            faults.add(where, f"_features: {name}: call the open_… of its folder there, which returns a Feature")
        elif routes and feature.route not in routes:
            there = ", ".join(routes)
            faults.add(where, f"_features: {name}: asks the route '{feature.route}'; config/models.yaml has {there}")


def _whole(read: Configuration | None, faults: Faults) -> Configuration:
    faults.raise_if_any()
    assert read is not None  # noqa: S101 # what is missing is a fault
    return read


def _unfit(settings: Settings, catalogue: Catalogue, access: AccessRules | None, told: Collection[str]) -> list[str]:
    found = []
    exchange = access.exchange if access else None
    if exchange and exchange.audiences and not (settings.oidc_client_id or settings.oidc_exchange_client_id):
        found.append("access.yaml: exchange has audiences, but there is no OIDC_CLIENT_ID to ask the issuer as")
    if settings.environment == "local":
        return found
    found += [one for one in settings.faults() if one.partition(":")[0] not in told]
    return found + [
        f"{one.declared_at}: {one.name} is at {one.entry.base_url}, a local model server"
        for one in catalogue.deployments.values()
        if one.entry.base_url and is_loopback(one.entry.base_url)
    ]


def digests(settings: Settings) -> dict[str, str]:
    """SHA-256 of each file, by its name; of the organisation's by its setting's, as names may be the same."""
    found = sorted(file for file in settings.config_dir.glob("*.yaml") if not file.stem.endswith(".examples"))
    files = {file.name: file for file in found}
    if settings.organisation_policy:
        files["ORGANISATION_POLICY"] = settings.organisation_policy
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
