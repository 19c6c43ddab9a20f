"""May it go live?

`python -m assurance.readiness` asks the project itself, over six questions. Evidence carries a digest of the state it
is about, and counts for no other.
"""
