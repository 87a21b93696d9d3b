"""A recipient's share of a Consent: the part of a signed release that lets this recipient receive, and nothing else.

Whoever receives under a consent gets a copy of it or a clear explanation of its scope, 42 CFR 2.32(b). A copy of the
whole form would tell each partner who the others are, and what was refused to whom. So each recipient has a share: the
discloser, this recipient, the classes, the purposes, the end and the status. It has no number of the form and no
evidence of the signature. It is withdrawn with the consent, and says then only that it is.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from adapter.consent.expiry import EXPIRY_EVENT
from adapter.consent.names import listed
from adapter.consent.release import CATEGORY
from adapter.consent.release_evidence import DISCLOSER
from adapter.consent.release_form import CRIMINAL_JUSTICE, PROCEEDINGS
from adapter.consent.vocabulary import ACT_CODE, CANONICAL, CONSENT_SCOPE, PART2_CONSENT, PART2_ELEMENTS, WIDE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHARE_PROFILE: Final = f"{CANONICAL}/StructureDefinition/consent-share"
_OF_A_CASE: Final = frozenset({CRIMINAL_JUSTICE, PROCEEDINGS})

Element = dict[str, Any]


def recipients(consent: Mapping[str, Any]) -> list[str]:
    """The Organization references that permits of an authored Consent name."""
    permits = (rule for rule in _rules(consent) if rule["type"] == "permit")
    return sorted({name for permit in permits for name in _named(permit)})


def share(consent: Mapping[str, Any], recipient: str) -> Element | None:
    """The share of ``recipient`` (an Organization reference) in an authored Consent, without an id.

    None where the consent lets it receive nothing, or no longer does: then `withdrawn` takes the place of a share that
    was given out before.
    """
    permits = _left(consent, recipient)
    if consent["status"] != "active" or not permits:
        return None
    part2 = any("provision" not in permit for permit in permits)
    kinds = [one for one in consent["category"][1:] if part2 or one["coding"][0]["code"] != PART2_CONSENT]
    return {
        **_base(consent),
        "extension": [*_disclosers(consent, part2=part2), *_events(consent, recipient)],
        "status": "active",
        "category": [CATEGORY, *kinds],
        "dateTime": consent["dateTime"][:10],
        "policy": consent["policy"],
        "provision": {"type": "deny", "period": _period(consent, recipient), "provision": permits},
    }


def withdrawn(patient_ref: str, custodian: str) -> Element:
    """What stands in the place of a share that is no longer one: that it is inactive, and no more."""
    return {
        "resourceType": "Consent",
        "meta": {"profile": [SHARE_PROFILE]},
        "status": "inactive",
        "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]},
        "category": [CATEGORY],
        "patient": {"reference": patient_ref},
        "organization": [{"reference": custodian}],
        "policyRule": {"coding": [{"system": ACT_CODE, "code": "OPTOUT"}]},
        "provision": {"type": "deny"},
    }


def sensitivities(consent: Mapping[str, Any]) -> frozenset[str]:
    """The sensitivity codes that a share lets through, to label it as what it tells of."""
    return frozenset(label["code"] for permit in _rules(consent) for label in permit["securityLabel"])


def reaches_part2(consent: Mapping[str, Any]) -> bool:
    """Whether a share lets Part 2 records through; it then names their program and is as much a record of it."""
    return any("provision" not in permit for permit in _rules(consent))


def _rules(consent: Mapping[str, Any]) -> Sequence[Element]:
    return listed(consent["provision"].get("provision"))


def _named(rule: Element) -> list[str]:
    return [actor["reference"]["reference"] for actor in rule.get("actor", ())]


def _base(consent: Mapping[str, Any]) -> Element:
    return {
        "resourceType": "Consent",
        "meta": {"profile": [SHARE_PROFILE]},
        "scope": consent["scope"],
        "patient": consent["patient"],
        "organization": consent["organization"],
    }


def _left(consent: Mapping[str, Any], recipient: str) -> list[Element]:
    """The permits that name a recipient, naming it alone, less what was refused or revoked."""
    permits = []
    for rule in _rules(consent):
        if rule["type"] == "permit" and recipient in _named(rule):
            actors = [actor for actor in rule["actor"] if actor["reference"]["reference"] == recipient]
            permits.append({**rule, "actor": actors})
    for denial in _denials(consent, recipient):
        if "period" not in denial:
            permits = [left for permit in permits for left in _without(permit, denial)]
    return permits


def _denials(consent: Mapping[str, Any], recipient: str) -> Iterator[Element]:
    """The denials beside the permits that may be about a recipient."""
    for rule in _rules(consent):
        if rule["type"] == "deny" and ("actor" not in rule or recipient in _named(rule)):
            yield rule


def _without(permit: Element, denial: Element) -> list[Element]:
    """What a permit lets through beside a denial: other classes for its purposes, its classes for other purposes."""
    left = []
    for element, kept in (
        ("securityLabel", _other_labels(permit, denial)),
        ("purpose", _other_purposes(permit, denial)),
    ):
        if kept == permit[element]:
            return [permit]
        if kept:
            left.append({**permit, element: kept})
    return left


def _other_labels(permit: Element, denial: Element) -> list[Element]:
    denied = frozenset().union(*(WIDE[label["code"]] for label in denial.get("securityLabel", ())))
    if not denied:
        return []
    return [label for label in permit["securityLabel"] if denied.isdisjoint(WIDE[label["code"]])]


def _other_purposes(permit: Element, denial: Element) -> list[Element]:
    denied = denial.get("purpose", ())
    return [purpose for purpose in permit["purpose"] if purpose not in denied] if denied else []


def _period(consent: Mapping[str, Any], recipient: str) -> Element:
    """The life of the consent, cut where a revocation closes it to this recipient from a day on."""
    period: Element = dict(consent["provision"]["period"])
    for denial in _denials(consent, recipient):
        if "period" in denial:
            before = (date.fromisoformat(denial["period"]["start"]) - timedelta(days=1)).isoformat()
            period["end"] = min(before, period.get("end", before))
    return period


def _disclosers(consent: Mapping[str, Any], *, part2: bool) -> list[Element]:
    """Who discloses: in the words of the form, and the Part 2 program where the share reaches its records."""
    found = [one for one in consent["extension"] if one["url"] == DISCLOSER]
    for one in consent["extension"]:
        if part2 and one["url"] == PART2_ELEMENTS:
            parts = {part["url"]: part for part in one["extension"]}
            found.append({"url": DISCLOSER, "valueReference": parts["discloser"]["valueReference"]})
    return found


def _events(consent: Mapping[str, Any], recipient: str) -> list[Element]:
    """The events that end it for this recipient; the number of the case for those alone who act in it."""
    instrument = consent["category"][1]["coding"][0]["code"]
    found = []
    for one in consent["extension"]:
        if one["url"] != EXPIRY_EVENT:
            continue
        told = [part["valueReference"]["reference"] for part in one["extension"] if part["url"] == "recipient"]
        if told and recipient not in told:
            continue
        hidden = {"recipient"} if instrument in _OF_A_CASE else {"recipient", "identifier"}
        found.append({"url": EXPIRY_EVENT, "extension": [p for p in one["extension"] if p["url"] not in hidden]})
    return found
