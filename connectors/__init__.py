"""Readers of what jails, courts and treatment providers really send."""
