"""A made-up county for the law, one partner of every kind, and short ways to write facts and records."""

from dataclasses import replace
from functools import lru_cache

from reference_law import County
from reference_record import ACT, LEVEL, LOCAL, REASON

from adapter import assets
from adapter.consent.criteria import ActionCriterion, ActorCriterion
from adapter.consent.law.law import Law
from adapter.consent.law.overlay import Overlay
from adapter.consent.law.partners import ENTITIES, PartnerFacts
from adapter.consent.law.tables import tables
from adapter.consent.outcome import FALSE, PERMIT
from adapter.consent.provision import Body, Provision
from adapter.consent.recipient import RecipientContext
from adapter.consent.segment import Segment
from adapter.consent.standing import Fact


def org(name):
    return f"Organization/{name}"


def plain(entity, part_of=None, *, intermediary=False, programme=None):
    return {"entity": entity, "part_of": part_of, "intermediary": intermediary, "programme": programme}


PARTNERS = {org(entity): plain(entity) for entity in ENTITIES} | {
    org("jail-clinic"): plain("correctional-health", org("custody")),
    org("clinic"): plain("covered-entity"),
    org("otp"): plain("part2-program", org("clinic")),
    org("member"): plain("covered-entity", org("exchange")),
    org("hub"): plain("managed-care", intermediary=True),
    org("spoke"): plain("social-services", org("hub")),
    org("refuge"): plain("covered-entity", programme="domestic-violence"),
    org("refuge-clinic"): plain("part2-program", org("refuge")),
    org("hotline"): plain("covered-entity", programme="human-trafficking"),
    org("ring"): plain("defense", org("ring")),
}
CONTRACTS = [
    (org("clinic"), org("exchange")),
    (org("otp"), org("exchange")),
    (org("otp"), org("vendor")),
    (org("custody"), org("vendor")),
]


@lru_cache(maxsize=1)
def documents():
    return assets.law()


@lru_cache(maxsize=1)
def shipped():
    """The overlays that ship, by name."""
    return {document["overlay"]: document for document in assets.law_overlays().values()}


@lru_cache(maxsize=1)
def checked():
    return tables(**documents(), overlays={})


def county_of(overlays=(), *, enabled=(), partners=PARTNERS, contracts=CONTRACTS):
    return County(dict(partners), list(contracts), frozenset(enabled), list(overlays))


def law_of(county, *, bases=None, matrix=None):
    """The law of a county of the reference."""
    return Law(
        bases=bases or checked().bases,
        matrix=matrix or checked().matrix,
        overlays=[
            Overlay.model_validate({"overlay": "x", "title": "x", "sources": ["x"]} | o) for o in county.overlays
        ],
        partners={name: PartnerFacts(**facts) for name, facts in county.partners.items()},
        contracts=county.contracts,
        enabled=county.enabled,
    )


LAW = law_of(county_of())

HELP = (LOCAL, "diversion")
PRETRIAL = (LOCAL, "pretrial-release")
TREAT = (REASON, "TREAT")
LEGAL = (REASON, "HLEGAL")


def asked_by(name, *purposes, actors=()):
    """A recipient context for a partner, closed over what it is part of."""
    within = County(PARTNERS).chain(org(name)) or [org(name)]
    return RecipientContext(actors=frozenset({*within, *actors}), purposes=purposes or (HELP,), organisation=org(name))


def labels(*codes):
    return tuple(sorted((LEVEL if len(code) == 1 else ACT, code) for code in codes))


SUMMARY = Segment(
    type="Observation", tier="summary", labels=labels("MH", "R"), regime="hipaa", domain="mh", unit=org("clinic")
)
DETAIL = replace(SUMMARY, tier="detail")
PROGRAM = replace(SUMMARY, regime="part2", labels=labels("MH", "R", "42CFRPart2"), unit=org("otp"))
PROGRAM_DETAIL = replace(PROGRAM, tier="detail")
NOTES = replace(DETAIL, labels=labels("PSYTHPN", "R"))
PROGRAM_NOTES = replace(PROGRAM_DETAIL, labels=labels("PSYTHPN", "R", "42CFRPart2"))
VICTIM = replace(SUMMARY, unit=org("refuge"))


def paper(instrument="", signer="patient", names=(), kind=PERMIT):
    criteria = (ActionCriterion(frozenset({"read"})), *([ActorCriterion(frozenset(names))] if names else []))
    return Body((Provision(kind, "provision[0]", criteria),), instrument=instrument, signer=signer)


def asserted(basis, name, purpose="diversion", value="", classes=("screening-summary",), units=()):
    return Fact(
        kind="assertion",
        basis=basis,
        recipient=org(name),
        purpose=purpose,
        value=value,
        classes=tuple(classes),
        units=tuple(org(unit) for unit in units),
    )


def treats(name):
    return Fact(kind="treatment", recipient=org(name))


def custody_of(name, feed=0):
    return Fact(kind="custody", recipient=org(name), value=str(feed))


def permitted(law, facts, recipient, segment, refused=FALSE):
    """The rules of the bases that permit."""
    return {ground.rule for ground in law.standing(facts, recipient, segment, refused=refused) if ground.permits}


def why(law, rule, facts, recipient, segment, refused=FALSE):
    """Why a basis does not permit."""
    (ground,) = (one for one in law.standing(facts, recipient, segment, refused=refused) if one.rule == rule)
    assert not ground.permits
    return ground.because
