from pathlib import Path

from {{ cookiecutter.package_name }}.commands import GRACE
from {{ cookiecutter.package_name }}.configfile import Faults, read
from {{ cookiecutter.package_name }}.gateway import ModelsFile, build_catalogue

MODELS = Path(__file__).parents[2] / "config" / "models.yaml"


def time_to_stop() -> float:
    """Seconds that `serve` takes at most from SIGTERM until every answer is given."""
    faults = Faults()  # such as keys that are not set here
    file = read(MODELS, ModelsFile, faults)
    assert file, faults.found
    return build_catalogue(file, faults).longest_deadline + GRACE
