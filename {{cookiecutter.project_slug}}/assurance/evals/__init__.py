"""Is the answer good?

`python -m assurance.evals` asks a running service the questions of cases/*.yaml, as any client would, and judges
what comes back. thresholds.yaml says how much of it has to be right.
"""
