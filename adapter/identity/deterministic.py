"""Deterministic matching: two records are one person when a strong key is equal and nothing contradicts.

A strong key is a full SSN or a state fingerprint number together with the birth date, or name, birth date, sex and
the last four of the SSN together. A name and a birth date alone never suffice: namesakes and twins exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.identity.traits import Traits


def match_keys(traits: Traits) -> dict[str, str]:
    """The strong keys of a record by rule name."""
    keys = {}
    if traits.birth_date and traits.ssn:
        keys["ssn"] = f"{traits.ssn}|{traits.birth_date}"
    if traits.birth_date and traits.state_id:
        keys["state-id"] = f"{traits.state_id}|{traits.birth_date}"
    if all((traits.family, traits.given, traits.birth_date, traits.sex, traits.ssn_last4)):
        keys["name"] = f"{traits.family}|{traits.given}|{traits.birth_date}|{traits.sex}|{traits.ssn_last4}"
    return keys


def facts(traits: Traits) -> dict[str, str]:
    """The facts by which two records can contradict; unknown ones are left out."""
    known = {
        "birth_date": traits.birth_date,
        "ssn": traits.ssn,
        "ssn_last4": traits.ssn_last4,
        "state_id": traits.state_id,
    }
    return {name: value for name, value in known.items() if value}


def contradicts(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether a fact known of both differs."""
    return any(one[name] != other[name] for name in one.keys() & other.keys())
