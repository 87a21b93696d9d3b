"""Topic-based subscriptions, without I/O: topics, filters, what is asked for, its states, and notifications.

HL7 Subscriptions R5 Backport for R4, https://hl7.org/fhir/uv/subscriptions-backport/
"""
