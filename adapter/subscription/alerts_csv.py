"""Notifications as CorEMR alerts: a CSV file of seven columns, one row for each event that may be told.

Somebody is named by the receiver's own numbers alone, so an event about somebody who has none of them is not for this
channel. The row of an alert says who set it with the id of the resource; a recall or stop says with the same id what
counts no more, and holds nothing else. What has to be said with a row stands in a text file beside it.

https://docs.coremr.com/integrations (alerts CSV); https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from adapter.fhir.codec import parse
from adapter.fhir.dates import interval
from adapter.subscription.hl7v2_content import notices
from adapter.subscription.hl7v2_text import decimal
from adapter.subscription.notification import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from adapter.listening import AlertsEndpoint
    from adapter.subscription.notification import Event

COLUMNS: Final = ("Jacket#", "Booking#", "Added", "Removed", "Code", "AddedBy", "RemovedBy")
SENDER: Final = "SALLYPORT"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    plain = " ".join(text.split("\n")) if "\n" in text else text
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def jacket(patients: Iterable[Mapping[str, Any]], to: AlertsEndpoint) -> str:
    """The number by which the receiver knows somebody; nothing if it has none, or none that its files can say."""
    for patient in patients:
        for one in patient.get("identifier", []):
            found = one.get("value", "")
            if one.get("system") == to.jackets and found and sayable(found, to):
                return str(found)
    return ""


def sayable(text: str, to: AlertsEndpoint) -> bool:
    """Whether a text can be written in the receiver's encoding."""
    try:
        text.encode(to.encoding)
    except UnicodeEncodeError:
        return False
    return text.isprintable()


def alerts_file(
    events: Sequence[tuple[Event, Sequence[bytes]]], to: AlertsEndpoint, *, topic: str, zone: tzinfo
) -> tuple[bytes, bytes]:
    """The file of these events, each with whom it is about as they left the gate; and what has to lie beside it.

    Without events it is the file that tells of nobody. An event that may not be told any more has no row.
    """
    text, beside = io.StringIO(), []
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for event, patients in events:
        if event.notice != "event":
            ident = (event.focus or "").rpartition("/")[2]
            rows.writerow(["", "", "", _local(event.at, zone), CODES[event.notice], f"{SENDER} {ident}", SENDER])
        elif event.body is not None:
            resource = parse(event.body)
            number = jacket([parse(one) for one in patients], to)
            if number:
                rows.writerow([cell(one) for one in _row(resource, number, event, to, topic, zone)])
                beside += _said(resource, event.number)
    return text.getvalue().encode(to.encoding), "\r\n\r\n".join(beside).encode()


def _said(resource: Mapping[str, Any], number: int) -> list[str]:
    """The labels and notices of a row."""
    codes = [one.get("code", "") for one in resource.get("meta", {}).get("security", [])]
    return [
        f"Event {number}, {SENDER} {resource['id']}: {', '.join(codes)}",
        *(text.replace("\n", "\r\n") for text in notices(resource)),
    ]


def _row(
    resource: Mapping[str, Any], number: str, event: Event, to: AlertsEndpoint, topic: str, zone: tzinfo
) -> list[str]:
    kind = resource["resourceType"]
    added, ends, alert = {"Observation": _result, "Encounter": _custody, "Consent": _consent}[kind](resource, topic)
    removed = ends if ends and interval(ends, zone)[0] <= event.at else ""
    if kind == "Consent" and resource.get("status") != "active" and not removed:
        removed = _local(event.at, zone)
    named = to.codes.get(alert, alert)
    by = f"{SENDER} {resource['id']}"
    return [
        number,
        _booking(resource, to),
        _when(added, zone) if added else _local(event.at, zone),
        _when(removed, zone) if "T" in removed else removed,
        named if sayable(named, to) else topic,
        by,
        by if removed else "",
    ]


def _booking(resource: Mapping[str, Any], to: AlertsEndpoint) -> str:
    found = [one.get("value", "") for one in resource.get("identifier", []) if one.get("system") == to.bookings]
    return str(found[0]) if to.bookings and found and sayable(found[0], to) else ""


def _result(resource: Mapping[str, Any], topic: str) -> tuple[str, str, str]:
    period = resource.get("effectivePeriod", {})
    added = resource.get("effectiveDateTime", period.get("start", ""))
    return (
        added,
        period.get("end", ""),
        ":".join(filter(None, (_code(resource.get("code")) or topic, _value(resource)))),
    )


def _value(resource: Mapping[str, Any]) -> str:
    quantity = resource.get("valueQuantity", {})
    amount = resource.get("valueInteger", quantity.get("value", ""))
    return _code(resource.get("valueCodeableConcept")) or decimal(amount)


def _code(concept: Any) -> str:
    codings = concept.get("coding", []) if isinstance(concept, dict) else []
    return str(codings[0].get("code", "")) if codings else ""


def _custody(resource: Mapping[str, Any], topic: str) -> tuple[str, str, str]:
    period = resource.get("period", {})
    if topic == "released":
        return period.get("end", ""), "", topic
    return period.get("start", ""), period.get("end", ""), topic


def _consent(resource: Mapping[str, Any], topic: str) -> tuple[str, str, str]:
    period = resource.get("provision", {}).get("period", {})
    return period.get("start", resource.get("dateTime", "")), period.get("end", ""), topic


def _when(text: str, zone: tzinfo) -> str:
    """A date as it is; an instant to the second, in the site's zone."""
    if "T" not in text:
        return text
    return _local(interval(text, zone)[0], zone)


def _local(at: int, zone: tzinfo) -> str:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
