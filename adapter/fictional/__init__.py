"""A seeded generator of a fictional county: `county.write_county` writes it, `truth.read` reads its truth.

Extracts, people and forms are drawn from one seed; the truth table says whose records are whose and who may
have which screening. The package knows nothing of the adapter.
"""
