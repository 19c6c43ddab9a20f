"""What does the service talk to on a laptop?

Real servers on loopback: an identity provider, a model server, a trace sink. Only their addresses differ from
production's. They know everybody's secret and are never part of the image.
"""
