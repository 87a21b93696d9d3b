"""FHIR profiles, code systems, the instrument registry and the R4 tables."""
