"""What the adapter does: ingest, write, disclose, keep the ledger."""
