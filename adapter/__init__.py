"""Sallyport: consented screening summaries between jails, courts and behavioral-health providers.

See README.md for the flow and the folders.
"""
