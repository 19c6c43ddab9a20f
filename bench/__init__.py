"""How does it compare? The generated service against its peers, in alternating rounds of one run."""
