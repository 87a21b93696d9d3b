"""Words, dates and truth of the slow evaluator, written from the rules and not from the code.

Truth is True, False or None (unknown). `row` notes which rule of the table of ambiguities, or which precision
("P9"), a decision met on its way, so that a fuzzer can tell what it has reached. Nothing in the `reference_*`
modules is shared with `adapter.consent` but JSON.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

V3 = "http://terminology.hl7.org/CodeSystem/"
ACT, REASON, LEVEL = V3 + "v3-ActCode", V3 + "v3-ActReason", V3 + "v3-Confidentiality"
VALUE = V3 + "v3-ObservationValue"
SCOPE, ACTION = V3 + "consentscope", V3 + "consentaction"
PARTICIPATION, ROLE = V3 + "v3-ParticipationType", V3 + "v3-RoleCode"
TYPES, URI = "http://hl7.org/fhir/resource-types", "urn:ietf:rfc:3986"
LOINC, ICD = "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm"
PCF = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced"
INSTRUMENT = "https://sallyport.example/fhir/CodeSystem/consent-instrument"
HARMLESS = "http://hl7.org/fhir/StructureDefinition/"
PERMIT, DENY, NA = "PERMIT", "DENY", "NA"
LEVELS = "ULMNRV"
RESTRICTED, VERY = LEVELS.index("R"), LEVELS.index("V")

PURPOSE_PARENT = {
    "TREAT": "PurposeOfUse",
    "HMARKT": "PurposeOfUse",
    "HPAYMT": "PurposeOfUse",
    "HOPERAT": "PurposeOfUse",
    "HLEGAL": "HOPERAT",
    "ETREAT": "TREAT",
    "COC": "TREAT",
    "BTG": "ETREAT",
    "ERTREAT": "ETREAT",
}
PURPOSES = {"PurposeOfUse", *PURPOSE_PARENT}
SENSITIVITY_PARENT = {
    "BH": "SPI",
    "MH": "SPI",
    "PSY": "SPI",
    "PSYTHPN": "SPI",
    "SUD": "SPI",
    "ETHUD": "SUD",
    "OPIOIDUD": "SUD",
    "COGN": "BH",
}
SENSITIVE = {*SENSITIVITY_PARENT, "SPI", "ETH", "SEX", "DIA", "SDV", "HIV"}
SUBSTANCES = {"SUD", "ETHUD", "OPIOIDUD", "ETH"}
MIND = {"MH", "PSY", "PSYTHPN"}
REACHES = {
    "SPI": {"SPI", "BH", "COGN", *MIND, *SUBSTANCES},
    "BH": {"BH", "COGN", *MIND, *SUBSTANCES},
    "MH": MIND,
    "SUD": SUBSTANCES,
    "ETH": SUBSTANCES,
}
"""What a deny of the first word reaches, itself aside."""
POLICIES = {"42CFRPart2", "NORDSCLCD", "PERSISTLABEL", "HIPAAPsyNotes"}
RECIPIENTS = {(PARTICIPATION, "IRCP"), (ROLE, "GRANTEE")}
ROLE_SYSTEMS = {PARTICIPATION, ROLE, V3 + "v3-RoleClass", V3 + "contractsignertypecodes"}
CONTENT = {(LOINC, "74013-4"): "SUD", (LOINC, "75624-7"): "SUD", (LOINC, "44249-1"): "MH"}
"""What a code reveals about a record that nobody labelled."""

reached = set()
"""The rows noted since it was last cleared."""


def row(*names):
    reached.update(names)


# -- truth -----------------------------------------------------------------------------------------


def either(truths):
    truths = list(truths)
    return True if True in truths else None if None in truths else False


def both(truths):
    truths = list(truths)
    return False if False in truths else None if None in truths else True


def at_most_unknown(truth):
    return None if truth else truth


# -- dates -----------------------------------------------------------------------------------------

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d:\d\d(\.\d+)?(?:Z|[+-]\d\d:\d\d))?)?)?")
OPEN_BELOW, OPEN_ABOVE = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def span(text, zone):
    """The first instant of a date and the first one after it. Raises ValueError for what is no date."""
    match = DATE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, time, fraction = match.groups()
    if time:
        start = datetime.fromisoformat(text).astimezone(UTC)
        width = timedelta(seconds=1) if fraction is None else timedelta(microseconds=10 ** (7 - len(fraction)))
        return start, start + width
    row("19")
    start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=zone)
    if day:
        stop = start + timedelta(days=1)
    elif month:
        stop = datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=zone)
    else:
        stop = datetime(start.year + 1, 1, 1, tzinfo=zone)
    return start.astimezone(UTC), stop.astimezone(UTC)


def period_span(period, zone):
    """A Period as (low, high), or None where it ends before it starts. Raises ValueError for no dates."""
    low = span(period["start"], zone)[0] if period.get("start") else OPEN_BELOW
    high = span(period["end"], zone)[1] if period.get("end") else OPEN_ABOVE
    return (low, high) if low < high else None


def is_period(period):
    """Whether it has readable dates that are in order in some time zone."""
    zones = [timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]
    try:
        return any(period_span(period, zone) for zone in zones)
    except ValueError:
        return False


# -- JSON ------------------------------------------------------------------------------------------


def many(value):
    """One element or an array of them, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def objects(node):
    """Every JSON object in a value."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


def codings(concept):
    """The (system, code) pairs that have both, of a CodeableConcept or an array of them."""
    return {
        (one["system"], one["code"])
        for each in many(concept)
        if isinstance(each, dict)
        for one in each.get("coding", [])
        if one.get("system") and one.get("code")
    }
