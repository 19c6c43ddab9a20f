"""Does the alert fire, does its runbook show the cause, and does recovery clear it?

`python -m assurance.drills` breaks the service in the way that each alert is for, beside a real Prometheus.
"""
