"""Behavioral-health records and signed releases."""
