"""An AI service on Groundwork: docs/architecture.md is the map, services.py the place where everything is built."""

NAME = __name__.replace("_", " ").title()  # what people see of it; write it as you like
__version__ = "0.1.0"
