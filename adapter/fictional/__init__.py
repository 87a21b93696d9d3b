"""A seeded generator of a fictional county."""
