"""The release forms of a county, one file for each form and version.

A form is one instrument and never two: consents of different kinds are signed apart, because their terms differ and the
law forbids to merge some of them. The file says which partners and purposes are offered, which classes of information
may be ticked and how they are labelled, and the statements that people read above their signature.

Elements of a written consent: 42 CFR 2.31(a), 45 CFR 164.508(c). Alone by law: proceedings, 2.31(d); counseling notes,
2.31(b); psychotherapy notes, 164.508(b)(3)(ii).
"""

from __future__ import annotations

from datetime import date  # noqa: TC003  # pydantic reads the annotation when the class is made
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapter.consent.vocabulary import EXPLICIT_PURPOSES, PURPOSES, SENSITIVE

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Text = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Capacity = Literal["patient", "parent", "guardian", "representative", "minor"]
Instrument = Literal[
    "release", "criminal-justice", "proceedings", "counseling-notes", "psychotherapy-notes", "domestic-violence"
]

RELEASE: Final = "release"
CRIMINAL_JUSTICE: Final = "criminal-justice"
PROCEEDINGS: Final = "proceedings"
COUNSELING_NOTES: Final = "counseling-notes"
PSYCHOTHERAPY_NOTES: Final = "psychotherapy-notes"
DOMESTIC_VIOLENCE: Final = "domestic-violence"
NOTES: Final = frozenset({COUNSELING_NOTES, PSYCHOTHERAPY_NOTES})
"""Instruments for notes; the class of information they offer has their name, and no other form may offer it."""
LEGAL: Final = "HLEGAL"
PROCEEDING_PURPOSES: Final = frozenset({LEGAL, "pretrial-release", "supervision"})
"""What a consent for proceedings may be for, 42 CFR 2.12(d), 2.31(d)."""

TREATMENT_PAYMENT_OPERATIONS: Final = (PURPOSES["TREAT"] | PURPOSES["HPAYMT"] | PURPOSES["HOPERAT"]) - EXPLICIT_PURPOSES
"""Purposes of treatment, payment and health care operations, 45 CFR 164.501."""

OF_PROGRAMS: Final = frozenset({CRIMINAL_JUSTICE, PROCEEDINGS, COUNSELING_NOTES})
"""Instruments that Part 2 alone knows: they are about the records of a program, and say nothing of others."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part2Section(_Spec):
    """The part of a form that covers records of a Part 2 program."""

    statement: Text = Field(description="What the person reads above the signature of this section.")
    needs: Key = Field(description="Class that has to be ticked for a partner before this section reaches it.")


class Statements(_Spec):
    """The statements a form makes to whoever signs it; which of them it needs depends on its kind."""

    revocation: Text | None = Field(
        default=None,
        description="The right to revoke in writing, its limits and how, 45 CFR 164.508(c)(2)(i), 42 CFR 2.31(a)(6).",
    )
    conditioning: Text | None = Field(
        default=None, description="That care does not hang on the signature, 45 CFR 164.508(c)(2)(ii)."
    )
    redisclosure: Text | None = Field(
        default=None,
        description="That the recipient may pass it on, 45 CFR 164.508(c)(2)(iii), or may not, 42 CFR 2.35.",
    )
    revocability: Text | None = Field(
        default=None, description="For how long it holds and from when it may be revoked, 42 CFR 2.35(b) and (c)."
    )
    treatment_redisclosure: Text | None = Field(
        default=None,
        description="For treatment, payment and operations: that records may be passed on under HIPAA, except in "
        "proceedings against the person, 42 CFR 2.31(a)(4) and (10)(i).",
    )
    treatment_refusal: Text | None = Field(
        default=None,
        description="For treatment, payment and operations: what follows from refusing, 42 CFR 2.31(a)(10)(ii).",
    )
    further: tuple[Text, ...] = Field(
        default=(), description="What the law of the place wants said above the signature besides, word for word."
    )


class Intermediary(_Spec):
    """A partner that only passes records on, 42 CFR 2.11: whom it may pass them to has to be on the form."""

    participants: tuple[Key, ...] = Field(min_length=1, description="Partners that can be named as its participants.")


class Form(_Spec):
    """One form file."""

    form: Key = Field(examples=["universal-release"])
    version: Text = Field(examples=["2026-1"])
    instrument: Instrument = Field(default="release", description="What kind of consent it is; exactly one.")
    title: Text
    custodian: Key = Field(description="Partner that keeps the signed forms.")
    policies: tuple[Text, ...] = Field(min_length=1, description="Addresses of the policies it is made under.")
    disclosers: Text = Field(description="Who may disclose, in the words of the form, 45 CFR 164.508(c)(1)(ii).")
    classes: dict[Key, tuple[str, ...]] = Field(min_length=1, description="Sensitivity codes by class.")
    partners: dict[Key, tuple[Text, ...]] = Field(min_length=1, description="Purposes offered, by partner.")
    intermediaries: dict[Key, Intermediary] = Field(default={}, description="Which of the partners only pass on.")
    statements: Statements
    part2: Part2Section | None = None
    texts: dict[Language, Digest] = Field(min_length=1, description="SHA-256 of the text people read, by language.")
    electronic: bool = Field(default=True, description="Whether the law of the place lets it be signed electronically.")
    minors: tuple[Capacity, ...] = Field(
        default=(), description="Who may sign for somebody under 18, where the law of the place says so."
    )
    longest_days: int | None = Field(default=None, ge=1, description="Days after which a signature ends at the latest.")
    future: bool = Field(default=True, description="Whether it covers what is made after it was signed.")
    retired: date | None = Field(default=None, description="Last day on which this version could be signed.")
    replaces_earlier: bool = Field(
        default=False,
        description="Whether signing it again replaces what the same person signed on it before.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Form:
        unknown = sorted({code for codes in self.classes.values() for code in codes} - SENSITIVE)
        if unknown:
            raise ValueError(f"expected sensitivity codes of v3-ActCode in `classes`, not {', '.join(unknown)}")
        strangers = sorted(self.intermediaries.keys() - self.partners.keys())
        if strangers:
            raise ValueError(f"expected the keys of `intermediaries` among `partners`, not {', '.join(strangers)}")
        for complaint in (_merged(self), _part2(self), _silent(self)):
            if complaint:
                raise ValueError(complaint)
        return self

    def offers_treatment(self) -> bool:
        """Whether it covers Part 2 records for treatment, payment or operations."""
        offered = {purpose for purposes in self.partners.values() for purpose in purposes}
        return self.part2 is not None and not offered.isdisjoint(TREATMENT_PAYMENT_OPERATIONS)


def _merged(form: Form) -> str:
    """What of another instrument stands on the form."""
    legal = {LEGAL in purposes for purposes in form.partners.values()}
    if form.instrument == PROCEEDINGS:
        if any(not PROCEEDING_PURPOSES.issuperset(purposes) for purposes in form.partners.values()):
            return "expected no purpose but proceedings: a consent for proceedings stands alone, 42 CFR 2.31(d)"
    elif True in legal:
        return f"expected no purpose {LEGAL}: proceedings need a form of their own, 42 CFR 2.31(d)"
    if form.instrument in NOTES:
        if set(form.classes) != {form.instrument}:
            return f"expected the class {form.instrument} and no other: a consent for notes stands alone"
    elif not NOTES.isdisjoint(form.classes):
        return "expected no class of notes: notes need a form of their own, 42 CFR 2.31(b), 45 CFR 164.508(b)(3)(ii)"
    return ""


def _part2(form: Form) -> str:
    """What is wrong with the Part 2 section, or with its being there."""
    if form.part2 is None:
        return f"expected `part2` on a form for {form.instrument}" if form.instrument in OF_PROGRAMS else ""
    if form.instrument not in OF_PROGRAMS | {RELEASE}:
        return f"expected no `part2` on a form for {form.instrument}: records of a program need a form of their own"
    if form.part2.needs not in form.classes:
        return f"expected `part2.needs` to be one of {', '.join(form.classes)}"
    return ""


def _silent(form: Form) -> str:
    """The first statement that the form does not make and has to, or makes and must not."""
    needed = {"redisclosure": "45 CFR 164.508(c)(2)(iii), 42 CFR 2.35(d)"}
    if form.instrument == CRIMINAL_JUSTICE:
        needed["revocability"] = "42 CFR 2.35(b) and (c)"
        if form.statements.revocation is not None:
            return "expected no `statements.revocation`: `statements.revocability` says from when, 42 CFR 2.35(c)"
    else:
        needed["revocation"] = "45 CFR 164.508(c)(2)(i), 42 CFR 2.31(a)(6)"
        needed["conditioning"] = "45 CFR 164.508(c)(2)(ii)"
    if form.offers_treatment():
        needed["treatment_redisclosure"] = "42 CFR 2.31(a)(4) and (10)(i)"
        needed["treatment_refusal"] = "42 CFR 2.31(a)(10)(ii)"
    for name in sorted(needed):
        if getattr(form.statements, name) is None:
            return f"expected `statements.{name}`, {needed[name]}"
    return ""
