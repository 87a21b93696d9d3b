"""Stored Consents as directives. Most people sign the same form, so what a form says is read once.

A Consent is taken apart into what belongs to one person (names, dates, the life of the consent) and the rest; the rest
is read the first time it is met. Only stored bytes come here: they were validated when they were written.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import orjson

from adapter.consent.criteria import PeriodCriterion
from adapter.consent.directive import addressed, read
from adapter.consent.instants import bounds
from adapter.consent.outcome import DENY
from adapter.consent.policy import Policy
from adapter.consent.provision import Body, Provision
from adapter.fhir.served import Parts, join

if TYPE_CHECKING:
    from adapter.consent.directive import Directive
    from adapter.store.shapes import StoredResource

_KEPT: Final = 4096
"""Forms with different choices, and single Consents, that are remembered."""
_PERSONAL: Final = frozenset({"id", "meta", "patient", "identifier", "dateTime", "sourceReference"})
Key = TypeVar("Key")
Value = TypeVar("Value")


class Form(NamedTuple):
    """What many Consents say alike. ``policy`` is what it amounts to while it is in force by itself.

    ``plain``: one root that denies and no period inside it, so that its life may be set apart.
    """

    directive: Directive
    policy: bytes
    plain: bool


class Signed(NamedTuple):
    """One Consent: its directive and, where it is a plain form, what the form says and from when to when."""

    directive: Directive
    form: Form | None
    life: tuple[str | None, str | None]


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
        if not _datable(period):
            return Signed(read(consent), None, (None, None))
        common = {name: value for name, value in consent.items() if name not in _PERSONAL}
        if "profile" in consent["meta"]:
            common["meta"] = {"profile": consent["meta"]["profile"]}
        if period:
            common["provision"] = {name: value for name, value in root.items() if name != "period"}
        key = orjson.dumps(common)
        form = self._forms.get(key)
        if form is None:
            form = _keep(self._forms, key, _form(common))
        if not form.plain:
            return Signed(read(consent), None, (None, None))
        if not period:
            return Signed(addressed(form.directive, consent, form.directive.body, root), form, (None, None))
        life = period.get("start"), period.get("end")
        return Signed(addressed(form.directive, consent, _dated(form.directive.body, *life), root), form, life)


def _form(common: dict[str, Any]) -> Form:
    directive = read(common)
    body = directive.body
    plain = not body.capped and len(body.roots) == 1 and body.roots[0].kind == DENY and not _periods(body)
    return Form(directive, Policy(directives=(body,)).canonical(), plain)


def _datable(period: Any) -> bool:
    """Whether a period is nothing but a start and an end after it, or is not there."""
    return period is None or (
        period.keys() <= {"start", "end"} and bounds(period.get("start"), period.get("end"), UTC) is not None
    )


def _periods(body: Body) -> bool:
    pending: list[Provision] = list(body.roots)
    while pending:
        provision = pending.pop()
        if any(isinstance(criterion, PeriodCriterion) for criterion in provision.criteria):
            return True
        pending += provision.children
    return False


def _dated(body: Body, start: str | None, end: str | None) -> Body:
    root = body.roots[0]
    dated = Provision(root.kind, root.path, (PeriodCriterion(start, end), *root.criteria), root.children)
    return Body((dated,), body.typed, body.capped, body.rank, body.instrument, body.signer)


def _keep(found: dict[Key, Value], key: Key, value: Value) -> Value:
    if len(found) >= _KEPT:
        found.clear()
    found[key] = value
    return value
