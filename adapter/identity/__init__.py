"""Which source records are the same person."""
