"""Names of people as jails and courts type them, made into HumanName.

https://hl7.org/fhir/R4/datatypes.html#HumanName. The dirt is real: a suffix or a remark in the last name,
the surname `NULL`, one name only, aliases in a column of their own or after `AKA`, rows that are no person
at all.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapter.errors import RecordError
from adapter.mapping.registry import Coverage, function

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapter.mapping.scope import Remarks

HumanName = dict[str, Any]

_SUFFIX = re.compile(r"[,\s]+(JR|SR|II|III|IV|2ND|3RD|4TH|ESQ)\.?$", re.IGNORECASE)
_WHOLE_SUFFIX = re.compile(r"(JR|SR|II|III|IV|2ND|3RD|4TH|ESQ)\.?", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*\(([^)]*)\)?\s*")
_MAIDEN = re.compile(r"\s*(?:maiden|nee|born)\b[:\s]*(.+)", re.IGNORECASE)
_AKA = re.compile(r"\s*\b(?:AKA|A/K/A|A\.K\.A\.?)(?=[\s:]|$)[:\s]*", re.IGNORECASE)
_TEST = re.compile(
    r"\b(?:TEST ONLY|NOT A CLIENT|NOT AN? INMATE|DO NOT USE|TEST (?:PATIENT|INMATE|RECORD))\b", re.IGNORECASE
)
_ENTRIES = re.compile(r"\s*[;|\n]\s*|\s+/\s+")
_LISTED_ALIASES = 20
_LONGEST = 1000
_PLAIN = re.compile(r"[A-Za-z'\-]+")


def refuse_test(remarks: Remarks, argument: int, text: str) -> None:
    """Refuse a row that says of itself that it is no person. Raises RecordError `test-record`."""
    if _TEST.search(text):
        raise RecordError("test-record", remarks.column(argument), "a person; remove the test row at the sender")


class _Part:
    """One name column taken apart: what is left of it, and what was found in it."""

    __slots__ = ("aliases", "cut", "digits", "maiden", "suffix", "text")

    def __init__(self, text: str) -> None:
        self.suffix, self.maiden, self.aliases = "", "", []  # type: str, str, list[str]
        self.cut = False
        text, *self.aliases = _AKA.split(text)
        self.text = _BRACKETS.sub(self._bracket, text).strip(" ,")
        if match := _SUFFIX.search(self.text):
            self.suffix, self.text = match[1], self.text[: match.start()].strip(" ,")
        self.digits = any(character.isdigit() for character in self.text)

    def _bracket(self, match: re.Match[str]) -> str:
        maiden = _MAIDEN.fullmatch(match[1])
        if maiden:
            self.maiden = maiden[1].strip()
        else:
            self.cut = True
        return " "


@lru_cache(maxsize=4096)
def _part(text: str) -> _Part:
    return _Part(text)


@lru_cache(maxsize=8192)
def _is_plain(text: str) -> bool:
    """A single word without anything to take apart; most names are."""
    return _PLAIN.fullmatch(text) is not None and text.upper() not in {"AKA", "TEST"}


def _taken_apart(remarks: Remarks, argument: int, text: str | None) -> _Part | None:
    if text is None:
        return None
    refuse_test(remarks, argument, text)
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
        remarks.lossy(argument, "name-too-long")
    part = _part(text)
    if part.cut:
        remarks.lossy(argument, "remark-in-name")
    if part.digits:
        remarks.warn(argument, "digits-in-name")
    return part


def _alias(entry: str) -> HumanName | None:
    """One alias as written: `LAST, FIRST MIDDLE` or `FIRST MIDDLE LAST` or one word."""
    entry = _BRACKETS.sub(" ", entry).strip(" ,")
    suffix = _SUFFIX.search(entry)
    plain = entry[: suffix.start()].strip(" ,") if suffix else entry
    if not plain:
        return None
    family, comma, given = plain.partition(",")
    if not comma:
        *words, family = plain.split()
        given = " ".join(words)
    name: HumanName = {"use": "nickname", "family": family.strip(), "given": given.split()}
    if suffix:
        name["suffix"] = [suffix[1]]
    return {key: value for key, value in name.items() if value}


def _aliases(texts: Iterable[str]) -> list[HumanName]:
    found = []
    for text in texts:
        for entry in _ENTRIES.split(text):
            found += [alias for alias in map(_alias, _AKA.split(entry)) if alias is not None]
    return found[:_LISTED_ALIASES]


def _official(last: str, given: list[str], suffixes: list[str]) -> HumanName:
    name: HumanName = {"use": "official"}
    if last:
        name["family"] = last
    if given:
        name["given"] = given
    if suffixes:
        name["suffix"] = suffixes
    return name


@function(gives="any", last="text", first="text", middle="text?", suffix="text?")
def names(
    remarks: Remarks,
    last: str | None,
    first: str | None,
    middle: str | None = None,
    suffix: str | None = None,
) -> list[HumanName] | None:
    """The official name from its columns, and a maiden name or aliases (`use` nickname) written into them."""
    if suffix is None and all(part is None or _is_plain(part) for part in (last, first)):
        if middle is None:
            given = [] if first is None else [first]
            return [_official(last or "", given, [])] if last or given else None
        if _is_plain(middle) and not _WHOLE_SUFFIX.fullmatch(middle):
            return [_official(last or "", [middle] if first is None else [first, middle], [])]
    return _all_names(remarks, (last, first, middle), suffix)


def _all_names(
    remarks: Remarks, columns: tuple[str | None, str | None, str | None], suffix: str | None
) -> list[HumanName] | None:
    refuse_test(remarks, 0, " ".join(filter(None, (columns[1], columns[0], columns[1]))))
    family, first, middle = (_taken_apart(remarks, place, text) for place, text in enumerate(columns))
    if middle is not None and _WHOLE_SUFFIX.fullmatch(middle.text):
        suffix, middle = suffix or middle.text.rstrip("."), None
    parts = [part for part in (family, first, middle) if part is not None]
    given = [part.text for part in (first, middle) if part is not None and part.text]
    suffixes = [found for found in (suffix, *(part.suffix for part in parts)) if found]
    last = family.text if family is not None else ""
    found = [_official(last, given, list(dict.fromkeys(suffixes)))] if last or given else []
    found += [_official(part.maiden, given[:1], []) | {"use": "maiden"} for part in parts if part.maiden]
    found += _aliases([entry for part in parts for entry in part.aliases])
    return found or None


@function(gives="any", alias="text")
def aliases(remarks: Remarks, alias: str | None) -> list[HumanName] | None:
    """Names from a column of aliases, `LAST, FIRST; FIRST LAST`, each with `use` nickname."""
    if alias is None:
        return None
    refuse_test(remarks, 0, alias)
    if len(alias) > _LONGEST:
        remarks.lossy(0, "name-too-long")
    return _aliases([alias[:_LONGEST]]) or None


@function(gives="any", full="text")
def full_name(remarks: Remarks, full: str | None) -> list[HumanName] | None:
    """Names from one column written `LAST, FIRST MIDDLE`, with its suffix and aliases."""
    if full is None:
        return None
    refuse_test(remarks, 0, full)
    if len(full) > _LONGEST:
        full = full[:_LONGEST]
        remarks.lossy(0, "name-too-long")
    own, *others = _AKA.split(full)
    last, comma, given = own.partition(",")
    trailing = _WHOLE_SUFFIX.fullmatch(given.strip())
    if trailing or not comma:
        *words, last = (last if trailing else own).split() or [""]
        given = " ".join(words)
    first, _, middle = given.strip().partition(" ")
    suffix = trailing[0].rstrip(".") if trailing else None
    found = names(remarks.on_first(), last.strip() or None, first or None, middle.strip() or None, suffix) or []
    return [*found, *_aliases(others)] or None


_NAME_ELEMENTS = ("use", "text", "family", "given", "prefix", "suffix", "period")


@function(gives="any", name="element", reads={"name": Coverage(frozenset(_NAME_ELEMENTS))})
def human_names(remarks: Remarks, name: Any) -> list[HumanName] | None:
    """FHIR names with the elements of HumanName and nothing else; refuses test patients."""
    found = []
    for entry in name if isinstance(name, list) else [name]:
        if not isinstance(entry, dict):
            continue
        kept = {key: entry[key] for key in _NAME_ELEMENTS if entry.get(key)}
        for text in (kept.get("text"), kept.get("family"), *kept.get("given", ())):
            refuse_test(remarks, 0, str(text or ""))
        if kept:
            found.append(kept)
    return found or None
