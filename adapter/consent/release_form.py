"""The release-of-information form of a county, and what a person handed in on it.

A form file says which partners and purposes it offers, which classes of information may be ticked and what
they are labelled, and whether it has a 42 CFR Part 2 section.

Elements of a written consent: 42 CFR 2.31(a), 45 CFR 164.508(c). Consent for proceedings stands alone:
2.31(d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adapter.consent.vocabulary import SENSITIVE
from adapter.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Text = Annotated[str, Field(min_length=1)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part2Section(_Spec):
    """The part of a form that covers records of a Part 2 program."""

    statement: Text = Field(description="What the person reads above the signature, right to revoke included.")
    needs: Key = Field(description="Class that has to be ticked for a partner before this section reaches it.")


class Form(_Spec):
    """One form file."""

    form: Key = Field(examples=["universal-release"])
    version: Text = Field(examples=["2026-1"])
    title: Text
    custodian: Key = Field(description="Partner that keeps the signed forms.")
    policies: tuple[Text, ...] = Field(min_length=1, description="Addresses of the policies it is made under.")
    classes: dict[Key, tuple[str, ...]] = Field(min_length=1, description="Sensitivity codes by class.")
    partners: dict[Key, tuple[Text, ...]] = Field(min_length=1, description="Purposes offered, by partner.")
    part2: Part2Section | None = None
    replaces_earlier: bool = Field(
        default=False,
        description="Whether signing it again replaces what the same person signed on it before.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Form:
        unknown = sorted({code for codes in self.classes.values() for code in codes} - SENSITIVE)
        if unknown:
            raise ValueError(f"expected sensitivity codes of v3-ActCode in `classes`, not {', '.join(unknown)}")
        if self.part2 is None:
            return self
        if self.part2.needs not in self.classes:
            raise ValueError(f"expected `part2.needs` to be one of {', '.join(self.classes)}")
        if any("HLEGAL" in purposes for purposes in self.partners.values()):
            raise ValueError("expected no purpose HLEGAL beside `part2`: proceedings need a form of their own")
        return self


class Person(BaseModel):
    """Who signed. Only what a consent needs; the rest of the record belongs to the Patient."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Text
    last: str | None = None
    first: str | None = None


class Choice(_Spec):
    """What one partner may receive, as ticked."""

    partner: Key
    purposes: tuple[Text, ...] = Field(min_length=1)
    classes: tuple[Key, ...] = Field(min_length=1)


class Part2Signed(_Spec):
    """The Part 2 section as filled in; nothing is required here so that everything missing can be named."""

    signed: bool = False
    partners: tuple[Key, ...] = ()
    discloser: str = ""
    amount: str = ""
    revocation_statement: bool = False
    purpose: str = ""


class Revocation(_Spec):
    """A written revocation, of everything or of single partners."""

    at: Text
    partners: Literal["all"] | tuple[Key, ...]


class Signature(BaseModel):
    """Whether the form is signed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: bool = False


class Submission(_Spec):
    """One form handed in."""

    submission: Text
    form: Key
    version: Text
    person: Person
    signed: str | None = None
    expires: str | None = None
    refused: bool = False
    choices: tuple[Choice, ...] = ()
    part2: Part2Signed | None = None
    revocations: tuple[Revocation, ...] = ()
    signature: Signature = Signature()


def submission_of(form: Form, values: Mapping[str, object]) -> Submission:
    """Read what was handed in and hold it against the form. Raises RecordError naming the element to mend."""
    try:
        submission = Submission.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RecordError("bad-submission", place, str(first["msg"]).lower()) from error
    if (submission.form, submission.version) != (form.form, form.version):
        raise RecordError("wrong-form", "form", f"form {form.form}, version {form.version}")
    if submission.refused and submission.choices:
        raise RecordError("contradiction", "refused", "no choices on a refusal")
    for index, choice in enumerate(submission.choices):
        _offered(form, choice, f"choices[{index}]")
    named = [key for one in submission.revocations if one.partners != "all" for key in one.partners]
    for key in (*named, *(submission.part2.partners if submission.part2 else ())):
        if key not in form.partners:
            raise RecordError("unknown-partner", "partners", f"one of {', '.join(form.partners)}")
    return submission


def _offered(form: Form, choice: Choice, place: str) -> None:
    """Refuse a choice that the form does not offer."""
    offered = form.partners.get(choice.partner)
    if offered is None:
        raise RecordError("unknown-partner", f"{place}.partner", f"one of {', '.join(form.partners)}")
    if not set(choice.purposes) <= set(offered):
        raise RecordError("unknown-purpose", f"{place}.purposes", f"some of {', '.join(offered)}")
    if not set(choice.classes) <= form.classes.keys():
        raise RecordError("unknown-class", f"{place}.classes", f"some of {', '.join(form.classes)}")


def missing_elements(submission: Submission) -> list[str]:
    """The elements of 42 CFR 2.31(a) that a signed Part 2 section lacks, by their place in the submission."""
    part2 = submission.part2 or Part2Signed()
    present = {
        "person.last": submission.person.last,
        "person.first": submission.person.first,
        "part2.discloser": part2.discloser,
        "part2.amount": part2.amount,
        "part2.partners": part2.partners,
        "part2.purpose": part2.purpose,
        "part2.revocation_statement": part2.revocation_statement,
        "expires": submission.expires,
        "signature.name": submission.signature.name,
        "signed": submission.signed,
    }
    return [place for place, value in present.items() if not value]
