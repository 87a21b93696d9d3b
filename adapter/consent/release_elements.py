"""What a signed form must have before anything rests on it: the elements of its instrument, a signature that counts.

A form that lacks an element is deficient on its face and no disclosure may be made on it, 42 CFR 2.31(c), 45 CFR
164.508(b)(2). The statements were checked when the form file was read; here is what was filled in.

42 CFR 2.14, 2.15, 2.31, 2.35; 45 CFR 164.502(g), 164.508(c).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from adapter.consent.expiry import OPEN_ENDED
from adapter.consent.release_form import (
    CRIMINAL_JUSTICE,
    OF_PROGRAMS,
    PROCEEDINGS,
    TREATMENT_PAYMENT_OPERATIONS,
    Form,
)
from adapter.consent.release_submission import Condition, Part2Signed, Submission
from adapter.errors import RecordError
from adapter.fhir.dates import interval

if TYPE_CHECKING:
    from datetime import tzinfo

ADULT: Final = 18
HOLDING: Final = frozenset({"coercion", "forgery", "signer-declined"})
"""Flags that keep everything closed until somebody has looked into them."""
INCAPACITY: Final = "incapacity"


def missing_elements(form: Form, submission: Submission) -> list[str]:
    """The elements a signed form lacks, by their place in the submission."""
    present: dict[str, object] = {
        "signature.name": submission.signature.name,
        "expires": submission.expires or submission.expires_on,
        "copy_given": submission.copy_given,
    }
    if form.instrument in {CRIMINAL_JUSTICE, PROCEEDINGS}:
        present["case"] = submission.case
    if form.instrument == CRIMINAL_JUSTICE:
        present |= _condition(submission)
    return [place for place, value in present.items() if not value]


def _condition(submission: Submission) -> dict[str, object]:
    """42 CFR 2.35(a) to (c): who imposed the condition, that they monitor it, and from when it may be revoked."""
    condition = submission.condition or Condition()
    return {
        "condition.order": condition.order,
        "condition.need": condition.need,
        "condition.partners": condition.partners,
        "condition.revocable_from": condition.revocable_from or condition.revocable_on,
    }


def missing_part2_elements(form: Form, submission: Submission) -> list[str]:
    """The elements of 42 CFR 2.31(a) that a signed Part 2 section lacks, by their place in the submission.

    A consent of 2.35 has no right to revoke among its elements; one for treatment, payment and operations has two
    statements more.
    """
    part2 = submission.part2 or Part2Signed()
    present: dict[str, object] = {
        "person.last": submission.person.last,
        "person.first": submission.person.first,
        "part2.discloser": part2.discloser,
        "part2.amount": part2.amount,
        "part2.partners": part2.partners,
        "part2.purpose": part2.purpose,
        "expires": submission.expires or submission.expires_on,
        "signature.name": submission.signature.name,
        "signed": submission.signed,
    }
    if form.instrument != CRIMINAL_JUSTICE:
        present["part2.revocation_statement"] = part2.revocation_statement
    if _for_treatment(submission, part2):
        present["part2.redisclosure_statement"] = part2.redisclosure_statement
        present["part2.refusal_statement"] = part2.refusal_statement
    if submission.signer.capacity == "parent":
        present["signer.minor_signed"] = submission.signer.minor_signed
    for index, choice in enumerate(submission.choices):
        if choice.partner in form.intermediaries and choice.partner in part2.partners:
            present[f"choices[{index}].participants"] = choice.participants
    return [place for place, value in present.items() if not value]


def _for_treatment(submission: Submission, part2: Part2Signed) -> bool:
    chosen = (choice.purposes for choice in submission.choices if choice.partner in part2.partners)
    return any(not TREATMENT_PAYMENT_OPERATIONS.isdisjoint(purposes) for purposes in chosen)


def pending(submission: Submission) -> bool:
    """Whether the person could not sign now, for a state that passes: it is offered again, and nothing was signed."""
    return INCAPACITY in submission.flags


def check_elements(form: Form, submission: Submission) -> Part2Signed | None:
    """The signed Part 2 section, if there is one. Raises RecordError naming every element that is missing.

    A refusal needs nothing but its date.
    """
    part2 = submission.part2 if submission.part2 is not None and submission.part2.signed else None
    if part2 is not None and form.part2 is None:
        raise RecordError("unknown-section", "part2", "a form that has a Part 2 section")
    if part2 is None and not submission.refused and form.instrument in OF_PROGRAMS:
        raise RecordError("missing-part2-element", "part2.signed", "the signed section that names the program")
    missing = missing_part2_elements(form, submission) if part2 is not None else []
    if missing:
        raise RecordError("missing-part2-element", ", ".join(missing), "every element of 42 CFR 2.31(a)")
    if submission.signed is None:
        raise RecordError("missing-date", "signed", "the date of signature, or of refusal")
    missing = [] if submission.refused else missing_elements(form, submission)
    if missing:
        raise RecordError("deficient", ", ".join(missing), "every element of 45 CFR 164.508(c) or 42 CFR 2.35")
    _check_recipients(form, submission)
    _check_event(form, submission)
    return part2


def _check_recipients(form: Form, submission: Submission) -> None:
    """What is about a program's records alone names who receives them; 2.35 reaches only who imposed the condition."""
    if form.instrument not in OF_PROGRAMS or submission.refused:
        return
    condition, part2 = submission.condition or Condition(), submission.part2 or Part2Signed()
    for index, choice in enumerate(submission.choices):
        place = f"choices[{index}].partner"
        if choice.partner not in part2.partners:
            raise RecordError("stranger", place, "one of those whom the Part 2 section names, 42 CFR 2.31(a)(4)")
        if form.instrument == CRIMINAL_JUSTICE and choice.partner not in condition.partners:
            raise RecordError("stranger", place, "one of those who imposed the condition, 42 CFR 2.35(a)")


def _check_event(form: Form, submission: Submission) -> None:
    """An open end is for treatment, payment and operations alone; any other event needs a last day beside it."""
    if submission.expires_on is None:
        return
    if submission.expires_on.event in OPEN_ENDED:
        purposes = {purpose for choice in submission.choices for purpose in choice.purposes}
        if form.instrument == CRIMINAL_JUSTICE or not purposes <= TREATMENT_PAYMENT_OPERATIONS:
            raise RecordError(
                "bad-expiry",
                "expires_on.event",
                "a day or another event; only treatment, payment and operations may go without, 42 CFR 2.31(a)(7)",
            )
    elif submission.expires is None:
        raise RecordError("bad-expiry", "expires", "a last day beside the event, for an event that nobody hears of")


def check_signature(form: Form, submission: Submission, zone: tzinfo, now: int) -> None:
    """Refuse a signature that does not count: by whom, when, on what text, seen by whom. Raises RecordError."""
    held = sorted(HOLDING.intersection(submission.flags))
    if held:
        raise RecordError("held", "flags", f"a form without {', '.join(held)}; somebody has to look into it")
    day_of(submission.signed or "", "signed", zone)
    signed = instant_of(submission.signed or "", "signed", zone)
    if signed > now:
        raise RecordError("future-dated", "signed", "a date that has come")
    if submission.refused:
        return
    if form.retired is not None and signed >= interval(form.retired.isoformat(), zone)[1]:
        raise RecordError("retired-form", "version", f"a version that was offered after {form.retired.isoformat()}")
    _check_text(form, submission)
    _check_witness(submission)
    _check_signer(form, submission, zone, signed)


def _check_text(form: Form, submission: Submission) -> None:
    """The text that was signed is the text of the form, and an electronic signature has what makes it one.

    15 USC 7001; the hash also finds a text that was changed afterwards.
    """
    signature, interpreter = submission.signature, submission.interpreter
    text = form.texts.get(signature.language)
    if text is None:
        raise RecordError("unknown-text", "signature.language", f"one of {', '.join(form.texts)}")
    if signature.hash is not None and signature.hash != text:
        raise RecordError("tampered", "signature.hash", "the hash of the text of this version")
    if signature.method == "electronic":
        if not form.electronic:
            raise RecordError(
                "wet-signature", "signature.method", "a signature on paper, which the law of the place asks for"
            )
        parts = {"hash": signature.hash, "intent": signature.intent, "identity": signature.identity, "at": signature.at}
        missing = [f"signature.{name}" for name, value in parts.items() if not value]
        if missing:
            raise RecordError("deficient", ", ".join(missing), "what makes an electronic signature one")
    if interpreter is not None:
        said = {"name": interpreter.name, "language": interpreter.language, "text": interpreter.text in form.texts}
        missing = [f"interpreter.{name}" for name, value in said.items() if not value]
        if missing:
            raise RecordError("deficient", ", ".join(missing), "who interpreted, into what, and from which text")


def _check_witness(submission: Submission) -> None:
    """A mark needs a witness; who takes the signature, or gives it, cannot be the witness."""
    witness = submission.witness
    if witness is None or not witness.name:
        if witness is not None or submission.signature.method == "mark":
            raise RecordError("deficient", "witness.name", "a witness, for a person who signs with a mark")
        return
    own = " ".join(filter(None, (submission.person.first, submission.person.last)))
    if witness.name in {submission.taken_by, submission.signer.name, own}:
        raise RecordError("same-witness", "witness.name", "somebody other than who signed or who took the signature")


def _check_signer(form: Form, submission: Submission, zone: tzinfo, signed: int) -> None:
    """Somebody may sign for the person: with authority that holds, or for a child where the law lets them."""
    signer = submission.signer
    if signer.capacity in {"guardian", "representative"}:
        missing = [f"signer.{name}" for name in ("name", "authority") if not getattr(signer, name)]
        if missing:
            raise RecordError("deficient", ", ".join(missing), "the authority to sign, 45 CFR 164.508(c)(1)(vi)")
    if signer.authority_until is not None:
        until = _days_of(signer.authority_until, "signer.authority_until", zone)[1]
        if signed >= until:
            raise RecordError("signer", "signer.authority_until", "authority that had not run out when it was signed")
    minor = under_age(submission, zone)
    if minor and signer.capacity not in form.minors:
        allowed = ", ".join(form.minors) or "nobody"
        raise RecordError("signer", "signer.capacity", f"for somebody under {ADULT}, one of: {allowed}")
    if not minor and signer.capacity in {"parent", "minor"}:
        raise RecordError(
            "signer", "signer.capacity", f"for somebody of {ADULT} or more, the person or who has authority"
        )


def comes_of_age(submission: Submission, zone: tzinfo) -> str | None:
    """The day on which the person turns 18; None where nobody wrote down a birth date that can be read.

    Who was born on 29 February comes of age on 1 March of a common year; of whom only the year is known, at its end.
    """
    born = submission.person.dob or ""
    try:
        interval(born, zone)
    except ValueError:
        return None
    year, rest = min(int(born[:4]) + ADULT, date.max.year), born[4:] if len(born) == len("YYYY-MM-DD") else "-12-31"
    try:
        return date.fromisoformat(f"{year}{rest}").isoformat()
    except ValueError:
        return f"{year}-03-01"


def under_age(submission: Submission, zone: tzinfo) -> bool:
    """Whether the person was under 18 when it was signed."""
    adult = comes_of_age(submission, zone)
    return adult is not None and instant_of(submission.signed or "", "signed", zone) < interval(adult, zone)[0]


def day_of(text: str, place: str, zone: tzinfo) -> date:
    """The day that a date of the submission names. Raises RecordError where it names a longer stretch."""
    instant_of(text, place, zone)
    if len(text) < len("YYYY-MM-DD"):
        raise RecordError("bad-date", place, "a day, or a date and time with an offset")
    return date.fromisoformat(text[:10])


def instant_of(text: str, place: str, zone: tzinfo) -> int:
    """The first instant of a date of the submission. Raises RecordError naming its place."""
    return _days_of(text, place, zone)[0]


def _days_of(text: str, place: str, zone: tzinfo) -> tuple[int, int]:
    try:
        return interval(text, zone)
    except ValueError as error:
        raise RecordError("bad-date", place, "a date, or a date and time with an offset") from error
