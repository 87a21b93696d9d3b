"""What an agreement file says: the memorandum or agreement between partners, before anything is decided by it.

45 CFR 164.504(e), 164.506, 164.508; 42 CFR 2.31, 2.33.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003  # pydantic reads the annotation when the class is made
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

DataClass = Literal["screening-summary", "screening-detail", "booking", "court", "identity", "contact", "consent-share"]
Basis = Literal["consent", "T", "K", "Q", "X"]
"""The grounds an agreement can bound; threat (J), emergency (E) and court order (O) are never its to give or take."""
AgreementRegime = Literal["justice", "hipaa", "part2"]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Code = Annotated[str, Field(pattern=r"^[^\s]+$")]
Words = Annotated[str, Field(min_length=1)]


class Fault(NamedTuple):
    """Two parts of a file that do not fit: the key path of one, what is wrong and what was expected."""

    path: str
    message: str
    expected: str


class Spec(BaseModel):
    """A section of a file: nothing in it that is not described here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def refuse(faults: Iterable[Fault]) -> None:
    """Refuse a file whose parts do not fit, with every fault."""
    found = [tuple(fault) for fault in faults]
    if found:
        told = "; ".join(f"{path}: {message}, expected {expected}" for path, message, expected in found)
        raise PydanticCustomError("inconsistent", "{told}", {"told": told, "faults": found})


class Grant(Spec):
    """What one recipient may receive under an agreement; what is not listed is not granted."""

    grant: Key | None = Field(default=None, description="Name by which an amendment can end it.")
    recipient: Key = Field(description="Key of the partner that receives.", examples=["pretrial"])
    purposes: tuple[Code, ...] = Field(min_length=1, description="Codes of purposes of use.")
    classes: tuple[DataClass, ...] = Field(min_length=1, description="Classes of data.")
    regimes: tuple[AgreementRegime, ...] = Field(
        min_length=1,
        description="Legal regimes of the units whose records may be received.",
    )
    bases: tuple[Basis, ...] = Field(
        default=("consent",),
        min_length=1,
        description="Legal bases on which it may be received.",
    )
    rights: tuple[Literal["population-search", "patient-match"], ...] = Field(
        default=(),
        description="Rights beyond asking about one person at a time.",
    )
    unattended: tuple[Code, ...] = Field(
        default=(),
        description="Purposes for which software may ask when no user is named.",
    )


class Direction(Spec):
    """Who sends which classes to whom. A partner stands for its units too."""

    senders: tuple[Key, ...] = Field(min_length=1)
    recipients: tuple[Key, ...] = Field(min_length=1)
    classes: tuple[DataClass, ...] = Field(min_length=1)


class Signatory(Spec):
    """Who signed for an organisation, and when. It holds for the organisation and its units from that day."""

    name: Words
    role: Words
    organisation: Key
    date: date


class Amendment(Spec):
    """A change from a date on. What it adds holds between those who signed it; what it takes, ends for everyone."""

    number: int = Field(ge=1)
    date: date
    summary: Words = Field(description="What changed, for people.")
    adds: tuple[Grant, ...] = ()
    ends: tuple[Key, ...] = Field(default=(), description="Names of grants that end on that date.")
    directions: tuple[Direction, ...] = ()
    withdraws: tuple[Key, ...] = Field(default=(), description="Parties that leave on that date.")
    signatories: tuple[Signatory, ...] = ()


class Enablement(Spec):
    """Something that counsel enabled for one partner: who approved it, and when."""

    partner: Key
    approved_by: Words
    role: Words
    date: date
    conditions: str = ""


class Counsel(Spec):
    """What stays off until counsel enables it partner by partner."""

    part2_under_general_release: tuple[Enablement, ...] = Field(
        default=(),
        description="Part 2 records to pretrial or supervision on a general release, for help outside proceedings.",
    )
    contact_details: tuple[Enablement, ...] = Field(
        default=(),
        description="Addresses, telephone numbers and relatives for purposes besides treatment and discharge planning.",
    )

    def enabled(self) -> Iterator[tuple[str, Enablement]]:
        """Everything enabled, with its key path."""
        for name in type(self).model_fields:
            yield from ((f"counsel.{name}[{place}]", one) for place, one in enumerate(getattr(self, name)))


class Section(Spec):
    """A section in the parties' own words, printed as it stands."""

    heading: Words
    text: Words


class Instrument(Spec):
    """What every agreement has, whatever its kind."""

    agreement: Key = Field(description="Id of the agreement.", examples=["mou-2026"])
    title: Words
    authority: Words = Field(description="The statute or ordinance the parties act under.")
    start: date = Field(description="First day it holds, in the time zone of the site.")
    end: date | None = Field(default=None, description="Last day it holds; null while it has no end.")
    contact: Words = Field(description="Whom to ask about it.")
    breach_notice_hours: int | None = Field(default=None, ge=1, le=24 * 60)
    signatories: tuple[Signatory, ...] = ()
    sections: tuple[Section, ...] = ()

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Instrument:
        if self.end is not None and self.end < self.start:
            refuse([Fault("end", "it ends before it starts", "a day on or after `start`")])
        return self


class Agreement(Instrument):
    """A memorandum of understanding or of agreement between partners."""

    kind: Literal["mou", "moa"] = "mou"
    parties: tuple[Key, ...] = Field(min_length=1, description="Keys of the partners that signed.")
    grants: tuple[Grant, ...] = Field(min_length=1)
    directions: tuple[Direction, ...] = Field(default=(), description="Empty: every party sends what is granted.")
    onward: Literal["none", "with-new-consent", "as-law-permits"] = "none"
    never: tuple[Words, ...] = Field(default=(), description="What is never given, in the parties' own words.")
    obligations: tuple[Words, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    counsel: Counsel = Counsel()

    @model_validator(mode="after")
    def _consistent(self) -> Agreement:
        refuse((*self._strangers(), *self._misnumbered(), *self._misnamed(), *self._unattended()))
        return self

    def _strangers(self) -> Iterator[Fault]:
        """Whoever has to be a party and is none."""
        for path, key in self._named():
            if key not in self.parties:
                yield Fault(path, f"`{key}` is no party", ", ".join(self.parties))

    def _named(self) -> Iterator[tuple[str, str]]:
        """Key path and partner of everything that only a party can be."""
        for path, item in self.counsel.enabled():
            yield f"{path}.partner", item.partner
        for path, paper, grants in self._papers():
            for place, one in enumerate(grants):
                yield f"{path}{'adds' if path else 'grants'}[{place}].recipient", one.recipient
            for place, signatory in enumerate(paper.signatories):
                yield f"{path}signatories[{place}].organisation", signatory.organisation
            for place, direction in enumerate(paper.directions):
                yield from ((f"{path}directions[{place}].recipients", key) for key in direction.recipients)
            if isinstance(paper, Amendment):
                yield from ((f"{path}withdraws", key) for key in paper.withdraws)

    def _papers(self) -> Iterator[tuple[str, Agreement | Amendment, tuple[Grant, ...]]]:
        """The agreement and each amendment with its key path and its grants."""
        yield "", self, self.grants
        for place, item in enumerate(self.amendments):
            yield f"amendments[{place}].", item, item.adds

    def _unattended(self) -> Iterator[Fault]:
        """Purposes without a user that are not granted at all."""
        for path, _, grants in self._papers():
            for place, one in enumerate(grants):
                for code in sorted({*one.unattended} - {*one.purposes}):
                    at = f"{path}{'adds' if path else 'grants'}[{place}].unattended"
                    yield Fault(at, f"`{code}` is none of the purposes of the grant", ", ".join(one.purposes))

    def _misnumbered(self) -> Iterator[Fault]:
        before = None
        for place, item in enumerate(self.amendments):
            path = f"amendments[{place}]"
            if item.number != place + 1:
                yield Fault(f"{path}.number", f"number {item.number} stands in place {place + 1}", str(place + 1))
            if before is not None and item.date < before:
                yield Fault(f"{path}.date", "it is dated before the one above it", f"{before} or later")
            if item.directions and not self.directions:
                yield Fault(f"{path}.directions", "the agreement itself has none", "`directions` in the agreement")
            before = item.date

    def _misnamed(self) -> Iterator[Fault]:
        """Names of grants that are used twice, or ended before anything was called so."""
        known: set[str] = set()
        for path, paper, grants in self._papers():
            for name in paper.ends if isinstance(paper, Amendment) else ():
                if name not in known:
                    yield Fault(f"{path}ends", f"no earlier grant is named `{name}`", ", ".join(sorted(known)))
            for place, one in enumerate(grants):
                if one.grant in known:
                    told = f"another grant is named `{one.grant}`"
                    yield Fault(f"{path}{'adds' if path else 'grants'}[{place}].grant", told, "a name of its own")
                known |= {one.grant} if one.grant is not None else set()

    def every_grant(self) -> Iterator[Grant]:
        """The grants of the agreement and of its amendments."""
        yield from self.grants
        for amendment in self.amendments:
            yield from amendment.adds

    def with_units(self, units: Mapping[str, Collection[str]]) -> Agreement:
        """The same agreement where each partner is written out with its units: ``units`` by partner."""
        return self.model_copy(
            update={
                "parties": with_units(self.parties, units),
                "signatories": _signed(self.signatories, units),
                "directions": _directed(self.directions, units),
                "amendments": tuple(
                    amendment.model_copy(
                        update={
                            "signatories": _signed(amendment.signatories, units),
                            "directions": _directed(amendment.directions, units),
                            "withdraws": with_units(amendment.withdraws, units),
                        }
                    )
                    for amendment in self.amendments
                ),
            }
        )


def with_units(partners: Iterable[str], units: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """The partners and their units, each once."""
    return tuple(dict.fromkeys(one for partner in partners for one in (partner, *sorted(units.get(partner, ())))))


def _signed(signatories: Iterable[Signatory], units: Mapping[str, Collection[str]]) -> tuple[Signatory, ...]:
    return tuple(
        signatory.model_copy(update={"organisation": organisation})
        for signatory in signatories
        for organisation in with_units([signatory.organisation], units)
    )


def _directed(directions: Iterable[Direction], units: Mapping[str, Collection[str]]) -> tuple[Direction, ...]:
    return tuple(
        direction.model_copy(update={"senders": with_units(direction.senders, units)}) for direction in directions
    )


class Subcontractors(Spec):
    """Whom the vendor may let handle the data."""

    allowed: Literal["none", "with-written-approval"] = "none"
    approved: tuple[Words, ...] = ()


class QualifiedService(Spec):
    """What a qualified service organization acknowledges in writing, 42 CFR 2.11."""

    bound_by_part2: Literal[True] = Field(description="It is fully bound by 42 CFR part 2.")
    resists_legal_process: Literal[True] = Field(
        description="It resists in judicial proceedings any effort to obtain the records but as part 2 permits."
    )


class DataUse(Instrument):
    """A contract with a vendor: business associate and qualified service organization terms, and the feeds it covers.

    45 CFR 164.504(e)(2), 42 CFR 2.11. Once it has ended, the feeds it covers take nothing in.
    """

    kind: Literal["dua"]
    vendor: Key
    sources: tuple[Key, ...] = Field(min_length=1)
    feeds: tuple[str, ...] = ()
    purposes: tuple[Code, ...] = Field(min_length=1)
    unattended: tuple[Code, ...] = Field(default=(), description="Purposes for which it may ask with no user named.")
    classes: tuple[DataClass, ...] = ()
    regimes: tuple[AgreementRegime, ...] = Field(min_length=1)
    at_end: Literal["return", "destroy", "return-and-destroy"]
    subcontractors: Subcontractors = Subcontractors()
    model_training: Literal["prohibited"]
    safeguards: tuple[Words, ...] = ()
    qualified_service: QualifiedService | None = None

    @model_validator(mode="after")
    def _consistent(self) -> DataUse:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        for place, one in enumerate(self.signatories):
            if one.organisation not in self.parties:
                told = f"`{one.organisation}` is neither the vendor nor a source"
                yield Fault(f"signatories[{place}].organisation", told, ", ".join(self.parties))
        if "part2" in self.regimes and self.qualified_service is None:
            told = "records of Part 2 programs are covered without it, 42 CFR 2.11"
            yield Fault("qualified_service", told, "`bound_by_part2: true` and `resists_legal_process: true`")
        for code in self.unattended:
            if code not in self.purposes:
                yield Fault("unattended", f"`{code}` is none of `purposes`", ", ".join(self.purposes))
        if self.vendor in self.sources:
            yield Fault("vendor", "the vendor is one of `sources`", "another partner")

    @property
    def parties(self) -> tuple[str, ...]:
        """The vendor and the sources."""
        return (self.vendor, *self.sources)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """What the vendor may receive itself, on the contract: one grant, or none for a vendor that only hosts."""
        if not self.classes:
            return ()
        granted = Grant(
            recipient=self.vendor,
            purposes=self.purposes,
            unattended=self.unattended,
            classes=self.classes,
            regimes=self.regimes,
            bases=("Q",),
        )
        return (granted,)

    @property
    def amendments(self) -> tuple[Amendment, ...]:
        """None: a contract that changes is written anew."""
        return ()

    def with_units(self, units: Mapping[str, Collection[str]]) -> DataUse:
        """The same contract where each source is written out with its units."""
        signatories = _signed(self.signatories, units)
        return self.model_copy(update={"sources": with_units(self.sources, units), "signatories": signatories})


AnyAgreement = Agreement | DataUse
KINDS: dict[str, type[Agreement | DataUse]] = {"mou": Agreement, "moa": Agreement, "dua": DataUse}
"""The model of each kind of agreement file."""
