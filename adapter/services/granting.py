"""What agreements allow, in sentences: those in force, those that did or will, and why the others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from adapter.consent.agreement import DataUse, Grant, data_class
from adapter.consent.bases import OWN
from adapter.consent.explain import Finding
from adapter.consent.wording import bases_told, classes_told, granted_told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapter.consent.agreement import AnyAgreement
    from adapter.consent.recipient import RecipientContext
    from adapter.consent.segment import Segment
    from adapter.services.decisions import Decisions
    from adapter.services.words import Words
    from adapter.store.port import Snapshot
    from adapter.store.shapes import BoundRow

NEEDED = "45 CFR 164.504(e), 42 CFR 2.33"


def grants_of(agreement: AnyAgreement) -> Iterator[Grant]:
    """What an agreement grants, amendments included; a contract grants its vendor what it lists."""
    if not isinstance(agreement, DataUse):
        yield from agreement.every_grant()
    elif agreement.classes:
        yield Grant(
            recipient=agreement.vendor,
            purposes=agreement.purposes,
            classes=agreement.classes,
            regimes=agreement.regimes,
            bases=("Q",),
        )


class Granted(NamedTuple):
    """The grounds allowed at an instant, and what was looked at."""

    bases: int
    findings: list[Finding]


class Granting:
    """Tells the bounds of a context and a segment."""

    def __init__(self, decisions: Decisions, words: Words) -> None:
        self._decisions = decisions
        self._words = words

    async def at(
        self, view: Snapshot, context: int, number: int, recipient: RecipientContext, segment: Segment, at: int
    ) -> Granted:
        """What agreements allow of a segment to a recipient at an instant."""
        rows = await view.bounds(context, number)
        now = next((row for row in rows if row.start <= at < row.stop), None)
        if now is not None and now.bases & OWN and not now.bases & ~OWN:
            says = "No agreement is asked: this is no disclosure to another."
            return Granted(now.bases, [Finding(topic="agreement", outcome="permit", says=says)])
        if not self._decisions.may_handle(segment.unit, at):
            says = (
                f"No contract under which records of {self._words.name(segment.unit)} may be handled here is in force."
            )
            return Granted(0, [Finding(topic="agreement", outcome="deny", says=says, citation="45 CFR 164.504(e)(2)")])
        allowed = self._decisions.agreements
        if now is not None and now.agreement:
            return Granted(now.bases, [self._allows(now, one, recipient, segment) for one in now.agreement.split()])
        purposes = self._purposes(recipient)
        who, what = self._words.name(recipient.organisation), self._what(segment)
        says = f"No agreement in force allows {what} to {who} for {purposes}."
        found = [Finding(topic="agreement", outcome="deny", says=says, citation=NEEDED)]
        if now is not None:
            told = ", ".join(bases_told(now.bases))
            bare = f"Without any agreement the law allows it on {told}, where recorded."
            found.append(Finding(topic="agreement", outcome="noted", says=bare))
        found += self._other_times(rows, at, recipient, segment)
        named = {name for row in rows for name in row.agreement.split()}
        found += [
            finding for one in allowed if one.agreement not in named for finding in self._not(one, recipient, segment)
        ]
        return Granted(0 if now is None else now.bases, found)

    def _allows(self, row: BoundRow, name: str, recipient: RecipientContext, segment: Segment) -> Finding:
        title = next((one.title for one in self._decisions.agreements if one.agreement == name), name)
        until = self._words.until(row.stop)
        says = (
            f"The agreement `{name}` ({title}) allows {self._what(segment)} to "
            f"{self._words.name(recipient.organisation)} for {self._purposes(recipient)} on "
            f"{' or '.join(bases_told(row.bases))}{f', {until}' if until else ''}."
        )
        return Finding(topic="agreement", outcome="permit", says=says, source=name)

    def _other_times(
        self, rows: Sequence[BoundRow], at: int, recipient: RecipientContext, segment: Segment
    ) -> Iterator[Finding]:
        """Agreements that allowed it once, or will."""
        who, what = self._words.name(recipient.organisation), self._what(segment)
        for row in rows:
            for name in row.agreement.split():
                if row.stop <= at:
                    says = (
                        f"The agreement `{name}` allowed {what} to {who} {self._words.until(row.stop)} and has ended."
                    )
                elif at < row.start:
                    says = f"The agreement `{name}` will allow {what} to {who} {self._words.since(row.start)}."
                else:
                    continue
                yield Finding(topic="agreement", outcome="not-applicable", says=says, source=name)

    def _not(self, agreement: AnyAgreement, recipient: RecipientContext, segment: Segment) -> Iterator[Finding]:
        """Why an agreement that names the recipient allows this at no time."""
        mine = [one for one in grants_of(agreement) if f"Organization/{one.recipient}" == recipient.organisation]
        if mine:
            who = self._words.name(recipient.organisation)
            why = " and ".join(self._lacks(mine, recipient, segment))
            if not why:
                sender = self._words.name(segment.unit)
                why = f"no grant of it covers all of this, or it does not bind {sender} and {who} in this direction"
            says = f"The agreement `{agreement.agreement}` does not allow this to {who}: {why}."
            yield Finding(topic="agreement", outcome="not-applicable", says=says, source=agreement.agreement)

    def _lacks(self, grants: Sequence[Grant], recipient: RecipientContext, segment: Segment) -> Iterator[str]:
        asked = {code for _, code in recipient.purposes}
        purposes = {code for one in grants for code in one.purposes}
        if not asked <= purposes:
            yield f"it grants the purposes {', '.join(sorted(purposes))} only"
        classes = {kind for one in grants for kind in one.classes}
        if data_class(segment) not in classes:
            yield f"it grants {classes_told(tuple(sorted(classes)))} only"
        regimes = {regime for one in grants for regime in one.regimes}
        if segment.regime not in regimes:
            yield f"it grants records of the regimes {', '.join(sorted(regimes))} only, not {segment.regime}"

    @staticmethod
    def _what(segment: Segment) -> str:
        return granted_told(data_class(segment), segment)

    @staticmethod
    def _purposes(recipient: RecipientContext) -> str:
        return ", ".join(code for _, code in recipient.purposes)
