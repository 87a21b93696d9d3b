"""What people record of a person besides consents, as it is asked for: holds, restrictions, referrals, bases.

A hold stops everything while an identity is in doubt, or silences consents after a revocation by word of mouth until
the paper comes. A restriction is one that a source agreed to. A referral or a confirmed roster is a treatment
relationship. A suspension keeps an accounting from the person for a while; a subpoena by itself opens nothing and is
for counsel to see.

45 CFR 164.508(b)(5), 164.522(a), 164.528(a)(2), 164.512; 42 CFR 2.26, 2.51, 2.61.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapter.consent.standing import ASSERTION, HOLD, RESTRICTION, TREATMENT, Fact
from adapter.errors import RequestError
from adapter.fhir.dates import interval
from adapter.store.shapes import END

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from adapter.errors import Issue

IDENTITY: Final = "identity"
ORAL: Final = "oral"
SUSPENSION: Final = "suspension"
SUBPOENA: Final = "subpoena"
DAY: Final = 86_400_000_000
"""Microseconds."""
_ORAL_SUSPENSION: Final = 30 * DAY
"""A suspension asked for by word of mouth lapses, 45 CFR 164.528(a)(2)(ii)(C)."""
_YES: Final = frozenset({"yes", "true"})
_NO: Final = frozenset({"no", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One thing to record. Instants are epoch microseconds.

    ``interaction`` is what the disclosure ledger calls it. It holds from ``start`` (from now where it is None) to
    ``stop``, at most for ``longest`` and not after ``until``; where all are None, until somebody ends it. ``fact`` is
    None where no decision reads it. ``evidence`` is kept with it and never leaves with an answer.
    """

    interaction: str
    kind: str
    fact: Fact | None
    evidence: Mapping[str, Any]
    start: int | None = None
    stop: int | None = None
    longest: int | None = None
    until: int | None = None

    def period(self, at: int) -> tuple[int, int]:
        """From when to when it holds if it is recorded at an instant: never before, and not longer than it may.

        Raises ``RequestError`` for a period that is empty or too long.
        """
        start = max(at, self.start or at)
        longest = END if self.longest is None else start + self.longest
        stop = self.stop or min(longest, self.until or END)
        if stop <= start:
            raise RequestError("expected an end after the start, and one that is still to come", expression="stop")
        if stop > longest:
            raise RequestError("the period is longer than it may be", expression="stop")
        return start, stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """Somebody asserts that ``recipient`` (an Organization reference) may rely on a basis.

    ``classes`` are classes of data as agreements name them, ``units`` the sources it is limited to, ``facts`` what the
    law wants recorded, name by name; a name occurs more than once where several may be chosen.
    """

    basis: str
    recipient: str
    purpose: str
    classes: tuple[str, ...]
    units: tuple[str, ...] = ()
    facts: tuple[tuple[str, str | bool], ...] = ()
    start: int | None = None
    stop: int | None = None


class AssertionRules(Protocol):
    """What the law asks of an assertion."""

    def longest(self, basis: str) -> int | None:
        """The longest period a basis may be asserted for, in microseconds; None for one that nobody asserts."""
        ...

    def types(self, basis: str) -> Mapping[str, str]:
        """The facts that have to be recorded, with their types: text, instant, date, yes-no, choice, choices."""
        ...

    def issues(self, basis: str, facts: Mapping[str, object], *, start: int, stop: int, fact: Fact) -> Sequence[Issue]:
        """Everything that is missing or wrong."""
        ...

    def value(self, basis: str, facts: Mapping[str, object]) -> str:
        """What decisions read of facts that are free of issues."""
        ...


def hold(reason: str, *, partner: str = "", words: str = "", submission: str = "") -> Recording:
    """A hold for ``partner`` (an Organization reference) or for everyone; ``reason`` is `IDENTITY` or `ORAL`.

    ``submission`` is the form that was revoked by word of mouth: when its paper comes, the hold has done its work.
    """
    return Recording(
        interaction=HOLD,
        kind=HOLD,
        fact=Fact(kind=HOLD, recipient=partner, value=reason),
        evidence={"submission": submission, "words": words},
    )


def restriction(
    *, source: str, partner: str = "", classes: Iterable[str] = (), words: str = "", stop: int | None = None
) -> Recording:
    """A restriction that ``source`` agreed to with the person: of these classes, or all, towards a partner, or all."""
    kept = tuple(sorted(set(classes)))
    return Recording(
        interaction=RESTRICTION,
        kind=RESTRICTION,
        fact=Fact(kind=RESTRICTION, recipient=partner, classes=kept, units=(source,)),
        evidence={"agreed": source, "words": words},
        stop=stop,
    )


def referral(*, to: str, how: str, days: int, words: str = "", start: int | None = None) -> Recording:
    """A treatment relationship by a referral or a confirmed roster, for so many days."""
    return Recording(
        interaction="referral",
        kind=TREATMENT,
        fact=Fact(kind=TREATMENT, recipient=to),
        evidence={"how": how, "words": words},
        start=start,
        longest=days * DAY,
    )


def suspension(*, agency: str, oral: bool, stop: int | None, words: str = "") -> Recording:
    """An agency asked that disclosures to it stay out of the accounting: in writing until a day, or for 30 days."""
    if not oral and stop is None:
        raise RequestError("a written request names its period: say until when", expression="stop")
    return Recording(
        interaction=SUSPENSION,
        kind=SUSPENSION,
        fact=None,
        evidence={"agency": agency, "oral": oral, "words": words},
        stop=stop,
        longest=_ORAL_SUSPENSION if oral else None,
    )


def subpoena(*, by: str, words: str = "") -> Recording:
    """A subpoena without a court order: it authorizes nothing of a Part 2 program, 42 CFR 2.61(b)."""
    return Recording(interaction=SUBPOENA, kind=SUBPOENA, fact=None, evidence={"by": by, "words": words})


def assertion(asked: Assertion, rules: AssertionRules, *, at: int) -> Recording:
    """An assertion with the facts its basis needs. Raises ``RequestError`` naming all that is missing or wrong."""
    longest = rules.longest(asked.basis)
    if longest is None:
        raise RequestError("this basis is not one that can be asserted: use K, J, E, O or X", expression="basis")
    facts = typed(asked.facts, rules.types(asked.basis))
    fact = Fact(
        kind=ASSERTION,
        basis=asked.basis,
        recipient=asked.recipient,
        purpose=asked.purpose,
        classes=tuple(sorted(set(asked.classes))),
        units=tuple(sorted(set(asked.units))),
    )
    made = Recording(
        interaction="assert-basis",
        kind=asked.basis,
        fact=fact,
        evidence=facts,
        start=asked.start,
        stop=asked.stop,
        longest=longest,
        until=_instant(facts.get("expires")),
    )
    start = max(at, asked.start or at)
    stop = asked.stop or min(start + longest, made.until or END)
    wrong = rules.issues(asked.basis, facts, start=start, stop=stop, fact=fact)
    if wrong:
        raise RequestError("; ".join(f"`{issue.path}`: {issue.message}" for issue in wrong), expression="fact")
    return replace(made, fact=replace(fact, value=rules.value(asked.basis, facts)))


def _instant(value: object) -> int | None:
    try:
        return interval(value, UTC)[0] if isinstance(value, str) else None
    except ValueError:
        return None


def typed(stated: Iterable[tuple[str, str | bool]], types: Mapping[str, str]) -> dict[str, object]:
    """Facts as the law reads them: words of yes and no as such, choices as lists.

    Raises ``RequestError`` for a fact that is there twice and may be there once.
    """
    facts: dict[str, object] = {}
    for name, value in stated:
        kind = types.get(name, "text")
        if kind == "choices":
            listed = facts.setdefault(name, [])
            assert isinstance(listed, list)  # noqa: S101 - only lists are put under a name of this type
            listed.append(value)
        elif name in facts:
            raise RequestError(f"`facts.{name}` is there twice; give it once", expression="fact")
        elif kind == "yes-no" and isinstance(value, str) and value.lower() in _YES | _NO:
            facts[name] = value.lower() in _YES
        else:
            facts[name] = value
    return facts
