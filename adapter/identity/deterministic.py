"""Deterministic matching: two records are one person when a strong key is equal and nothing contradicts.

A strong key is a full SSN, a fingerprint number of the state or the FBI, or an agency's permanent number, each together
with the birth date; or name, birth date, sex and the last four of the SSN together. A name and a birth date alone never
suffice: namesakes and twins exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.identity.traits import Traits


def match_keys(traits: Traits) -> list[tuple[str, str]]:
    """The strong keys of a record, each with the name of its rule. Without a whole birth date there is none."""
    born = traits.day
    if not born:
        return []
    keys = [("number", f"{number}|{born}") for number in traits.numbers]
    if traits.ssn:
        keys.append(("ssn", f"{traits.ssn}|{born}"))
    if traits.state_id:
        keys.append(("state-id", f"{traits.state_id}|{born}"))
    if traits.fbi:
        keys.append(("fbi", f"{traits.fbi}|{born}"))
    if traits.sex and traits.ssn_last4:
        named = {(name.family.replace(" ", ""), name.given.replace(" ", "")) for name in traits.names if name.given}
        last = f"{born}|{traits.sex}|{traits.ssn_last4}"
        keys += [("name", f"{family}|{given}|{last}") for family, given in sorted(named)]
    return keys


def facts(traits: Traits) -> dict[str, str]:
    """The facts by which two records can contradict; unknown ones are left out."""
    known = {
        "birth_date": traits.day,
        "ssn": traits.ssn,
        "ssn_last4": traits.ssn_last4,
        "state_id": traits.state_id,
        "fbi": traits.fbi,
    }
    return {name: value for name, value in known.items() if value}


def contradicts(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether a fact known of both differs."""
    return any(one[name] != other[name] for name in one.keys() & other.keys())
