"""The mapping language: from source columns to FHIR elements."""
