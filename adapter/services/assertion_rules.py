"""What the law of the site asks of an assertion: which facts, for how long, and whether it could ever match a request.

45 CFR 164.512; 42 CFR 2.31(d), 2.51(c), 2.61.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter.consent.law.basis_spec import ASSERTED, Standing
from adapter.consent.law.facts import assertion_value, check_assertion, required_facts
from adapter.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapter.consent.law.law import Law
    from adapter.consent.standing import Fact
    from adapter.errors import Issue
    from adapter.settings import Asserters


class LawOfAssertions:
    """The rules of assertions of one site."""

    def __init__(self, law: Law) -> None:
        self._law = law

    def longest(self, basis: str) -> int | None:
        """The longest period a basis may be asserted for, in microseconds; None for one that nobody asserts."""
        known = self._law.bases.basis(basis) if basis in ASSERTED else None
        longest = known.longest if isinstance(known, Standing) else None
        return None if longest is None else longest.microseconds

    def types(self, basis: str) -> Mapping[str, str]:
        """The facts that have to be recorded, with their types."""
        return {one.name: one.type for one in required_facts(self._law, basis)}

    def issues(self, basis: str, facts: Mapping[str, object], *, start: int, stop: int, fact: Fact) -> Sequence[Issue]:
        """Everything that is missing or wrong."""
        return check_assertion(basis, facts, start=start, stop=stop, law=self._law, fact=fact)

    def value(self, basis: str, facts: Mapping[str, object]) -> str:
        """What decisions read of facts that are free of issues."""
        return assertion_value(basis, facts)


def asserter_problems(asserters: Mapping[str, Asserters], law: Law) -> Iterator[Problem]:
    """Partners that the site lets assert a basis which the law gives to none of their kind."""
    for code, named in asserters.items():
        basis = law.bases.basis(code)
        for key in named.partners:
            partner = law.partners[f"Organization/{key}"]
            if partner.entity not in basis.recipients:
                yield Problem(
                    where="site.toml",
                    path=f"assert_basis.{code}.partners",
                    message=f"`{key}` is of the kind {partner.entity}, which this basis never serves",
                    expected=f"partners that are one of {', '.join(basis.recipients)}",
                )
