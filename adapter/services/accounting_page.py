"""An accounting as the person and counsel read it, and its rows for a spreadsheet.

The page says when, to whom, what and why, as 45 CFR 164.528(b)(2) wants it, and nothing of what a record says. The same
sentences stand on every page, whoever it is for: nothing shows whether something is suspended.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from adapter.consent.bases import OWN
from adapter.consent.wording import bases_told, classes_told
from adapter.fhir.dates import interval
from adapter.fhir.instants import instant_text
from adapter.services.accounting import DISCLOSED, NOTHING, OWN_RECORD, REFUSED
from adapter.services.accounting_law import HIPAA, INTERMEDIARY, LISTINGS
from adapter.services.page import Block, Bullets, Heading, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.services.accounting import Account, Asked, Given
    from adapter.services.accounting_law import Listing
    from adapter.services.words import Words
    from adapter.settings import Partner

RESULTS: Final = {
    DISCLOSED: "disclosed",
    OWN_RECORD: "its own record, no disclosure",
    NOTHING: "nothing was given",
    REFUSED: "refused, nothing was looked up",
}
EXEMPT: Final = (
    "for treatment, payment and health care operations, and to business associates for them (45 CFR 164.528(a)(1)(i))",
    (
        "that the person authorized in writing (45 CFR 164.528(a)(1)(iv)); those of substance use disorder records by "
        "consent stand in a list of their own (42 CFR 2.25)"
    ),
    "to correctional institutions that have the person in lawful custody (45 CFR 164.528(a)(1)(vii))",
    "of justice records, which stand under local law",
    "to a unit of records that it made itself",
)
"""What this page leaves out because the law does, said on every page alike."""
HEAD: Final = (
    "when",
    "recipient",
    "recipient name",
    "recipient contact",
    "what",
    "resources",
    "made by",
    "purpose",
    "basis",
    "listed under",
    "result",
    "request",
)
OFFICERS: Final = ("client", "asked", "suspended", "former")
"""Further columns for the people of the site."""


class AccountPage:
    """Writes accounts of one site. ``operator`` is the operator status of `site.toml`."""

    def __init__(self, words: Words, partners: Mapping[str, Partner], *, site: str, operator: str) -> None:
        self._words = words
        self._partners = partners
        self._site = site
        self._operator = operator

    def blocks(self, account: Account, zone: ZoneInfo, *, officer: bool = False) -> list[Block]:
        """The page that the person is given; for an ``officer``, what stays in the house as well, marked."""
        asked = account.for_person()
        blocks: list[Block] = [
            Heading(level=1, text="Accounting of disclosures"),
            Paragraph(
                text=f"{self._site}. About the person of record Patient/{account.patient}, as confirmed on "
                f"{self._words.moment(account.at)}. From {self._words.day(account.since)} to "
                f"{self._words.moment(account.until)}."
            ),
        ]
        for listing in LISTINGS:
            blocks += self._listing(listing, asked, account, zone)
        blocks += [
            Heading(level=2, text="What the law leaves out of these lists"),
            Paragraph(text=f"Not listed under {HIPAA.citation} are disclosures:"),
            Bullets(items=EXEMPT),
            Heading(level=2, text="Questions that gave nothing"),
            Paragraph(text="Somebody asked about the person and was given nothing. This is no disclosure."),
            self._lookups([one for one in asked if one.result in {NOTHING, REFUSED}]),
        ]
        if officer:
            blocks += self._for_officer(account)
        return blocks

    def _listing(self, listing: Listing, asked: Sequence[Asked], account: Account, zone: ZoneInfo) -> Iterator[Block]:
        yield Heading(level=2, text=f"{listing.title} ({listing.citation})")
        if listing is INTERMEDIARY and self._operator != "intermediary":
            yield Paragraph(text=f"This site is no intermediary (42 CFR 2.11); it operates as {self._operator}.")
            return
        first = interval(listing.first_day(self._words.date(account.at)).isoformat(), zone)[0]
        yield Paragraph(text=f"The law reaches back {listing.years} years, to {self._words.day(first)}.")
        rows = [
            (
                self._words.moment(one.at),
                self._who(one.recipient),
                self._contact(one.recipient),
                *self._what(group),
                f"{one.purpose}; {_basis(group[0])}",
            )
            for one in asked
            if one.at >= first
            for group in _alike([item for item in one.given if listing in item.listings])
        ]
        if not rows:
            yield Paragraph(text="None.")
            return
        head = ("When", "To whom", "Address or contact", "What", "Made by", "Purpose and basis")
        yield Table(head=head, rows=rows)

    def _lookups(self, asked: Sequence[Asked]) -> Block:
        if not asked:
            return Paragraph(text="None.")
        rows = [
            (self._words.moment(one.at), self._who(one.recipient), one.purpose, RESULTS[one.result]) for one in asked
        ]
        return Table(head=("When", "Who asked", "Purpose", "Result"), rows=rows)

    def _for_officer(self, account: Account) -> Iterator[Block]:
        yield Heading(level=2, text="For the privacy office alone: every question, not to be given to the person")
        for agency in account.unmatched:
            yield Paragraph(
                text=f"`{agency}` asked for a suspension and is no partner, so it cannot be told what to leave out: "
                "end it, and record it again under the key of a partner."
            )
        rows = [
            (
                self._words.moment(one.at),
                self._who(one.recipient),
                one.client,
                one.purpose,
                one.target,
                RESULTS[one.result] + self._marks(one),
                one.request_id,
            )
            for one in account.asked
        ]
        head = ("When", "Who asked", "Client", "Purpose", "Asked for", "Result", "Request")
        yield Table(head=head, rows=rows) if rows else Paragraph(text="None.")

    @staticmethod
    def _marks(one: Asked) -> str:
        marks = ["suspended"] if one.suspended else []
        marks += ["of records that are not the person's any more"] if one.former else []
        return f" ({'; '.join(marks)})" if marks else ""

    def rows(self, account: Account, *, officer: bool = False) -> str:
        """The same as CSV (RFC 4180), a row for each class of records of each question."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([*HEAD, *(OFFICERS if officer else ())])
        for one in account.asked if officer else account.for_person():
            for group in _alike(one.given) or [[]]:
                writer.writerow([*self._row(one, group), *(self._of_officer(one) if officer else ())])
        return text.getvalue()

    def _row(self, one: Asked, group: Sequence[Given]) -> list[str]:
        key = one.recipient.removeprefix("Organization/")
        first = group[0] if group else None
        return [
            instant_text(one.at),
            key,
            self._words.name(one.recipient),
            self._contact(one.recipient),
            "" if first is None else classes_told((first.kind,)),
            str(len(group)),
            "" if first is None else self._words.name(first.unit),
            one.purpose,
            "" if first is None else _basis(first),
            "" if first is None else "; ".join(listing.citation for listing in first.listings),
            one.result,
            one.request_id,
        ]

    @staticmethod
    def _of_officer(one: Asked) -> list[str]:
        # A name that somebody chose may begin like a formula of a spreadsheet.
        told = [one.client, one.target, str(one.suspended).lower(), str(one.former).lower()]
        return [f"'{text}" if text[:1] in "=+-@\t" else text for text in told]

    def _who(self, reference: str) -> str:
        return f"{self._words.name(reference)} ({reference.removeprefix('Organization/')})"

    def _contact(self, reference: str) -> str:
        known = self._partners.get(reference.removeprefix("Organization/"))
        return "" if known is None else known.contact

    def _what(self, group: Sequence[Given]) -> tuple[str, str]:
        count = f" ({len(group)})" if len(group) > 1 else ""
        return classes_told((group[0].kind,)) + count, self._words.name(group[0].unit)


def _alike(given: Sequence[Given]) -> list[list[Given]]:
    """What was given, grouped by what a list tells of it."""
    groups: dict[tuple[object, ...], list[Given]] = {}
    for one in given:
        groups.setdefault((one.kind, one.unit, one.grounds, one.listings), []).append(one)
    return list(groups.values())


def _basis(item: Given) -> str:
    told = " and ".join(bases_told(item.grounds & ~OWN))
    if told:
        return told
    return "its own record" if item.grounds & OWN else "what allowed it is not held any more"
