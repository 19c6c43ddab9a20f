"""One suite of cases for every provider family, over real HTTP to servers that speak the family's published format."""
