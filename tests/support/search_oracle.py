"""What a search has to find, worked out resource by resource from the words of the specification.

Nothing here is taken from the adapter: parameters are written down again, dates are computed with `datetime`, numbers
with `Decimal`, and every resource is looked at for every question.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

BASE = "https://gate.example/fhir"
_WHO = "patient reference subject; subject reference subject; "
_PLACE = (
    "address string address; address-city string address.city; address-state string address.state; "
    "address-postalcode string address.postalCode; "
)
_PERSON = "name string name; family string name.family; given string name.given; identifier token identifier; "
TABLE = {
    "Patient": _PERSON + "birthdate date birthDate; death-date date deceasedDateTime; gender token gender",
    "Observation": _WHO + "category token category; code token code; status token status; "
    "date date effectiveDateTime,effectivePeriod; value-quantity quantity valueQuantity; performer reference performer",
    "Encounter": _WHO + "date date period; status token status; class token class; type token type; identifier token "
    "identifier; location reference location.location; "
    "discharge-disposition token hospitalization.dischargeDisposition; "
    "service-provider reference serviceProvider; length quantity length",
    "Consent": "patient reference patient; status token status; date date dateTime; category token category; "
    "scope token scope",
    "Condition": _WHO + "code token code; category token category; clinical-status token clinicalStatus; "
    "verification-status token verificationStatus; encounter reference encounter; onset-date date "
    "onsetDateTime,onsetPeriod; abatement-date date abatementDateTime; recorded-date date recordedDate",
    "QuestionnaireResponse": _WHO
    + "status token status; authored date authored; questionnaire canonical questionnaire",
    "Organization": _PLACE + "name string name,alias; identifier token identifier; type token type; "
    "partof reference partOf",
    "Practitioner": _PERSON.strip("; "),
    "PractitionerRole": "practitioner reference practitioner; organization reference organization; location reference "
    "location; endpoint reference endpoint; specialty token specialty; role token code; identifier token identifier",
    "Location": _PLACE + "name string name,alias; identifier token identifier; type token type; status token status; "
    "organization reference managingOrganization; partof reference partOf",
    "Provenance": "target reference target",
    "RelatedPerson": "patient reference patient",
    "AllergyIntolerance": "patient reference patient; code token code",
    "DocumentReference": "patient reference subject; type token type; date date date",
    "Appointment": "patient reference participant.actor; status token status; date date start",
}
PARAMETERS = {
    kind: {
        name: (type_, paths.split(",")) for name, type_, paths in (one.split(maxsplit=2) for one in text.split("; "))
    }
    for kind, text in ((kind, re.sub(r",\s+", ",", text.strip("; "))) for kind, text in TABLE.items())
}
CODES = {
    "gender": "http://hl7.org/fhir/administrative-gender",
    ("Observation", "status"): "http://hl7.org/fhir/observation-status",
    ("Encounter", "status"): "http://hl7.org/fhir/encounter-status",
    ("Consent", "status"): "http://hl7.org/fhir/consent-state-codes",
    ("QuestionnaireResponse", "status"): "http://hl7.org/fhir/questionnaire-answers-status",
    ("Location", "status"): "http://hl7.org/fhir/location-status",
    ("Appointment", "status"): "http://hl7.org/fhir/appointmentstatus",
}
OPEN = Fraction(10) ** 30


@dataclass
class Held:
    """One stored resource: whether the caller may have it, when it was written, whom it is about."""

    resource: dict[str, Any]
    permitted: bool
    updated: int
    patient: str = ""

    @property
    def name(self):
        return f"{self.resource['resourceType']}/{self.resource['id']}"


@dataclass
class Oracle:
    """All that is stored."""

    held: list[Held]
    zone: Any
    links: set[frozenset[str]] = field(default_factory=set)

    def visible(self, one):
        if one.permitted:
            return True
        about = [other for other in self.held if other.patient == one.name and other is not one]
        return one.resource["resourceType"] == "Patient" and any(other.permitted for other in about)

    def named(self, name):
        return next((one for one in self.held if one.name == name and self.visible(one)), None)

    def persons(self, name):
        """The records that `patient=` reaches: over visible ones, or one alone that nothing is linked to."""
        if not any(name in pair for pair in self.links):
            return {name}
        found, level = set(), {name}
        while level:
            seen = {one for one in level if self.named(one)}
            found |= seen
            level = {other for one in seen for pair in self.links if one in pair for other in pair} - found
        return found

    def found(self, kind, pairs):
        """The resources of a type that a caller has to be given, in no order."""
        of_type = [one for one in self.held if one.resource["resourceType"] == kind and self.visible(one)]
        criteria = [pair for pair in pairs if pair[0] in {"_id", "_lastUpdated"} or not pair[0].startswith("_")]
        return [one for one in of_type if all(self.satisfies(one, *pair) for pair in criteria)]

    def satisfies(self, one, key, value):
        kind = one.resource["resourceType"]
        name, _, modifier = key.partition(":")
        if name == "_id":
            return one.resource["id"] in value.split(",")
        if name == "_lastUpdated":
            low = one.updated // 1000 * 1000
            return any(compared(part, (low, low + 1000), self.zone) for part in value.split(","))
        type_, paths = PARAMETERS[kind][name]
        values = [content for path in paths for content in at(one.resource, path)]
        if modifier == "missing":
            return (value == "true") is (not any(findable(type_, content) for content in values))
        if name in {"patient", "subject"} and modifier in {"", "Patient"}:
            return any(one.patient in self.persons(local(part, "Patient")) for part in split(value))
        if type_ == "token" or modifier == "identifier":
            named = [content["identifier"] for content in values if "identifier" in content]
            system = CODES.get((kind, name), CODES.get(name, ""))
            return tokens(values, modifier, value, system) if type_ == "token" else tokens(named, "", value, "")
        return any(self.meets(type_, content, part, modifier) for content in values for part in split(value))

    def meets(self, type_, content, asked, modifier):
        """Whether one value meets one alternative."""
        if type_ == "string":
            return any(spelt(text, asked, modifier) for text in texts(content))
        if type_ == "date":
            span = span_of(content, self.zone)
            return span is not None and compared(asked, span, self.zone)
        if type_ == "quantity":
            return measured(content, asked)
        return (
            asked in {content, content.partition("|")[0]} if type_ == "canonical" else refers(content, asked, modifier)
        )

    def along(self, hits, include):
        """The names of what has to come along with the hits of a page by one include."""
        key, source, name, target = include
        if key == "_include":
            _, paths = PARAMETERS[source][name]
            values = [content for one in hits for path in paths for content in at(one.resource, path)]
            named = {content.get("reference", "") for content in values}
            named = {text for text in named if not target or text.startswith(f"{target}/")}
            return {text for text in named if self.named(text)} - {one.name for one in hits}
        wanted = {one.name for one in hits}
        naming = (one for one in self.held if one.resource["resourceType"] == source and self.visible(one))
        return {
            one.name
            for one in naming
            for path in PARAMETERS[source][name][1]
            if {content.get("reference", "") for content in at(one.resource, path)} & wanted
        } - wanted

    def place(self, one, key):
        """What a resource is sorted by: what has nothing to be sorted by is last in either direction."""
        name, falling = key.removeprefix("-"), key.startswith("-")
        if name == "_id":
            return one.resource["id"]
        if name == "_lastUpdated":
            return one.updated // 1000
        type_, paths = PARAMETERS[one.resource["resourceType"]][name]
        values = [content for path in paths for content in at(one.resource, path)]
        if type_ == "string":
            found = [fold(text) for content in values for text in texts(content) if fold(text)]
            return (max(found) if falling else min(found))[:64] if found else ("" if falling else "\U0010ffff")
        spans = (span_of(content, self.zone) for content in values)
        found = [span[0] for span in spans if span and span[0] > -OPEN]
        return (max if falling else min)(found) if found else (-OPEN if falling else OPEN)


def at(content, path):
    """What stands at a path, arrays entered."""
    found = [content]
    for name in path.split("."):
        inner = [part[name] for part in found if isinstance(part, dict) and name in part]
        found = [item for part in inner for item in (part if isinstance(part, list) else [part])]
    return found


def split(value):
    """The alternatives between commas that are not escaped."""
    return [unescaped(part) for part in re.split(r"(?<!\\),", value)]


def unescaped(text):
    return re.sub(r"\\([\\,|$])", r"\1", text)


def findable(type_, content):
    if type_ == "token":
        return bool(codings(content, ""))
    if type_ == "string":
        return any(fold(text) for text in texts(content))
    if type_ == "reference":
        return "reference" in content or "value" in content.get("identifier", {})
    if type_ == "date":
        return isinstance(content, str) or bool({"start", "end"} & content.keys())
    return type_ != "quantity" or "value" in content


def codings(content, system):
    if isinstance(content, str):
        return [(system, content)]
    if "coding" in content or "text" in content:
        return [(one.get("system", ""), one["code"]) for one in content.get("coding", ()) if "code" in one]
    code = content.get("code", content.get("value"))
    return [(content.get("system", ""), code)] if code is not None else []


def tokens(values, modifier, value, system):
    asked = [list(map(unescaped, re.split(r"(?<!\\)\|", part))) for part in re.split(r"(?<!\\),", value)]
    if modifier == "of-type":
        held = {
            (kind.get("system"), kind.get("code"), one.get("value"))
            for one in values
            for kind in one.get("type", {}).get("coding", ())
        }
        return any(tuple(parts) in held for parts in asked)
    held = [coding for content in values for coding in codings(content, system)]

    def one(parts):
        if len(parts) == 1:
            return any(code == parts[0] for _, code in held)
        if not parts[1]:
            return any(found == parts[0] for found, _ in held)
        return tuple(parts) in held

    return any(map(one, asked)) is not (modifier == "not")


def texts(content):
    """The strings of a string, HumanName or Address."""
    if isinstance(content, str):
        return [content]
    parts = [content.get(name) for name in ("text", "family", "given", "prefix", "suffix", *ADDRESS)]
    return [text for part in parts if part for text in (part if isinstance(part, list) else [part])]


ADDRESS = ("line", "city", "district", "state", "postalCode", "country")


def fold(text):
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(mark for mark in bare if unicodedata.category(mark) != "Mn").split())


def spelt(text, asked, modifier):
    if modifier == "exact":
        return text == asked
    return fold(asked) in fold(text) if modifier == "contains" else fold(text).startswith(fold(asked))


def local(text, kind):
    """A reference as `Type/id`, from an id, `Type/id` or an address of this server."""
    text = text.removeprefix(BASE + "/").partition("/_history/")[0]
    return text if "/" in text else f"{kind}/{text}"


def refers(content, asked, modifier):
    named = content.get("reference", "")
    return bool(named) and named == local(asked, modifier or named.partition("/")[0])


def moment(text, zone):
    """The interval of a date or time, in microseconds; a time without an offset is local."""
    match = re.fullmatch(
        r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", text
    )
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if hour is None:
        first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=zone)
        if day:
            after = (first.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
        elif month:
            after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        else:
            after = first.replace(year=first.year + 1)
        return micros(first), micros(after)
    whole = datetime.fromisoformat(
        f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{(offset or '').replace('Z', '+00:00')}"
    )
    start = micros(whole if whole.tzinfo else whole.replace(tzinfo=zone))
    if second is None:
        return start, start + 60_000_000
    if fraction is None:
        return start, start + 1_000_000
    return start + int(Fraction(fraction) * 1_000_000), start + int(
        (Fraction(fraction) + Fraction(1, 10 ** (len(fraction) - 1))) * 1_000_000
    )


def micros(instant):
    return (instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def span_of(content, zone):
    if isinstance(content, str):
        return moment(content, zone)
    if not {"start", "end"} & content.keys():
        return None
    low = moment(content["start"], zone)[0] if "start" in content else -OPEN
    return low, moment(content["end"], zone)[1] if "end" in content else OPEN


def compared(text, stored, zone):
    """The prefixes between the interval asked for and the one stored, https://hl7.org/fhir/R4/search.html#prefix."""
    prefix, rest = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    low, high = moment(rest, zone)
    inside = low <= stored[0] and stored[1] <= high
    slack = (high - low) // 10
    return {
        "eq": inside,
        "ne": not inside,
        "gt": stored[1] > high,
        "lt": stored[0] < low,
        "ge": stored[1] > high or inside,
        "le": stored[0] < low or inside,
        "sa": stored[0] >= high,
        "eb": stored[1] <= low,
        "ap": stored[0] < high + slack and stored[1] > low - slack,
    }[prefix]


def measured(content, asked):
    number, *unit = asked.split("|")
    if unit and unit[0] and (content.get("system"), content.get("code")) != tuple(unit):
        return False
    if unit and not unit[0] and unit[1] not in {content.get("code"), content.get("unit")}:
        return False
    if "value" not in content:
        return False
    prefix, rest = (number[:2], number[2:]) if number[:2].isalpha() else ("eq", number)
    value, exact = Fraction(Decimal(str(content["value"]))), Fraction(Decimal(rest))
    places = len(rest.partition(".")[2])
    half = Fraction(5) / 10 ** (places + 1)
    inside = exact - half <= value < exact + half
    return {
        "eq": inside,
        "ne": not inside,
        "gt": value > exact,
        "lt": value < exact,
        "ge": value >= exact,
        "le": value <= exact,
        "sa": value > exact,
        "eb": value < exact,
        "ap": abs(value - exact) <= abs(exact) / 10,
    }[prefix]
