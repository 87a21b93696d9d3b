"""Jail management systems."""
