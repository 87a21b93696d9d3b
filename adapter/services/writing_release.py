"""A signed release as a client sends it: what permits is authored from the signed form, never taken from a Consent.

One transaction carries it whole: the Consent; as its source the QuestionnaireResponse, which holds the form as it was
filled in; the DocumentReference with the scan; the Provenance of the signature; and whoever signed in the person's
place as a RelatedPerson. An element that the law asks for and that is not there is named, and nothing is kept.

42 CFR 2.31, 2.35; 45 CFR 164.508(c); https://hl7.org/fhir/R4/consent.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapter.consent.vocabulary import CANONICAL
from adapter.errors import Issue, RecordError, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapter.services.asked import Target
    from adapter.services.assemble import Assembly
    from adapter.services.writing_plan import Plan

RELEASE_FORM: Final = f"{CANONICAL}/Questionnaire/release/"
"""Before the name of a form in `QuestionnaireResponse.questionnaire`; its version stands behind a bar."""
_SEVERAL: Final = frozenset(
    {
        "choices",
        "choices.purposes",
        "choices.classes",
        "refusals",
        "refusals.classes",
        "refusals.purposes",
        "revocations",
        "part2.partners",
        "condition.partners",
        "flags",
    }
)
"""Items that are lists, however often they are there."""
_ONE_WORD: Final = {"choices.participants": "treating", "revocations.partners": "all"}
"""Items that are one word or a list."""
_BY_OTHERS: Final = frozenset({"guardian", "representative", "parent"})
_AUTHOR: Final = "author"
"""Of provenance-participant-type: who signed."""
_INDEX: Final = re.compile(r"\[\d+\]")


class Signed(NamedTuple):
    """What a signed form amounts to, and how the form is called."""

    consent: dict[str, Any]
    submission: str


class Releases:
    """Reads the signed releases of one feed."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def signed(self, plan: Plan, consent: Target, patient: Mapping[str, Any], *, at: int) -> Signed:
        """The Consent that the signed form of a transaction amounts to; ``Rejected`` names every missing element."""
        issues: list[Issue] = []
        form = _source(plan, consent, issues)
        if form is not None:
            _accompanied(plan, consent, form, issues)
        if "provision" in (consent.body or {}):
            told = "leave it out: what is permitted is authored from the signed form"
            issues.append(Issue(path=f"{consent.place}.provision", code="business-rule", message=told))
        if issues or form is None:
            raise Rejected(issues)
        values = _values(form, patient, consent.patient)
        if _signer(values) in _BY_OTHERS and not _signed_by_another(plan, consent):
            told = "missing: the RelatedPerson who signed for the person, as an agent of the Provenance"
            raise Rejected([Issue(path=consent.place, code="required", message=f"{told}, 45 CFR 164.508(c)(1)(vi)")])
        if _signer(values) not in _BY_OTHERS and _authored_by_another(plan, consent):
            # Left out it would read as signed by the person, for whom somebody else did.
            told = "missing: in what capacity the RelatedPerson signed who is an agent of the Provenance"
            place = f"{form.place}.item.where(linkId='signer').item.where(linkId='signer.capacity')"
            raise Rejected([Issue(path=place, code="required", message=f"{told}, 45 CFR 164.508(c)(1)(vi)")])
        try:
            authored = self._assembly.releases.authored(values, patient=f"Patient/{consent.patient}", at=at)
        except RecordError as error:
            raise Rejected(list(_lacking(error, form))) from None
        if (consent.body or {}).get("status") != authored["status"]:
            told = f"the signed form amounts to a Consent that is {authored['status']}"
            raise Rejected([Issue(path=f"{consent.place}.status", code="business-rule", message=told)])
        return Signed(authored, form.id)


def only_denies(consent: Mapping[str, Any]) -> bool:
    """Whether a Consent can only restrict: active, and without a permit anywhere."""
    if consent.get("status") != "active":
        return False
    waiting = [consent.get("provision")]
    if not isinstance(waiting[0], dict) or waiting[0].get("type") != "deny":
        return False
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict) or one.get("type") != "deny":
            return False
        waiting += one.get("provision", ())
    return True


def _source(plan: Plan, consent: Target, issues: list[Issue]) -> Target | None:
    """The QuestionnaireResponse in the same transaction that holds the signed form."""
    told = ((consent.body or {}).get("sourceReference") or {}).get("reference", "")
    kind, _, ident = told.partition("/")
    found = next((one for one in plan.targets if (one.kind, one.id) == (kind, ident) and one.body is not None), None)
    if found is None or found.kind != "QuestionnaireResponse":
        missing = (
            "missing: the QuestionnaireResponse with the signed form, in the same transaction; a Consent alone may "
            "only deny (active, every provision of type deny)"
        )
        issues.append(Issue(path=f"{consent.place}.sourceReference", code="required", message=missing))
        return None
    if not str((found.body or {}).get("questionnaire", "")).startswith(RELEASE_FORM):
        told = f"expected {RELEASE_FORM}<form>|<version>"
        issues.append(Issue(path=f"{found.place}.questionnaire", code="value", message=told))
        return None
    return found


def _accompanied(plan: Plan, consent: Target, form: Target, issues: list[Issue]) -> None:
    """The scan of what was signed, and the trace of who signed it and when."""
    scans = [one for one in plan.targets if one.kind == "DocumentReference" and form.rid in one.refers and one.body]
    contents = [content for one in scans for content in (one.body or {}).get("content", ())]
    if not any(_has_scan(content.get("attachment")) for content in contents):
        told = (
            "missing: the DocumentReference with the scan of the signed form (content.attachment with contentType and "
            "data), whose context.related names the QuestionnaireResponse; 45 CFR 164.508(b)(6)"
        )
        issues.append(Issue(path=scans[0].place if scans else consent.place, code="required", message=told))
    if not any(consent.rid in one.refers and one.body for one in plan.targets if one.kind == "Provenance"):
        told = "missing: the Provenance whose target is this Consent, with who took the signature and when"
        issues.append(Issue(path=consent.place, code="required", message=told))


def _has_scan(attachment: Any) -> bool:
    return isinstance(attachment, dict) and bool(attachment.get("data")) and bool(attachment.get("contentType"))


def _signed_by_another(plan: Plan, consent: Target) -> bool:
    people = {one.rid for one in plan.targets if one.kind == "RelatedPerson"}
    return any(
        one.kind == "Provenance" and consent.rid in one.refers and not people.isdisjoint(one.refers)
        for one in plan.targets
    )


def _authored_by_another(plan: Plan, consent: Target) -> bool:
    """Whether a Provenance of a Consent tells that a RelatedPerson signed: an agent with no other part than author."""
    return any(
        str((agent.get("who") or {}).get("reference", "")).startswith("RelatedPerson/")
        and (not (parts := _parts(agent.get("type"))) or _AUTHOR in parts)
        for one in plan.targets
        if one.kind == "Provenance" and consent.rid in one.refers
        for agent in (one.body or {}).get("agent", ())
    )


def _parts(concept: Any) -> list[str]:
    return [one.get("code", "") for one in (concept or {}).get("coding", ())]


def _signer(values: Mapping[str, Any]) -> str:
    signer = values.get("signer")
    return str(signer.get("capacity", "")) if isinstance(signer, dict) else ""


def _values(form: Target, patient: Mapping[str, Any], ident: str) -> dict[str, Any]:
    """What was handed in, as a submission; whose form it is says the Patient that it names."""
    body = form.body or {}
    name, _, version = str(body["questionnaire"]).removeprefix(RELEASE_FORM).partition("|")
    values = _read(body.get("item", ()), "")
    said = values.get("person")
    own: Mapping[str, Any] = next(iter(patient.get("name", ())), {})
    person = {
        "last": own.get("family"),
        "first": next(iter(own.get("given", ())), None),
        "dob": patient.get("birthDate"),
    }
    return values | {
        "submission": form.id,
        "form": name,
        "version": version,
        "person": person | (said if isinstance(said, dict) else {}) | {"id": ident},
    }


def _read(items: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    """Items as the members of a submission: `linkId` is the place, groups are objects, repeats are lists."""
    found: dict[str, list[Any]] = {}
    for item in items:
        link = str(item.get("linkId", ""))
        key = link.removeprefix(prefix)
        if "item" in item:
            found.setdefault(key, []).append(_read(item["item"], f"{link}."))
        else:
            told = [_answer(one) for one in item.get("answer", ())]
            if told:
                found.setdefault(key, []).extend(told)
    return {key: _member(prefix + key, several) for key, several in found.items()}


def _member(link: str, values: list[Any]) -> Any:
    if link in _SEVERAL or (link in _ONE_WORD and values != [_ONE_WORD[link]]):
        return values
    return values[0] if len(values) == 1 else values


def _answer(answer: Mapping[str, Any]) -> Any:
    """The value of an answer: of a coding its code, of a reference to an organisation its id."""
    if "valueCoding" in answer:
        return answer["valueCoding"].get("code")
    if "valueReference" in answer:
        return str(answer["valueReference"].get("reference", "")).partition("/")[2]
    return next((value for name, value in answer.items() if name.startswith("value")), None)


def _lacking(error: RecordError, form: Target) -> Iterator[Issue]:
    """One issue for each element that is missing or wrong, where it belongs in the form."""
    for element in error.element.split(", "):
        steps = _INDEX.sub("", element).split(".")
        links = [".".join(steps[: count + 1]) for count in range(len(steps))] if element else []
        path = form.place + "".join(f".item.where(linkId='{link}')" for link in links)
        told = f"{error.code}: `{element}`; expected {error.expected}"
        yield Issue(path=path, code="required" if error.code in _MISSING else "business-rule", message=told)


_MISSING: Final = frozenset({"deficient", "missing-part2-element", "missing-date"})
