"""The decision: Consent provisions, labels and agreements."""
