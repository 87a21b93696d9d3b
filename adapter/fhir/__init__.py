"""FHIR R4 without I/O: parsing, validation, search parameters, bundles."""
