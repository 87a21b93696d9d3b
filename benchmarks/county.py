"""Sites for benchmarks: the fictional county's rules around people of whom every permitted answer is known.

Nothing here goes round the product: resources are prepared by its writer, consents are authored from its
forms, what is in force is computed by its own code. Only the people are laid out so that a few lines of plain
Python (``Choice.permits``) say what a recipient may see.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import yaml

from adapter import assets
from adapter.assets import copy_fictional_county
from adapter.bootstrap import build
from adapter.consent.labels import labels_for
from adapter.consent.release import author
from adapter.fhir.facts import Facts
from adapter.fhir.validate import Validator
from adapter.machine import clock
from adapter.services.forms import read_form
from adapter.services.write import Facets, Writer
from adapter.settings import load_site
from adapter.store.shapes import row_key
from adapter.summary.build import summary
from adapter.summary.loinc import PinnedList
from adapter.summary.registry import Registry
from adapter.summary.screening import screenings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from adapter.fhir.search import IndexRow
    from adapter.services.disclose import Caller
    from adapter.store.port import Transaction
    from adapter.store.shapes import ResourceWrite
    from adapter.wired import Services

LOINC = "http://loinc.org"
FORM = ("universal-release", "2026-1")
PURPOSES = {
    "pretrial": ("pretrial-release",),
    "defender": ("pretrial-release", "diversion"),
    "treatment-court": ("diversion", "supervision"),
    "probation": ("supervision",),
    "cottonwood": ("discharge-planning", "TREAT"),
    "jail-medical": ("discharge-planning", "TREAT"),
}
"""What the county's form offers each partner."""
LABEL = {"mental-health": "MH", "substance-use": "SUD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of screening: the code a clinic sends, the code its summary states, and which unit made it."""

    code: str
    result: str
    domain: str
    unit: str = "riverside-main"
    regime: str = "hipaa"

    @property
    def labels(self) -> frozenset[str]:
        """The classes somebody has to have ticked."""
        return frozenset({"MH" if self.domain == "mh" else "SUD"})


PHQ9 = Kind(code="44261-6", result="phq-9-level", domain="mh")
GAD7 = Kind(code="70274-6", result="gad-7-level", domain="mh")
AUDIT = Kind(code="75624-7", result="audit-level", domain="sud")
DAST10 = Kind(code="82667-7", result="dast-10-level", domain="sud", unit="riverside-otp", regime="part2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What somebody signed, in the form's own terms. ``state``: signed, none, refused, revoked or expired."""

    state: str = "signed"
    partners: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    part2: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()

    def permits(self, partner: str, purpose: str, kind: Kind) -> bool:
        """Whether this release lets ``partner`` see a summary of ``kind``: the plain reading of the form."""
        if self.state != "signed" or partner in self.withdrawn:
            return False
        if kind.regime == "part2" and partner not in self.part2:
            return False
        return any(
            name == partner and purpose in purposes and kind.labels <= {LABEL[each] for each in classes}
            for name, purposes, classes in self.partners
        )


def choices(count: int) -> list[Choice]:
    """``count`` different ways to fill in the form, permitting and denying in turn."""
    both, found = ("mental-health", "substance-use"), [Choice(state=each) for each in ("none", "refused")]
    names = list(PURPOSES)
    number = 0
    while len(found) < count:
        number += 1
        partners = []
        for place, name in enumerate(names):
            if not (number >> place) & 1 and name != "cottonwood":
                continue
            classes = (both, both[:1], both[1:])[(number + place) % 3]
            offered = PURPOSES[name]
            kept = offered if (number // 3 + place) % 4 else offered[:1]
            partners.append((name, kept, classes))
        ticked = {name for name, _, classes in partners if "substance-use" in classes}
        found.append(
            Choice(
                state={5: "revoked", 7: "expired"}.get(number % 11, "signed"),
                partners=tuple(partners),
                part2=tuple(sorted(ticked & {"cottonwood", "jail-medical"})) if number % 3 else (),
                withdrawn=("cottonwood",) if number % 13 == 4 else (),
            )
        )
    return found


def days_ago(days: int, at: int) -> datetime:
    """A moment of the past."""
    return datetime.fromtimestamp(at / 1e6, tz=UTC) - timedelta(days=days)


def submission(choice: Choice, number: int, at: int, person: Mapping[str, Any]) -> dict[str, Any]:
    """The form as the registry exports it."""
    signed = days_ago(60, at)
    expires = days_ago(3, at) if choice.state == "expired" else signed + timedelta(days=365)
    revocations = [{"at": days_ago(5, at).isoformat(), "partners": list(choice.withdrawn)}]
    if choice.state == "revoked":
        revocations = [{"at": days_ago(5, at).isoformat(), "partners": "all"}]
    document: dict[str, Any] = {
        "submission": f"s{number:07d}",
        "form": FORM[0],
        "version": FORM[1],
        "person": dict(person),
        "signed": signed.isoformat(timespec="seconds"),
        "expires": expires.date().isoformat(),
        "refused": choice.state == "refused",
        "choices": [
            {"partner": name, "purposes": list(purposes), "classes": list(classes)}
            for name, purposes, classes in choice.partners
        ],
        "revocations": revocations if choice.withdrawn or choice.state == "revoked" else [],
        "signature": {"name": True, "method": "ink"},
        "copy_given": True,
    }
    if choice.part2:
        document["part2"] = {
            "signed": True,
            "partners": list(choice.part2),
            "discloser": "riverside-otp",
            "amount": "summaries of screenings",
            "purpose": "care after release",
            "revocation_statement": True,
            "redisclosure_statement": True,
            "refusal_statement": True,
        }
    return document


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    durable: bool = True,
    grants: list[dict[str, Any]] | None = None,
    adjust: Callable[[Path], None] = lambda _: None,
) -> AsyncIterator[Services]:
    """A site of the fictional county in ``folder``, with further ``grants`` where a benchmark needs them.

    ``adjust`` may edit its files first.
    """
    copy_fictional_county(folder)
    adjust(folder)
    if grants:
        agreement = {
            "agreement": "benchmark",
            "title": "Further grants for a benchmark",
            "kind": "mou",
            "authority": "county commission resolution 2026-14",
            "parties": sorted({grant["recipient"] for grant in grants}),
            "start": "2026-01-01",
            "end": None,
            "contact": "county privacy officer",
            "grants": grants,
        }
        (folder / "agreements" / "benchmark.yaml").write_text(yaml.safe_dump(agreement), encoding="utf-8")
    services = await build(load_site(folder), durable=durable)
    try:
        yield services
    finally:
        await services.store.close()


async def caller(services: Services, partner: str, purpose: str, *rights: str) -> Caller:
    """A partner with a token, as a request would have it."""
    token = await services.tokens.issue(
        client="benchmark",
        organisation=f"Organization/{partner}",
        purposes=[purpose],
        rights=rights,
        lifetime=36_000,
    )
    return await services.requester.caller([(b"authorization", b"Bearer " + token.encode())], "benchmark")


class Filler:
    """Puts people, their releases and their summaries into a store, without extracts around them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.writer = Writer(services.keys, Validator(Facts(assets.r4_facts())), services.decisions, services.zone)
        self.in_force = services.in_force
        self.at = clock()
        self._registry = Registry.load(assets.instruments(), PinnedList.load(assets.loinc()))
        documents = (read_form(body, where) for where, body in services.site.forms.items())
        self._form = next(form for form in documents if (form.form, form.version) == FORM)
        self._bodies: dict[tuple[Kind, int], tuple[dict[str, Any], Facets]] = {}
        self._prepared: dict[tuple[Kind, int, str], tuple[ResourceWrite, bytes, bytes, Sequence[IndexRow]]] = {}
        self._consents: dict[Choice, dict[str, Any]] = {}

    def patient_id(self, number: int) -> str:
        """The id of a person's Patient."""
        return self.writer.resource_id("benchmark", "Patient", str(number))

    async def patient(self, number: int) -> ResourceWrite:
        """A Patient with nothing but a name."""
        ident = self.patient_id(number)
        body = {"resourceType": "Patient", "birthDate": "1980-05-05"}
        body["name"] = [{"family": f"Person{number}", "given": ["Sample"]}]
        return await self.writer.prepare(body, self.facets("identity"), ident=ident, patient=ident)

    async def consent(self, number: int, choice: Choice) -> ResourceWrite | None:
        """What somebody signed as a Consent; None if they never signed."""
        if choice.state == "none":
            return None
        patient = self.patient_id(number)
        body = self._consents.get(choice)
        if body is None:
            person = {"id": "p", "last": "Person", "first": "Sample"}
            body = self._consents[choice] = author(
                self._form,
                submission(choice, 0, self.at, person),
                patient_ref="Patient/p",
                organisations={key: f"Organization/{key}" for key in self._services.site.partners},
                zone=self._services.zone,
                now=self.at,
            )
        ident = self.writer.resource_id("benchmark", "Consent", str(number))
        own = body | {
            "patient": {"reference": f"Patient/{patient}"},
            "identifier": [{"system": "urn:benchmark", "value": f"s{number}"}],
        }
        return await self.writer.prepare(own, self.facets("consent"), ident=ident, patient=patient)

    async def summary(self, number: int, kind: Kind, score: int, day: str) -> ResourceWrite:
        """A screening summary of a person, as ingest builds it.

        Summaries of one kind, score and day differ in id and subject alone: the writer prepares the first of
        them, and the others are its bytes with the names exchanged.
        """
        patient = self.patient_id(number)
        ident = self.writer.resource_id("benchmark", "screening-summary", str(number), kind.code, kind.unit, day)
        known = self._prepared.get((kind, score, day))
        if known is None:
            body, facets = self._summary(kind, score)
            own = body | {"effectiveDateTime": day}
            write = await self.writer.prepare(own, facets, ident=ident, patient=patient)
            known = self._prepared[kind, score, day] = (
                write,
                write.id.encode(),
                patient.encode(),
                write.index(),
            )
            return write
        write, first_id, first_patient, rows = known
        opening = write.opening.replace(first_id, ident.encode())
        tail = write.tail.replace(first_patient, patient.encode())
        # The digest is that of head and tail as the writer takes it.
        digest = blake2b(opening + write.head + tail, digest_size=16).digest()
        return replace(
            write,
            rid=row_key("Observation", ident),
            id=ident,
            patient=row_key("Patient", patient),
            digest=digest,
            opening=opening,
            tail=tail,
            index=lambda: rows,
        )

    def _summary(self, kind: Kind, score: int) -> tuple[dict[str, Any], Facets]:
        known = self._bodies.get((kind, score))
        if known is None:
            detail = detail_of(kind, score, "2026-01-01T12:00:00Z")
            (screening,) = screenings(detail, self._registry)
            labels = labels_for(
                instrument_labels=screening.instrument.labels,
                codes=screening.result.codings,
                regime=kind.regime,
            )
            facets = Facets(
                tier="summary",
                labels=labels,
                regime=kind.regime,
                domain=screening.instrument.domain,
                unit=f"Organization/{kind.unit}",
            )
            known = self._bodies[kind, score] = summary(screening, labels=labels), facets
        return known

    @staticmethod
    def facets(tier: str) -> Facets:
        """The facets of a record of the release registry."""
        return Facets(
            tier=tier,
            labels=labels_for(regime="justice"),
            regime="justice",
            domain="",
            unit="Organization/registry",
        )

    async def settle(self, change: Transaction, number: int) -> None:
        """Compute what is in force for a person."""
        await self.in_force.refresh(change, [row_key("Patient", self.patient_id(number))], at=self.at)


def detail_of(kind: Kind, score: int, when: str) -> dict[str, Any]:
    """The Observation a clinic sends for a result."""
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
    return {
        "resourceType": "Observation",
        "meta": {"source": f"urn:unit:{kind.unit}"},
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": LOINC, "code": kind.code}]},
        "effectiveDateTime": when,
        "valueQuantity": {
            "value": score,
            "unit": "{score}",
            "system": "http://unitsofmeasure.org",
            "code": "{score}",
        },
    }
