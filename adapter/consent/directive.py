"""From a Consent to a Directive: what it says (a patient-neutral `Body`) and, outside it, whom it names.

`read` accepts any JSON value. What it cannot understand becomes a capped body: one that denies what its root
guard might cover and never permits.

https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from adapter.consent.criteria import Criterion, Opaque, PeriodCriterion
from adapter.consent.criteria_resource import DeniedLabels
from adapter.consent.expiry import expiries
from adapter.consent.names import AtHand, items, listed, literal_key, tail, type_of
from adapter.consent.nesting import ROOT, Faulty, Reader, provision_kind, provision_object
from adapter.consent.outcome import DENY, FALSE, PERMIT, TRUE, UNKNOWN
from adapter.consent.provision import PATIENT, Body, Provision
from adapter.consent.reading import Contained, criteria, resolved_key
from adapter.consent.sensitivity import BEYOND_ALL_LEVELS, codings
from adapter.consent.shape import CONSENT, examine, examine_extension
from adapter.consent.vocabulary import (
    ACT_CODE,
    CONSENT_SCOPE,
    INSTRUMENT,
    PART2_CONSENT,
    PART2_ELEMENTS,
    PCF_ADVANCED,
    SIGNER,
)
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.expiry import Expiry

STATUSES: Final = frozenset({"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"})

_WHOM: Final = "patient: expected a reference that identifies one patient"
_RULES: Final = {"OPTIN": PERMIT, "OPTOUT": DENY}
_R5_ELEMENTS: Final = (
    "subject date period grantor grantee manager controller regulatoryBasis policyBasis policyText decision"
)
_R5: Final = frozenset(_R5_ELEMENTS.split())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directive:
    """One Consent, read.

    ``source`` is its reference. ``patient`` is the key of the patient it names, None where it names nobody
    who can be identified. ``status`` is None and ``scope`` UNKNOWN where they cannot be read. ``signed`` is
    its dateTime as written. ``identifiers`` are (system, value) pairs, the system empty where it has none.
    ``expiries`` are the events that end it. ``provision`` and ``contained`` are as received, to be read again where
    the consent may be about somebody else. ``additive``: it claims a profile in which a permit inside a permit widens
    it.
    """

    source: str
    patient: str | None
    status: str | None
    scope: int
    identifiers: frozenset[tuple[str, str]]
    signed: str | None
    body: Body
    expiries: tuple[Expiry, ...] = ()
    provision: object = None
    contained: Contained = field(default_factory=dict)
    additive: bool = False
    alone: Body | None = field(init=False)

    def __post_init__(self) -> None:
        """Find what it says by itself: most people have signed one."""
        object.__setattr__(self, "alone", self._alone())

    def _alone(self) -> Body | None:
        if self.status not in {"active", None} or self.scope == FALSE:
            return None
        if self.scope == UNKNOWN:
            return self.body.doubted("scope", "the scope is in another system or in words alone")
        return self.body

    def doubted(self) -> Directive:
        """The same consent when nobody can tell whether it is about the patient decided for: it is capped."""
        body = _capped(self.provision, self.contained, _WHOM, typed=self.body.typed, additive=self.additive)
        body = replace(body, instrument=self.body.instrument, signer=self.body.signer, disclosers=self.body.disclosers)
        return replace(self, patient=None, body=body)


def _capped(provision: object, contained: Contained, why: str, *, typed: bool, additive: bool) -> Body:
    """A body that denies wherever the root guard, read as far as it can be and as a deny, is not FALSE.

    What the exceptions of a permit closed stays closed: a level of confidentiality, which reaches down in a permit and
    up in a deny, limits nothing then, and where permits inside it may widen it, nothing but its period does.
    """
    stated = provision if isinstance(provision, dict) else {}
    guard, _ = criteria(DENY, stated, ROOT, contained)
    if stated.get("type") != "deny":
        guard = [one for one in guard if isinstance(one, PeriodCriterion) or not (additive or _levelled(one))]
    root = Provision(DENY, ROOT, (Opaque("shape", why), *guard))
    return Body((root,), typed=typed, capped=True)


def _levelled(criterion: Criterion) -> bool:
    return isinstance(criterion, DeniedLabels) and criterion.level < BEYOND_ALL_LEVELS


def _root_kind(consent: Mapping[str, Any], provision: Mapping[str, Any] | None) -> int:
    """The type of the root: its own, else by policyRule OPTIN or OPTOUT; both must agree."""
    rule = consent.get("policyRule", {})
    rules = [coding for coding in listed(rule.get("coding")) if coding.get("code") in _RULES]
    said = {_RULES[coding["code"]] for coding in rules}
    if provision is not None and "type" in provision:
        kind = provision_kind(provision, ROOT, None)
        if said - {kind}:
            raise Faulty(f"{ROOT}.type: expected the type that policyRule states")
        return kind
    if len(said) != 1 or all(coding.get("system") != ACT_CODE for coding in rules):
        raise Faulty(f"{ROOT}.type: expected a type, or policyRule OPTIN or OPTOUT")
    return said.pop()


def _misshapen(name: str, value: object) -> str:
    """What is wrong with one element of a Consent, or nothing."""
    if name in CONSENT:
        found = examine(CONSENT[name], value, name)
        strange = f"{name}: expected only elements of R4" if found.strange else ""
        return found.fault or strange
    if name.startswith("_") or name == "extension":
        wrong = examine_extension(name, value, CONSENT).strange
        return f"{name}: expected extensions of an element of R4" if wrong else ""
    if name == "id":
        return "" if isinstance(value, str) else "id: expected text"
    return f"{name}: expected only elements of R4"


def _refused(consent: Mapping[str, Any]) -> str:
    """Why the consent as a whole cannot be understood, or nothing."""
    if consent.get("resourceType") != "Consent":
        return "resourceType: expected Consent"
    later = [name for name in consent if name in _R5 or (name == "provision" and isinstance(consent[name], list))]
    if later:
        return f"{min(later)}: expected a Consent of R4, this is the shape of R5"
    changing = {"implicitRules", "modifierExtension"}.intersection(consent)
    if changing:
        return f"{min(changing)}: expected none, it may change the meaning of everything else"
    wrong = (_misshapen(name, value) for name, value in consent.items())
    found = next(filter(None, wrong), "")
    if not found and consent.get("status") not in STATUSES:
        found = f"status: expected one of {', '.join(sorted(STATUSES))}"
    if not found and "scope" not in consent:
        found = "scope: expected one, patient-privacy for a privacy consent"
    if not found and len(_instruments(consent)) > 1:
        found = "category: expected one instrument, consents of different kinds are never merged"
    return found


def _scope(value: object) -> int:
    """Truth of "a privacy consent"; a concept in other systems or in words alone may mean the same."""
    codes = {code for system, code in codings(value) if system == CONSENT_SCOPE}
    if "patient-privacy" in codes or value is None:
        return TRUE
    return FALSE if codes else UNKNOWN


def _typed(consent: Mapping[str, Any]) -> bool:
    """Whether category or policyRule say that this is a 42 CFR Part 2 consent."""
    pairs = [*codings(consent.get("category")), *codings(consent.get("policyRule"))]
    return (ACT_CODE, PART2_CONSENT) in pairs


def _instruments(consent: Mapping[str, Any]) -> set[str]:
    """The kinds of release its category says it is."""
    return {code for system, code in codings(consent.get("category")) if system == INSTRUMENT}


def _signer(consent: Mapping[str, Any]) -> str:
    """Who signed it, as it says; "unknown" where it says so in a way nobody can read."""
    stated = [one for one in listed(consent.get("extension")) if isinstance(one, dict) and one.get("url") == SIGNER]
    if not stated:
        return PATIENT
    said = stated[0].get("valueCode")
    return said if len(stated) == 1 and isinstance(said, str) else "unknown"


def _disclosers(consent: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the Part 2 programs that it lets disclose, where it names them; one that cannot be read is ""."""
    found = set()
    for one in listed(consent.get("extension")):
        if isinstance(one, dict) and one.get("url") == PART2_ELEMENTS:
            for part in listed(one.get("extension")):
                if isinstance(part, dict) and part.get("url") == "discloser":
                    named = part.get("valueReference")
                    found.add((literal_key(named.get("reference")) if isinstance(named, dict) else None) or "")
    return tuple(sorted(found))


def _contained(consent: Mapping[str, Any]) -> Contained:
    return {
        resource["id"]: resource
        for resource in listed(consent.get("contained"))
        if isinstance(resource, dict) and isinstance(resource.get("id"), str)
    }


def _body(consent: Mapping[str, Any], contained: Contained) -> Body:
    body = _tree(consent, contained)
    instruments = _instruments(consent)
    return replace(
        body, instrument=min(instruments, default=""), signer=_signer(consent), disclosers=_disclosers(consent)
    )


def _tree(consent: Mapping[str, Any], contained: Contained) -> Body:
    typed, additive = _typed(consent), _additive(consent)
    provision = consent.get("provision")
    why = _refused(consent)
    if not why:
        try:
            root = provision_object(provision, ROOT) if "provision" in consent else None
            kind = _root_kind(consent, root)
            if root is None:
                return Body((Provision(kind, ROOT),), typed=typed)
            reader = Reader(contained, additive=additive)
            return Body(reader.provisions(root, kind), typed=typed)
        except Faulty as fault:
            why = str(fault)
    return _capped(provision, contained, why, typed=typed, additive=additive)


def _additive(consent: Mapping[str, Any]) -> bool:
    meta = consent.get("meta")
    claimed = items(meta.get("profile")) if isinstance(meta, dict) else ()
    return any(isinstance(one, str) and one.partition("|")[0] == PCF_ADVANCED for one in claimed)


def _identifiers(value: object) -> frozenset[tuple[str, str]]:
    pairs = set()
    for one in items(value):
        if isinstance(one, dict) and isinstance(one.get("value"), str) and one["value"]:
            system = one.get("system", "")
            pairs.add((system if isinstance(system, str) else "", one["value"]))
    return frozenset(pairs)


def _date(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        interval(value, UTC)
    except ValueError:
        return None
    return value


def addressed(form: Directive, consent: Mapping[str, Any], body: Body, provision: object) -> Directive:
    """The directive of ``consent``, where all that does not belong to one person says what ``form`` says.

    ``body`` and ``provision`` are the form's with the life of this consent.
    """
    return Directive(
        source=f"Consent/{consent['id']}",
        patient=resolved_key(consent["patient"], form.contained),
        status=form.status,
        scope=form.scope,
        identifiers=_identifiers(consent.get("identifier")),
        signed=_date(consent.get("dateTime")),
        body=body,
        provision=provision,
        contained=form.contained,
        additive=form.additive,
    )


def read(consent: object) -> Directive:
    """Read any JSON value as a Consent. Never raises: what is not understood is capped."""
    stated: Mapping[str, Any] = consent if isinstance(consent, dict) else {}
    contained = _contained(stated)
    patient = stated.get("patient")
    status = stated.get("status")
    identity = stated.get("id")
    body = _body(stated, contained)
    found, unread = expiries(stated)
    if unread:
        body = body.doubted("extension", "an event that ends it cannot be read")
    return Directive(
        source=f"Consent/{identity}" if isinstance(identity, str) else "Consent",
        patient=resolved_key(patient, contained) if isinstance(patient, dict) else None,
        status=status if isinstance(status, str) and status in STATUSES else None,
        scope=_scope(stated.get("scope")),
        identifiers=_identifiers(stated.get("identifier")),
        signed=_date(stated.get("dateTime")),
        body=body,
        expiries=found,
        provision=stated.get("provision"),
        contained=contained,
        additive=_additive(stated),
    )


def applicable(directive: Directive, persons: frozenset[str], patients: AtHand) -> Directive | None:
    """The directive as it applies to a person whose records are the Patient keys ``persons``, or None.

    An identifier counts when exactly one Patient at hand carries it. A consent that names nobody, nobody who
    can be identified, or the same id on another server is capped: it may be about this person.
    """
    patient = directive.patient
    if patient in persons:
        return directive
    if patient is not None and not type_of(patient):
        patient = patients.identified(patient, "Patient")
        if patient is not None:
            return replace(directive, patient=patient) if patient in persons else None
    if patient is None or type_of(patient) != "Patient":
        return directive.doubted()
    return directive.doubted() if any(tail(person) == tail(patient) for person in persons) else None
