"""Screening instruments and the summaries drawn from them."""
