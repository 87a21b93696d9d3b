"""What a record is to the law, by the slow reading of the reference page: its columns, its sensitivities, its class.

Nothing is shared with `adapter.consent.law`.
"""

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LOCAL = "https://sallyport.example/fhir/CodeSystem/purpose-of-use"

# Sensitivities that a word may mean, in both directions: narrower, wider, or the same thing by another name.
MEANS = {
    "MH": {"MH", "PSY", "PSYTHPN", "BH", "SPI"},
    "PSY": {"PSY", "MH", "BH", "SPI"},
    "PSYTHPN": {"PSYTHPN", "MH", "BH", "SPI"},
    "COGN": {"COGN", "BH", "SPI"},
    "SUD": {"SUD", "ETH", "ETHUD", "OPIOIDUD", "BH", "SPI"},
    "ETH": {"ETH", "SUD", "ETHUD", "OPIOIDUD", "BH", "SPI"},
    "ETHUD": {"ETHUD", "ETH", "SUD", "BH", "SPI"},
    "OPIOIDUD": {"OPIOIDUD", "ETH", "SUD", "BH", "SPI"},
    "BH": {"BH", "MH", "PSY", "PSYTHPN", "COGN", "SUD", "ETH", "ETHUD", "OPIOIDUD", "SPI"},
    "SPI": {"SPI", "BH", "MH", "PSY", "PSYTHPN", "COGN", "SUD", "ETH", "ETHUD", "OPIOIDUD"},
    "SDV": {"SDV"},
    "SEX": {"SEX"},
}
HANDLING = {"42CFRPart2", "NORDSCLCD", "PERSISTLABEL", "HIPAAPsyNotes"}
CLINICAL = {
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "MedicationDispense",
    "AllergyIntolerance",
    "Procedure",
    "Immunization",
}


def sensitivities(segment):
    return {code for system, code in segment.labels if system == ACT and code in MEANS}


def strange(segment):
    """Whether some label is not understood, so that it may mean anything."""
    return any(
        not (system == LEVEL or (system == ACT and code in MEANS.keys() | HANDLING)) for system, code in segment.labels
    )


def may_be(segment, words):
    """Whether a label of the record may mean one of these sensitivities."""
    if not words:
        return False
    return strange(segment) or any(word in MEANS[code] for code in sensitivities(segment) for word in words)


def part2(segment):
    if segment.regime == "part2" or (ACT, "42CFRPart2") in segment.labels:
        return "yes"
    return "maybe" if any(not system for system, _ in segment.labels) else "no"


def is_note(segment):
    return bool({(ACT, "PSYTHPN"), (ACT, "HIPAAPsyNotes")} & set(segment.labels))


def content_columns(segment, overlays):
    """What the record is about, whatever law it stands under."""
    if segment.tier == "identity":
        hidden = any(overlay.get("fact_of_treatment_protected") for overlay in overlays)
        return {"identity", "mh-summary"} if hidden and segment.regime != "justice" else {"identity"}
    columns = set()
    summary = segment.tier in ("summary", "contact")
    if segment.domain == "court":
        columns.add("criminal-history")
    elif not summary and (segment.domain == "booking" or (segment.type == "Encounter" and segment.regime == "justice")):
        columns.add("identity")
    elif not summary and (segment.type in CLINICAL or segment.type == "Encounter"):
        columns.add("clinical")
    elif not summary:
        columns.add("mh-detail")
    elif segment.domain not in {"sud", "risk"}:
        columns.add("mh-summary")
    if segment.domain == "risk":
        columns.add("risk")
    if segment.domain in {"sud", "mh+sud"} or may_be(segment, ["SUD"]):
        columns.add("sud")
    if summary and may_be(segment, ["MH"]):
        columns.add("mh-summary")
    return columns


def columns(segment, overlays):
    if is_note(segment):
        return {"notes"}
    if part2(segment) == "yes":
        return {"part2"}
    content = content_columns(segment, overlays)
    return content | {"part2"} if part2(segment) == "maybe" else content


def data_class(segment):
    if segment.tier == "identity":
        return "identity"
    if segment.tier == "summary":
        return "screening-summary"
    if segment.tier == "contact":
        return "contact"
    if segment.type == "Consent" or segment.tier != "detail":
        return ""
    if segment.domain in {"court", "booking"}:
        return segment.domain
    return "booking" if segment.type == "Encounter" else "screening-detail"
