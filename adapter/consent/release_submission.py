"""What a person handed in on a release form: choices, refusals, signature, revocations, and who else took part.

Nothing that may be missing is required here, so that everything missing can be named at once.

42 CFR 2.31, 2.35; 45 CFR 164.508(c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adapter.consent.release_form import Capacity, Key, Text  # noqa: TC001  # pydantic reads the annotations
from adapter.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.consent.release_form import Form

TREATING: Final = "treating"
"""The general designation of an intermediary's participants that treat the person, 42 CFR 2.31(a)(4)(ii)(B)."""
Event = Literal["release", "discharge", "disposition", "end-of-treatment", "none"]
"""The codes of `expiry.EVENTS`."""
Flag = Literal["incapacity", "coercion", "forgery", "signer-declined"]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(_Spec):
    """A number by which a case or a booking is known, and who gave it."""

    system: Text
    value: Text


class Person(BaseModel):
    """Whose form it is. Only what a consent needs; the rest of the record belongs to the Patient."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Text
    last: str | None = None
    first: str | None = None
    dob: str | None = None


class Choice(_Spec):
    """What one partner may receive, as ticked. ``participants`` only where the partner is an intermediary."""

    partner: Key
    purposes: tuple[Text, ...] = Field(min_length=1)
    classes: tuple[Key, ...] = Field(min_length=1)
    participants: Literal["treating"] | tuple[Key, ...] = ()


class Refusal(_Spec):
    """A refusal of part: of a partner, of classes or of purposes, or of what all that is named has in common."""

    partner: Key | None = None
    classes: tuple[Key, ...] = ()
    purposes: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _of_something(self) -> Refusal:
        if self.partner is None and not self.classes and not self.purposes:
            raise ValueError("expected a partner, classes or purposes; a refusal of everything is `refused`")
        return self


class Part2Signed(_Spec):
    """The Part 2 section as filled in. The statements are true where they stood on what was signed."""

    signed: bool = False
    partners: tuple[Key, ...] = ()
    discloser: str = ""
    amount: str = ""
    purpose: str = ""
    revocation_statement: bool = False
    redisclosure_statement: bool = False
    refusal_statement: bool = False


class Condition(_Spec):
    """Why a court or supervisor may monitor: the condition that made taking part in the program one of release."""

    order: str = ""
    need: str = ""
    partners: tuple[Key, ...] = ()
    revocable_from: str | None = None
    revocable_on: Event | None = None


class ExpiryEvent(_Spec):
    """An event with which the consent ends, of a case or booking where one is named."""

    event: Event
    of: Named | None = None


class Revocation(_Spec):
    """A written revocation, of everything or of single partners."""

    at: Text
    partners: Literal["all"] | tuple[Key, ...]


class Signature(BaseModel):
    """How it was signed. ``hash`` is the SHA-256 of the text that was signed, ``language`` that of the text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: bool = False
    method: Literal["ink", "mark", "electronic"] = "ink"
    language: str = "en"
    hash: str | None = None
    intent: bool = False
    identity: str = ""
    at: str | None = None


class Signer(_Spec):
    """Who signed, and by what authority; ``minor_signed`` where parent and child sign together, 42 CFR 2.14(c)."""

    capacity: Capacity = "patient"
    name: str = ""
    authority: str = ""
    authority_until: str | None = None
    minor_signed: bool = False


class Witness(_Spec):
    """Who saw it signed."""

    name: str = ""


class Interpreter(_Spec):
    """Who read it out in another language; ``text`` is the language of the text that was read."""

    name: str = ""
    language: str = ""
    certified: bool = False
    text: str = ""


class Submission(_Spec):
    """One form handed in."""

    submission: Text
    form: Key
    version: Text
    person: Person
    signed: str | None = None
    expires: str | None = None
    expires_on: ExpiryEvent | None = None
    refused: bool = False
    choices: tuple[Choice, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    part2: Part2Signed | None = None
    case: Named | None = None
    condition: Condition | None = None
    revocations: tuple[Revocation, ...] = ()
    signature: Signature = Signature()
    signer: Signer = Signer()
    taken_by: str = ""
    witness: Witness | None = None
    interpreter: Interpreter | None = None
    copy_given: bool = False
    flags: tuple[Flag, ...] = ()
    entered_in_error: bool = False


def submission_of(form: Form, values: Mapping[str, object]) -> Submission:
    """Read what was handed in and hold it against what the form offers.

    Raises RecordError naming the element to mend.
    """
    try:
        submission = Submission.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RecordError("bad-submission", place, str(first["msg"]).lower()) from error
    if (submission.form, submission.version) != (form.form, form.version):
        raise RecordError("wrong-form", "form", f"form {form.form}, version {form.version}")
    if submission.refused and (submission.choices or submission.refusals):
        raise RecordError("contradiction", "refused", "no choices on a refusal")
    for index, choice in enumerate(submission.choices):
        _offered(form, choice, f"choices[{index}]")
    for index, refusal in enumerate(submission.refusals):
        _refusable(form, submission, refusal, f"refusals[{index}]")
    named = [key for one in submission.revocations if one.partners != "all" for key in one.partners]
    part2 = submission.part2.partners if submission.part2 else ()
    condition = submission.condition.partners if submission.condition else ()
    for key in (*named, *part2, *condition):
        if key not in form.partners:
            raise RecordError("unknown-partner", "partners", f"one of {', '.join(form.partners)}")
    return submission


def _offered(form: Form, choice: Choice, place: str) -> None:
    offered = form.partners.get(choice.partner)
    if offered is None:
        raise RecordError("unknown-partner", f"{place}.partner", f"one of {', '.join(form.partners)}")
    if not set(choice.purposes) <= set(offered):
        raise RecordError("unknown-purpose", f"{place}.purposes", f"some of {', '.join(offered)}")
    if not set(choice.classes) <= form.classes.keys():
        raise RecordError("unknown-class", f"{place}.classes", f"some of {', '.join(form.classes)}")
    through = form.intermediaries.get(choice.partner)
    if through is None:
        if choice.participants:
            raise RecordError("unknown-partner", f"{place}.participants", "an intermediary as the partner")
    elif choice.participants != TREATING and not set(choice.participants) <= set(through.participants):
        raise RecordError("unknown-partner", f"{place}.participants", f"some of {', '.join(through.participants)}")


def _refusable(form: Form, submission: Submission, refusal: Refusal, place: str) -> None:
    if refusal.partner is not None and refusal.partner not in form.partners:
        raise RecordError("unknown-partner", f"{place}.partner", f"one of {', '.join(form.partners)}")
    if not set(refusal.classes) <= form.classes.keys():
        raise RecordError("unknown-class", f"{place}.classes", f"some of {', '.join(form.classes)}")
    offered = {purpose for purposes in form.partners.values() for purpose in purposes}
    if not set(refusal.purposes) <= offered:
        raise RecordError("unknown-purpose", f"{place}.purposes", f"some of {', '.join(sorted(offered))}")
    whole = not refusal.classes and not refusal.purposes
    if whole and any(choice.partner == refusal.partner for choice in submission.choices):
        raise RecordError("contradiction", f"{place}.partner", "a partner that is not chosen as well")
