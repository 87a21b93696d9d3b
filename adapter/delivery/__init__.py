"""The outbox to subscribers."""
