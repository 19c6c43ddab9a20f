"""`python -m assurance.papers` prints the model register's block, as the configuration has it."""

import sys
from collections.abc import Iterator

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.configuration import Configuration
from {{ cookiecutter.package_name }}.gateway import Deployment
from {{ cookiecutter.package_name }}.services import read_configuration
from {{ cookiecutter.package_name }}.settings import read_settings


def model_register(configuration: Configuration) -> Iterator[str]:
    for one in configuration.catalogue.deployments.values():
        yield from _entry(one, configuration)


def _entry(one: Deployment, configuration: Configuration) -> Iterator[str]:
    entry, price = one.entry, one.entry.price
    yield one.name
    yield f"  model       {one.model}{'' if entry.openai else ', through litellm'}"
    yield f"  stands in   {entry.region}, hosted by {'us' if entry.hosted_by == 'self' else 'its provider'}"
    yield f"  keeps       {f'{entry.retention_days} days' if entry.retention_days else 'nothing'}"
    yield f"  trains      {'yes' if entry.trains_on_data else 'no'}"
    yield f"  price       {_dollars(price.input_per_million, price.output_per_million) if price else 'not stated'}"
    for route in configuration.catalogue.routes:
        cells = configuration.policy.matrix
        classes = [name for name in configuration.policy.classes if one in cells[name, route].deployments]
        if classes:
            yield f"  answers     {route}: {', '.join(classes)}"


def _dollars(taken: object, given: object) -> str:
    return f"${taken} in, ${given} out, per million tokens"


def main() -> int:
    try:
        configuration = read_configuration(read_settings())
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    print(*model_register(configuration), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
