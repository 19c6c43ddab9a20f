"""An AI service on Groundwork: docs/architecture.md is the map, services.py the place where everything is built."""

__version__ = "0.1.0"
