"""Stored Consents as directives. Most people sign the same form, so what a form says is read once.

A Consent is taken apart into what belongs to one person (names, dates, the life of the consent) and the rest; the rest
is read the first time it is met. Only stored bytes come here: they were validated when they were written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

import orjson

from adapter.consent.criteria import PeriodCriterion
from adapter.consent.directive import addressed, read
from adapter.consent.expiry import EXPIRY_EVENT
from adapter.consent.instants import bounds
from adapter.consent.outcome import DENY
from adapter.consent.policy import Policy
from adapter.consent.release_evidence import CONDITION, SIGNING
from adapter.fhir.served import Parts, join

if TYPE_CHECKING:
    from adapter.consent.directive import Directive
    from adapter.consent.provision import Body
    from adapter.store.shapes import StoredResource

_KEPT: Final = 2048
"""Forms with different choices, and single Consents, that are remembered."""
ALWAYS: Final = (None, None)
"""The life of a consent that states none."""
_NAMED: Final = ("id", "patient", "identifier", "dateTime")
_PERSONAL: Final = frozenset({*_NAMED, "meta", "sourceReference"})
_EVIDENCE: Final = frozenset({SIGNING, CONDITION})
"""Extensions that tell how one person signed, and say nothing of what is permitted."""
Key = TypeVar("Key")
Value = TypeVar("Value")


class Form(NamedTuple):
    """What many Consents say alike. ``policy`` is what it amounts to while it is in force by itself.

    ``plain``: one root that denies and no period inside it, so that its life may be set apart.
    """

    directive: Directive
    policy: bytes
    plain: bool


class Signed:
    """One Consent: where it is a plain form, what the form says and from when to when; its directive when asked for."""

    __slots__ = ("_consent", "_directive", "form", "life")

    def __init__(self, consent: dict[str, Any], form: Form | None, life: tuple[str | None, str | None]) -> None:
        self.form = form
        self.life = life
        self._consent = consent
        self._directive: Directive | None = None

    @property
    def source(self) -> str:
        """Its reference."""
        return f"Consent/{self._consent['id']}"

    @property
    def patient(self) -> tuple[str, str]:
        """Type and id of the patient it names; empty where it names none by reference."""
        kind, _, ident = self._consent["patient"].get("reference", "").partition("/")
        return kind, ident

    @property
    def directive(self) -> Directive:
        """It as a directive."""
        if self._directive is None:
            self._directive = self._read()
        return self._directive

    def _read(self) -> Directive:
        if self.form is None:
            return read(self._consent)
        form = self.form.directive
        if self.life == ALWAYS:
            return addressed(form, self._consent, form.body, form.provision)
        period = {name: value for name, value in zip(("start", "end"), self.life, strict=True) if value is not None}
        stated = {**cast("dict[str, Any]", form.provision), "period": period}
        return addressed(form, self._consent, _dated(form.body, *self.life), stated)


class SignedConsents:
    """Reads stored Consents, each form and each version once."""

    def __init__(self) -> None:
        self._forms: dict[bytes, Form] = {}
        self._versions: dict[str, Signed] = {}

    def read(self, row: StoredResource) -> Signed:
        """The directive of one stored Consent."""
        known = self._versions.get(row.version)
        if known is None:
            known = _keep(self._versions, row.version, self._read(row))
        return known

    def _read(self, row: StoredResource) -> Signed:
        consent = orjson.loads(join(Parts(head=row.head, tail=row.tail)))
        root = consent.get("provision")
        period = root.get("period") if root else None
        said = [one for one in consent.get("extension", ()) if one.get("url") not in _EVIDENCE]
        if not _datable(period) or any(one.get("url") == EXPIRY_EVENT for one in said):
            return Signed(consent, None, ALWAYS)
        common = {name: value for name, value in consent.items() if name not in _PERSONAL}
        if "profile" in consent["meta"]:
            common["meta"] = {"profile": consent["meta"]["profile"]}
        if "extension" in consent:
            common["extension"] = said
        if period:
            common["provision"] = {name: value for name, value in root.items() if name != "period"}
        key = orjson.dumps(common)
        form = self._forms.get(key)
        if form is None:
            form = _keep(self._forms, key, _form(common))
        if not form.plain:
            return Signed(consent, None, ALWAYS)
        # The rest is let go at once: thousands of trees held together would be walked by every garbage collection.
        personal = {name: consent[name] for name in _NAMED if name in consent}
        return Signed(personal, form, (period.get("start"), period.get("end")) if period else ALWAYS)


def _form(common: dict[str, Any]) -> Form:
    directive = read(common)
    body = directive.body
    plain = not body.capped and len(body.roots()) == 1 and body.provisions[0].kind == DENY and not _periods(body)
    return Form(directive, Policy(directives=(body,)).canonical(), plain)


def _datable(period: Any) -> bool:
    """Whether a period is nothing but a start and an end after it, or is not there."""
    return period is None or (
        period.keys() <= {"start", "end"} and bounds(period.get("start"), period.get("end"), UTC) is not None
    )


def _periods(body: Body) -> bool:
    return any(
        isinstance(criterion, PeriodCriterion) for provision in body.provisions for criterion in provision.criteria
    )


def _dated(body: Body, start: str | None, end: str | None) -> Body:
    root, *inside = body.provisions
    dated = replace(root, criteria=(PeriodCriterion(start, end), *root.criteria))
    return replace(body, provisions=(dated, *inside))


def _keep(found: dict[Key, Value], key: Key, value: Value) -> Value:
    if len(found) >= _KEPT:
        found.clear()
    found[key] = value
    return value
