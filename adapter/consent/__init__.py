"""The decision: Consent, law and agreement against one request and one resource; no I/O, no clock.

`decide` is the definition, `timeline` and `rule` its compiled form; both run the same evaluator.

Consent in R4: https://hl7.org/fhir/R4/consent.html
"""
