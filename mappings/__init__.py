"""Mappings, code tables and the fictional county."""
