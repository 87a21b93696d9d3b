"""Whether a part of a Consent has the shape R4 gives it, for the slow evaluator.

"broken": a wrong JSON shape, nobody knows what is meant. "strange": an unknown element or a modifier, so what
holds it is unknown. "extended": an extension that is not known to be harmless.
"""

from reference_terms import HARMLESS, is_period

TEXT, FLAG, ANY = "text", "flag", "any"
CODING = {"system": TEXT, "version": TEXT, "code": TEXT, "display": TEXT, "userSelected": FLAG}
CONCEPT = {"coding": [CODING], "text": TEXT}
PERIOD = {"start": TEXT, "end": TEXT}
IDENTIFIER = {"use": TEXT, "type": CONCEPT, "system": TEXT, "value": TEXT, "period": PERIOD}
REFERENCE = {"reference": TEXT, "type": TEXT, "identifier": IDENTIFIER, "display": TEXT}
IDENTIFIER["assigner"] = REFERENCE
META = {
    "versionId": TEXT,
    "lastUpdated": TEXT,
    "source": TEXT,
    "profile": [TEXT],
    "security": [CODING],
    "tag": [CODING],
}
PROVISION = {
    "type": TEXT,
    "period": PERIOD,
    "actor": [{"role": CONCEPT, "reference": REFERENCE}],
    "action": [CONCEPT],
    "securityLabel": [CODING],
    "purpose": [CODING],
    "class": [CODING],
    "code": [CONCEPT],
    "dataPeriod": PERIOD,
    "data": [{"meaning": TEXT, "reference": REFERENCE}],
    "provision": [ANY],
}
CONSENT = {
    "resourceType": TEXT,
    "meta": META,
    "language": TEXT,
    "text": ANY,
    "contained": [ANY],
    "identifier": [IDENTIFIER],
    "status": TEXT,
    "scope": CONCEPT,
    "category": [CONCEPT],
    "patient": REFERENCE,
    "dateTime": TEXT,
    "performer": [REFERENCE],
    "organization": [REFERENCE],
    "sourceAttachment": ANY,
    "sourceReference": REFERENCE,
    "policy": [{"authority": TEXT, "uri": TEXT}],
    "policyRule": CONCEPT,
    "verification": [{"verified": FLAG, "verifiedWith": REFERENCE, "verificationDate": TEXT}],
    "provision": ANY,
}
KNOWN = {HARMLESS + name for name in ("display", "narrativeLink", "originalText", "translation")}
KNOWN |= {HARMLESS + "rendering-" + name for name in ("markdown", "style", "xhtml")}


def harmless(extensions):
    return isinstance(extensions, list) and all(
        isinstance(one, dict) and isinstance(one.get("url"), str) and one["url"] in KNOWN for one in extensions
    )


def faults(shape, value):  # noqa: PLR0911  # one line for each shape
    """What is wrong with one value, as a set of words."""
    if shape == ANY:
        return {"broken"} if value is None else set()
    if shape == TEXT:
        return set() if isinstance(value, str) and value.strip() else {"broken"}
    if shape == FLAG:
        return set() if isinstance(value, bool) else {"broken"}
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return {"broken"}
        return set().union(*(faults(shape[0], one) for one in value))
    if not isinstance(value, dict) or not value:
        return {"broken"}
    return set().union(*(of_element(shape, name, part) for name, part in value.items()))


def of_element(shape, name, value):
    if name in shape:
        return faults(shape[name], value)
    if name == "id":
        return faults(TEXT, value)
    if name == "extension":
        return set() if harmless(value) else {"extended"}
    if name.startswith("_"):
        return of_companion(shape.get(name[1:]), value)
    return {"strange"}


def of_companion(shape, value):
    """``_code`` and the like: the extensions of a primitive element."""
    if isinstance(shape, list):
        shape = shape[0]
    if shape not in (TEXT, FLAG):
        return {"strange"}
    found = set()
    for one in value if isinstance(value, list) else [value]:
        if one is not None and (not isinstance(one, dict) or set(one) - {"id", "extension"}):
            found.add("strange")
        elif one is not None and not harmless(one.get("extension", [])):
            found.add("extended")
    return found


def of_criterion(name, value):
    """What is wrong with one element of a provision that is a criterion."""
    found = faults(PROVISION[name], value)
    if not found & {"broken"} and name in ("period", "dataPeriod") and not is_period(value):
        return {"broken"}
    return found


def of_consent(consent):
    """Whether any element of a Consent, its provision aside, is not as R4 has it."""
    found = set()
    for name, value in consent.items():
        if name == "extension":
            found |= set() if isinstance(value, list) else {"strange"}
        elif name == "id":
            found |= set() if isinstance(value, str) else {"broken"}
        else:
            found |= of_element(CONSENT, name, value)
    return bool(found & {"broken", "strange"})
