"""Topics, filters and notification bundles."""
