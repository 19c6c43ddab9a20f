"""`python -m assurance.sbom` writes a CycloneDX list of the image's packages, from the lock that it is built from.

It needs no network. Debian's packages below Python are the base image's and not listed.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assurance.stamp import PROJECT

# Markers are decided for the image, whatever machine this runs on; a test compares the version with the Dockerfile's.
IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}
_PIN = re.compile(r"^(\S+==[^\\\n]+)((?:\\\n +--hash=sha256:\w{64} ?)+)", re.MULTILINE)


def sbom(project: Path) -> str:
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bom = Bom(components=components((project / "requirements.lock").read_text(encoding="utf-8"), IMAGE))
    service = Component(
        name=about["name"], version=about["version"], type=ComponentType.APPLICATION, bom_ref=about["name"]
    )
    bom.metadata.component = service
    asked = {canonicalize_name(Requirement(text).name) for text in about["dependencies"]}
    bom.register_dependency(service, [one for one in bom.components if one.name in asked])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def components(lock: str, environment: Mapping[str, str]) -> Iterator[Component]:
    """One for each package that pip installs from the lock in that environment."""
    for line, hashes in _PIN.findall(lock):
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(dict(environment)):
            yield _component(pin.name, str(pin.specifier).removeprefix("=="), re.findall(r"\w{64}", hashes))


def _component(name: str, version: str, digests: Sequence[str]) -> Component:
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        # Of each file that the lock allows; the one that was installed is among them.
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in digests],
        licenses=[LicenseFactory().make_from_string(found) for found in _licence(name, version)],
    )


def _licence(name: str, version: str) -> Iterator[str]:
    """As the package itself says, where it is installed here in this version."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return
    if found["Version"] == version:
        said = (found[field] for field in ("License-Expression", "License") if field in found)
        first, *_ = next(filter(None, said), "\n").splitlines()
        kinds = (one.rpartition(" :: ")[2] for one in found.get_all("Classifier", []) if one.startswith("License"))
        yield from [first] if first else kinds


def main(words: Sequence[str] | None = None) -> int:
    root = Path(words[0]) if words else PROJECT
    path = root / ".local" / "sbom.cdx.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(sbom(root) + "\n", encoding="utf-8")
    print(f"The image's packages are listed in {path}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
