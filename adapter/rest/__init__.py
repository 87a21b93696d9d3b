"""The FHIR REST face, one file per interaction."""
