"""SMART scopes of systems: read strictly, met with what is registered, and asked before anything is handed out.

A scope is ``system/<type>.<letters>`` with letters out of ``cruds`` in this order (create, read, update, delete,
search), and may be narrowed by search parameters: ``system/Observation.rs?category=survey``. Two scopes meet in what
both allow; there is no way from here to a scope that allows more than one of the two.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

from adapter.errors import RequestError
from adapter.fhir.index import index_rows, satisfies
from adapter.fhir.parameters import PARAMETERS
from adapter.fhir.search import parse_query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from adapter.fhir.criteria import Filter

LETTERS: Final = "cruds"
EVERY: Final = "*"
MOST: Final = 64
"""Scopes that one request may list."""
LONGEST: Final = 4096
"""Characters of the longest list of scopes."""
EXPECTED: Final = (
    "`system/<type>.<letters out of cruds, in this order>`, such as `system/Observation.rs?category=survey`"
)

_SCOPE: Final = re.compile(r"system/(\*|[A-Z][A-Za-z]{1,63})\.(c?r?u?d?s?)(?:\?(.+))?")
_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""What a scope may be made of, https://www.rfc-editor.org/rfc/rfc6749#section-3.3"""
_PLAIN: Final = "/:,|$"
"""Characters that mean something in search values and stand in a scope as they are."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scope:
    """What may be done with resources of one type, or of every type; ``within`` are parameters that all must hold."""

    kind: str
    letters: str
    within: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        narrowed = "&".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in self.within)
        return f"system/{self.kind}.{self.letters}" + (f"?{narrowed}" if narrowed else "")

    def holds(self, other: Scope) -> bool:
        """Whether this scope allows everything that ``other`` allows."""
        return (
            self.kind in {EVERY, other.kind}
            and set(other.letters) <= set(self.letters)
            and set(self.within) <= set(other.within)
        )


def read_scope(text: str, types: Collection[str]) -> Scope:
    """One scope; ``ValueError`` with what was expected. ``types`` are the resource types there are.

    A scope is narrowed by tokens of types that are searched here, without modifiers: what cannot be asked of a
    resource cannot narrow it, and a narrowing that is ignored would widen.
    """
    match = _SCOPE.fullmatch(text)
    if match is None or not match[2] or _TOKEN.fullmatch(text) is None:
        raise ValueError(f"expected {EXPECTED}")
    kind, letters, narrowed = match.groups()
    if kind != EVERY and kind not in types:
        raise ValueError("expected a resource type of FHIR R4, or `*`")
    if not narrowed:
        return Scope(kind=kind, letters=letters)
    try:
        pairs = parse_qsl(narrowed, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=8)
    except ValueError:
        raise ValueError("expected `name=value` pairs joined by `&` after the question mark") from None
    table = PARAMETERS.get(kind, {})
    for name, value in pairs:
        offered = table.get(name)
        if offered is None or offered.kind != "token":
            tokens = sorted(one.name for one in table.values() if one.kind == "token")
            raise ValueError(f"expected {', '.join(tokens) or 'no parameter'} after `{kind}.{letters}?`")
        if not value.isprintable() or not _readable(kind, name, value):
            raise ValueError(f"expected a token search value after `{name}=`")
    return Scope(kind=kind, letters=letters, within=tuple(sorted(set(pairs))))


def _readable(kind: str, name: str, value: str) -> bool:
    try:
        _filters(kind, ((name, value),), "", None)
    except RequestError:
        return False
    return True


def _filters(kind: str, within: Sequence[tuple[str, str]], base_url: str, zone: Any) -> tuple[Filter, ...]:
    # Tokens are read without the zone, which places dates.
    return parse_query(kind, within, base_url=base_url, zone=zone).filters


def read_scopes(text: str, types: Collection[str]) -> tuple[Scope, ...]:
    """The scopes of a list separated by spaces, as sent; ``ValueError`` when it is empty, too long or one is none."""
    listed = text.split(" ")
    if len(text) > LONGEST or len(listed) > MOST:
        raise ValueError(f"expected at most {MOST} scopes in {LONGEST} characters")
    return tuple(dict.fromkeys(read_scope(one, types) for one in listed))


def meet(one: Scope, other: Scope) -> Scope | None:
    """What both scopes allow; None if that is nothing."""
    if EVERY not in {one.kind, other.kind} and one.kind != other.kind:
        return None
    letters = "".join(letter for letter in LETTERS if letter in one.letters and letter in other.letters)
    if not letters:
        return None
    kind = other.kind if one.kind == EVERY else one.kind
    return Scope(kind=kind, letters=letters, within=tuple(sorted({*one.within, *other.within})))


def granted(asked: Iterable[Scope], registered: Sequence[Scope]) -> tuple[Scope, ...]:
    """What is asked for, as far as it is registered; nothing if one of those asked for is not registered at all."""
    found: dict[Scope, None] = {}
    for scope in asked:
        met = [both for own in registered if (both := meet(scope, own)) is not None]
        if not met:
            return ()
        found.update(dict.fromkeys(met))
    return tuple(scope for scope in sorted(found) if not any(other != scope and other.holds(scope) for other in found))


def told(scopes: Iterable[Scope]) -> str:
    """A list of scopes as it is written in requests and answers."""
    return " ".join(str(scope) for scope in scopes)


class Scopes:
    """What the holder of a token may do, asked for each interaction and each resource.

    ``base_url`` and ``zone`` read the parameters of a narrowed scope as they read those of a search.
    """

    __slots__ = ("_base_url", "_filters", "_scopes", "_zone")

    def __init__(self, scopes: Iterable[Scope], *, base_url: str, zone: tzinfo) -> None:
        self._scopes = tuple(scopes)
        self._base_url = base_url
        self._zone = zone
        self._filters: dict[tuple[str, str], tuple[tuple[Filter, ...], ...] | None] = {}

    def allows(self, kind: str, letter: str) -> bool:
        """Whether any resource of a type may be met by an interaction: one of the letters ``cruds``."""
        return self.within(kind, letter) != ()

    def within(self, kind: str, letter: str) -> tuple[tuple[Filter, ...], ...] | None:
        """What narrows an interaction: all filters of one group have to hold. None is unnarrowed, empty is nothing."""
        key = (kind, letter)
        if key not in self._filters:
            self._filters[key] = self._read(kind, letter)
        return self._filters[key]

    def _read(self, kind: str, letter: str) -> tuple[tuple[Filter, ...], ...] | None:
        own = [one for one in self._scopes if one.kind in {EVERY, kind} and letter in one.letters]
        if any(not one.within for one in own):
            return None
        return tuple(_filters(kind, one.within, self._base_url, self._zone) for one in own)

    def covers(self, resource: Mapping[str, Any], letter: str) -> bool:
        """Whether this resource may be met by an interaction."""
        groups = self.within(resource["resourceType"], letter)
        if groups is None:
            return True
        asked = {one.param.partition(":")[0] for group in groups for one in group}
        rows = index_rows(resource, self._zone, asked) if asked else []
        return any(all(satisfies(resource.get("id", ""), rows, one) for one in group) for group in groups)
