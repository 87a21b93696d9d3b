"""An agreement as counsel reads it, made from the very file that decisions are bounded by.

Whatever stands on the page is evaluated, or said to be the parties' own words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from adapter.consent.agreement import Agreement, DataUse, terms
from adapter.fhir.dates import MAX
from adapter.services.agreements import day, signed_by, state
from adapter.services.page import Block, Bullets, Heading, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from adapter.consent.agreement import AnyAgreement, Grant
    from adapter.consent.agreement_spec import Amendment, Direction, Signatory
    from adapter.consent.agreement_user import UserAgreement

KINDS: Final = {
    "mou": "Memorandum of understanding",
    "moa": "Memorandum of agreement",
    "dua": "Data use agreement with a vendor",
}
CLASSES: Final = {
    "screening-summary": "screening summaries (instrument, result, day)",
    "screening-detail": "screening details (answers and scores as recorded)",
    "booking": "bookings and releases from custody",
    "court": "court cases and orders",
    "identity": "identity (name, date of birth, identifiers)",
    "contact": "how to reach a person (address, telephone, relatives), for care alone unless counsel enabled more",
    "consent-share": "the recipient's own part of a signed release",
}
BASES: Final = {
    "consent": "the person's written consent",
    "T": "treatment, payment and operations within a recorded treatment relationship (45 CFR 164.506)",
    "K": "lawful custody, while it lasts (45 CFR 164.512(k)(5))",
    "Q": "a business associate or qualified service contract with the source",
    "X": "the person's consent for one proceeding (42 CFR 2.31(d))",
}
REGIMES: Final = {
    "justice": "the rules for justice records",
    "hipaa": "HIPAA",
    "part2": "42 CFR part 2",
}
RIGHTS: Final = {
    "population-search": "searching everyone, not one person at a time",
    "patient-match": "asking who somebody is, by name, birth date and numbers",
}
ONWARD: Final = {
    "none": "Nothing that is received is passed on to anyone.",
    "with-new-consent": "What is received is passed on only on a new consent of the person, naming its next reader.",
    "as-law-permits": "What is received is passed on as law permits, never into a proceeding against the person.",
}
_ENABLED: Final = {
    "part2_under_general_release": "Part 2 records under a general release, for help outside proceedings",
    "contact_details": "Addresses, telephone numbers and relatives, besides treatment and discharge planning",
}
AT_END: Final = {
    "return": "returns everything to its source and keeps nothing",
    "destroy": "destroys everything and confirms it in writing",
    "return-and-destroy": "returns everything to its source, then destroys what is left and confirms it in writing",
}
NEVER: Final = (
    "psychotherapy notes and substance use disorder counseling notes, without a consent of their own",
    "Part 2 records on a treatment purpose, on custody or on a subpoena alone",
    "Part 2 records into a proceeding against the person, without a consent for it or a court order",
    "anything on a consent that is expired, incomplete, revoked or known to be false",
    "a hint that something was withheld",
)
"""What no agreement can give: it stands in law, and no county can switch it off."""
UNBOUNDED: Final = (
    "This page bounds consents, treatment, custody, contracts and consents for proceedings. A serious and imminent "
    "threat (45 CFR 164.512(j)), a medical emergency (42 CFR 2.51) and a court order are given by law itself; each use "
    "is recorded and reviewed."
)


Holding = Callable[[int, "Grant"], str]
"""When a grant of the agreement (0) or of an amendment holds, in words."""


def agreement_page(
    agreement: AnyAgreement,
    names: Mapping[str, str],
    *,
    units: Mapping[str, Collection[str]],
    at: int,
    zone: tzinfo,
) -> list[Block]:
    """The page of an agreement as written in its file. ``names`` are the partners' names by key, ``units`` theirs."""
    until = "on, without an end" if agreement.end is None else f"to {agreement.end}, both days included"
    holding = partial(_holding, agreement.with_units(units), zone)
    blocks: list[Block] = [
        Heading(level=1, text=agreement.title),
        Paragraph(text=f"{KINDS[agreement.kind]} `{agreement.agreement}`, under {agreement.authority}."),
        Paragraph(text=f"From {agreement.start} {until}. State: {state(agreement, at=at, zone=zone)}."),
        Heading(level=2, text="Parties"),
        Bullets(items=[_name(names, key) for key in agreement.parties]),
    ]
    if isinstance(agreement, Agreement):
        blocks += _memorandum(agreement, names, holding)
    else:
        blocks += _contract(agreement, names)
    blocks += _words(agreement)
    blocks += [Heading(level=2, text="Signatures"), *_signatures(agreement, names)]
    breach = agreement.breach_notice_hours
    told = "within the time the law sets" if breach is None else f"within {breach} hours"
    blocks += [
        Heading(level=2, text="Breach and contact"),
        Paragraph(text=f"A breach is told to the parties concerned {told}. Contact: {agreement.contact}."),
    ]
    return blocks


def _holding(agreement: AnyAgreement, zone: tzinfo, instrument: int, grant: Grant) -> str:
    """When a grant holds for its recipient, signatures and amendments counted."""
    for term in terms(agreement, grant.recipient, zone):
        if (term.instrument, term.grant) == (instrument, grant):
            first = day(term.start, zone)
            return f"from {first}" if term.stop == MAX else f"{first} to {day(term.stop - 1, zone)}"
    return "does not hold: not signed, or ended before it began"


def _memorandum(agreement: Agreement, names: Mapping[str, str], holding: Holding) -> Iterator[Block]:
    yield Heading(level=2, text="What each party may receive")
    yield Paragraph(
        text="What is not listed is not given, whatever a release says. Who has not signed receives nothing."
    )
    yield _grants(0, agreement.grants, names, holding)
    yield Paragraph(text=UNBOUNDED)
    yield Heading(level=2, text="Who sends what to whom")
    if agreement.directions:
        yield _directions(agreement.directions, names)
    else:
        yield Paragraph(text="Every party that has signed sends what the others are granted.")
    yield Heading(level=2, text="What is never given")
    if agreement.never:
        yield Paragraph(text="In the parties' own words:")
        yield Bullets(items=agreement.never)
    yield Paragraph(text="By law, and not this agreement's to change:")
    yield Bullets(items=NEVER)
    yield from _silent(agreement, names)
    yield Heading(level=2, text="Passing on")
    yield Paragraph(text=ONWARD[agreement.onward])
    if agreement.obligations:
        yield Heading(level=2, text="Obligations")
        yield Bullets(items=agreement.obligations)
    yield from _counsel(agreement, names)
    yield Heading(level=2, text="Amendments")
    if not agreement.amendments:
        yield Paragraph(text="None.")
    for amendment in agreement.amendments:
        yield from _amendment(amendment, names, holding)


def _grants(instrument: int, grants: Sequence[Grant], names: Mapping[str, str], holding: Holding) -> Block:
    rows = [
        (
            _name(names, grant.recipient) + (f" (grant `{grant.grant}`)" if grant.grant else ""),
            ", ".join(grant.purposes),
            _told(grant.classes, CLASSES),
            _told(grant.regimes, REGIMES),
            _told(grant.bases, BASES),
            _told(grant.rights, RIGHTS) or "-",
            ", ".join(grant.unattended) or "-",
            holding(instrument, grant),
        )
        for grant in grants
    ]
    head = (
        "Recipient",
        "Purposes of use",
        "Data",
        "Records under",
        "On the basis of",
        "Rights",
        "Without a user",
        "Holds",
    )
    return Table(head=head, rows=rows)


def _directions(directions: Sequence[Direction], names: Mapping[str, str]) -> Block:
    rows = [
        (
            *(", ".join(_name(names, key) for key in keys) for keys in (one.senders, one.recipients)),
            _told(one.classes, CLASSES),
        )
        for one in directions
    ]
    return Table(head=("Senders, with their units", "Recipients", "Data"), rows=rows)


def _silent(agreement: Agreement, names: Mapping[str, str]) -> Iterator[Block]:
    receiving = {grant.recipient for grant in agreement.every_grant()}
    if silent := [key for key in agreement.parties if key not in receiving]:
        yield Paragraph(text="These parties receive nothing under this agreement:")
        yield Bullets(items=[_name(names, key) for key in silent])


def _counsel(agreement: Agreement, names: Mapping[str, str]) -> Iterator[Block]:
    yield Heading(level=2, text="Enabled by counsel")
    counsel = agreement.counsel
    enabled = [(_ENABLED[name], one) for name in _ENABLED for one in getattr(counsel, name)]
    if not enabled:
        yield Paragraph(text="Nothing: what stays off until counsel enables it is off for every party.")
        return
    rows = [
        (
            what,
            _name(names, item.partner),
            f"{item.approved_by}, {item.role}",
            str(item.date),
            item.conditions or "-",
        )
        for what, item in enabled
    ]
    yield Table(head=("What", "For", "Approved by", "On", "Conditions"), rows=rows)


def _amendment(amendment: Amendment, names: Mapping[str, str], holding: Holding) -> Iterator[Block]:
    yield Heading(level=3, text=f"Amendment {amendment.number}, from {amendment.date}")
    yield Paragraph(text=amendment.summary)
    if amendment.ends:
        yield Bullets(items=[f"Ends grant `{name}`." for name in amendment.ends])
    if amendment.withdraws:
        yield Bullets(items=[f"{_name(names, key)} leaves." for key in amendment.withdraws])
    if amendment.adds:
        yield Paragraph(text="Adds, between those who signed this amendment:")
        yield _grants(amendment.number, amendment.adds, names, holding)
    if amendment.directions:
        yield _directions(amendment.directions, names)
    if amendment.signatories:
        yield _signed(amendment.signatories, names)


def _contract(contract: DataUse, names: Mapping[str, str]) -> Iterator[Block]:
    vendor = _name(names, contract.vendor)
    yield Heading(level=2, text="What the vendor may do")
    yield Paragraph(text=f"{vendor} handles records of the other parties, for {', '.join(contract.purposes)} alone.")
    received = _told(contract.classes, CLASSES) or "nothing"
    items = [
        f"Feeds: {', '.join(contract.feeds) or 'none'}. While this contract is not in force they take nothing in.",
        f"Over the interfaces it receives: {received}; records under {_told(contract.regimes, REGIMES)}.",
        "It uses nothing for itself and teaches no model with what it handles.",
        f"At the end it {AT_END[contract.at_end]}.",
        _subcontractors(contract),
        *(f"Safeguard: {item}." for item in contract.safeguards),
    ]
    yield Bullets(items=items)
    if contract.qualified_service is not None:
        yield Heading(level=2, text="Qualified service organization, 42 CFR 2.11")
        yield Bullets(
            items=[
                "The vendor is fully bound by 42 CFR part 2 in whatever it does with records of the program.",
                "It resists in judicial proceedings any effort to obtain them but as part 2 permits.",
                "It passes no such record on.",
            ]
        )


def _subcontractors(contract: DataUse) -> str:
    if contract.subcontractors.allowed == "none":
        return "It lets no subcontractor handle the records."
    approved = ", ".join(contract.subcontractors.approved) or "none so far"
    return f"Subcontractors only with written approval, bound to the same terms. Approved: {approved}."


def _words(agreement: AnyAgreement) -> Iterator[Block]:
    for section in agreement.sections:
        yield Heading(level=2, text=section.heading)
        yield Paragraph(text=section.text)


def _signatures(agreement: AnyAgreement, names: Mapping[str, str]) -> Iterator[Block]:
    if agreement.signatories:
        yield _signed(agreement.signatories, names)
    signed = signed_by(agreement)
    if missing := [key for key in agreement.parties if key not in signed]:
        yield Paragraph(
            text="Nobody signed for these. Unless they are a unit of who signed, nothing goes to or from them:"
        )
        yield Bullets(items=[_name(names, key) for key in missing])


def _signed(signatories: Sequence[Signatory], names: Mapping[str, str]) -> Block:
    rows = [(item.name, item.role, _name(names, item.organisation), str(item.date)) for item in signatories]
    return Table(head=("Name", "Role", "For", "Signed on"), rows=rows)


def user_agreement_page(agreement: UserAgreement, names: Mapping[str, str]) -> list[Block]:
    """The page of a user agreement, with its boxes."""
    who = ", ".join(_name(names, key) for key in agreement.required_of)
    return [
        Heading(level=1, text=agreement.title),
        Paragraph(
            text=f"User agreement `{agreement.user_agreement}`, version {agreement.version}, to be signed from "
            f"{agreement.effective} by every user of: {who}. A signature holds for {agreement.valid_days} days."
        ),
        Paragraph(text=agreement.text),
        Heading(level=2, text="I certify"),
        Bullets(items=[f"[ ] {words} (`{key}`)" for key, words in agreement.certifications.items()]),
        Paragraph(text=f"Hash of this text: {agreement.text_hash().hex()}"),
        Paragraph(text=f"Contact: {agreement.contact}."),
    ]


def _name(names: Mapping[str, str], key: str) -> str:
    return f"{names[key]} (`{key}`)" if key in names else f"`{key}`"


def _told(codes: Sequence[str], words: Mapping[str, str]) -> str:
    return "; ".join(words[code] for code in codes)
