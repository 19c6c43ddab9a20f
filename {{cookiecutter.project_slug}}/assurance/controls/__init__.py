"""Does each control hold?

`python -m assurance.controls` switches each control of controls.yaml off in turn, and wants its test to fail.
That shows that a missing control is noticed, not that the control is sufficient.
"""
