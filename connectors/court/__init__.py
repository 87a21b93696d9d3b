"""Court case management systems."""
