"""Written revocations recorded here stay on their form, whatever a registry sends of it later.

A registry that has not heard of a revocation goes on exporting the form without it; its next export must not open again
what the person closed. 45 CFR 164.508(b)(5), 42 CFR 2.31(a)(6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from adapter.source import SourceRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapter.source import Malformed


def form_key(values: Mapping[str, Any]) -> tuple[str, str]:
    """The submission and the person of a form, as the form calls them."""
    person = values.get("person")
    return str(values.get("submission", "")), str(person.get("id", "")) if isinstance(person, dict) else ""


def with_revocations(
    item: SourceRecord | Malformed, revoked: Mapping[tuple[str, str], list[bytes]]
) -> SourceRecord | Malformed:
    """The record with the revocations recorded for it, each once."""
    if not revoked or not isinstance(item, SourceRecord):
        return item
    recorded = [orjson.loads(body) for body in revoked.get(form_key(item.values), ())]
    said = item.values.get("revocations", [])
    if not isinstance(said, list):
        # What cannot be read is quarantined and denies everything, which no revocation could add to.
        return item
    added = [one for one in recorded if one not in said]
    return item._replace(values={**item.values, "revocations": [*said, *added]}) if added else item
