"""Random requests to the FHIR base: nearly right ones, wrong in one place, and junk."""

from __future__ import annotations

import string
from copy import deepcopy

import orjson
import subscribers
import writers

from adapter.fhir.criteria import modifiers
from adapter.fhir.parameters import PARAMETERS
from adapter.rest.offered import CONFORMANCE

TYPES = (
    *sorted(PARAMETERS),
    "Group",
    "Subscription",
    "Basic",
    "AuditEvent",
    *CONFORMANCE,
    "Bundle",
    "Binary",
    "patient",
)
OFTEN = ("Patient", "Patient", "Observation", "Observation", "Group", "Subscription", "Encounter", "Consent")
OPERATIONS = [
    "$everything",
    "$validate",
    "$match",
    "$export",
    "$assert-basis",
    "$explain",
    "$status",
    "$events",
    "$lastn",
    "_search",
    "_history",
    "metadata",
    ".well-known/smart-configuration",
]
CONTROLS = [
    "_count",
    "_sort",
    "_summary",
    "_elements",
    "_total",
    "_include",
    "_revinclude",
    "_format",
    "_since",
    "_at",
    "_cursor",
    "_type",
    "_typeFilter",
    "_outputFormat",
    "_has:Observation:patient:code",
    "_filter",
    "_id",
    "_lastUpdated",
    "_pretty",
    "mode",
]
METHODS = ("GET", "GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW")
JSON, XML = "application/fhir+json", "application/fhir+xml"
PATCHES, FORM = "application/json-patch+json", "application/x-www-form-urlencoded"
MEDIA = (*[JSON] * 8, "application/json", XML, PATCHES, FORM, "text/csv", "")
ODD = (
    "",
    "0",
    "-1",
    "1e400",
    "99999999999999999999",
    "true",
    "null",
    "..",
    "%00",
    "%2e%2e%2f",
    "a" * 70,
    "a,b,,c",
    "|",
    "http://loinc.org|",
    "|44261-6",
    "http://loinc.org|44261-6",
    "2026",
    "ge2026-02-30",
    "lt2026-11-22T10:00:00+14:00",
    "gt",
    "Patient/x",
    "Patient/x/_history/1",
    "https://elsewhere.example/Patient/1",
    "#inside",
    "urn:uuid:0",
    "Ada",
    "Ünï",
    "\\,\\|\\$",
    "1.50|http://unitsofmeasure.org|mg",
    "_lastUpdated,-date",
    "Observation:patient",
    "Provenance:target:Observation",
    "json",
    "xml",
    "text/turtle",
)
JUNK = (b"", b"{", b"[]", b"null", b"5", b'{"resourceType":5}', b"<a/>", b"\xff\xfe", b'{"a":' * 300, b"x" * 4096)


class Requests:
    """A stream of requests. ``known`` are references to resources that are there, and grows with what is created."""

    def __init__(self, chance, known):
        self._chance = chance
        self.known = list(known)

    def draw(self):
        """One request: method, address below ``/fhir/``, headers, body."""
        pick = self._chance.choice
        method, kind = pick(METHODS), pick(TYPES if self._chance.random() < 0.4 else OFTEN)
        parts = self._path(method, kind)
        url = ("/" if parts else "") + "/".join(parts)
        query = self._query(kind) if method in {"GET", "HEAD"} or self._chance.random() < 0.2 else ""
        headers = self._headers()
        body = self._body(url, kind, headers) if method in {"POST", "PUT", "PATCH"} else None
        return method, url + ("?" + query if query else ""), headers, body

    def _path(self, method, kind):
        roll = self._chance.random()
        if roll < 0.04:
            return [self._chance.choice(OPERATIONS)]
        if method == "POST" and roll > 0.9:
            return []
        if roll < 0.08:
            return [self._word() for _ in range(self._chance.randrange(1, 5))]
        named = [] if self._chance.random() < (0.8 if method == "POST" else 0.4) else [self._id(kind)]
        tail = [self._chance.choice(OPERATIONS)] if self._chance.random() < 0.2 else []
        if tail == ["_history"] and self._chance.random() < 0.5:
            tail.append(self._id(kind))
        return [kind, *named, *tail]

    def _id(self, kind):
        mine = [one.partition("/")[2] for one in self.known if one.startswith(f"{kind}/")]
        if mine and self._chance.random() < 0.85:
            return self._chance.choice(mine)
        return self._chance.choice(("1", "x-y.z", self._word(), self._chance.choice(ODD)))

    def _query(self, kind):
        pairs = []
        for _ in range(self._chance.choice((0, 0, 1, 1, 2, 3, 6))):
            names = [*PARAMETERS.get(kind, {})] or CONTROLS
            name = self._chance.choice(names if self._chance.random() < 0.6 else CONTROLS)
            known = PARAMETERS.get(kind, {}).get(name)
            if known is not None and self._chance.random() < 0.3:
                name += ":" + self._chance.choice((*modifiers(known), "exact", "missing", "Patient", ""))
            value = self._chance.choice((*ODD, self._chance.choice(self.known), self._word()))
            pairs.append(f"{name}={value}")
        return "&".join(pairs)

    def _headers(self):
        some = {
            "Accept": (JSON, XML, "*/*", "text/html", "application/fhir+json;fhirVersion=5.0", "q=;,"),
            "If-Match": ('W/"1"', '"x"', "*", "5"),
            "If-None-Match": ('W/"1"', "*", '"'),
            "If-None-Exist": ("identifier=https://chart.example/patient|P1", "oops=1", "", "%"),
            "If-Modified-Since": ("Sun, 22 Nov 2026 10:00:00 GMT", "yesterday"),
            "Prefer": ("return=minimal", "return=OperationOutcome", "respond-async", "handling=lenient", "x; y=,"),
            "X-Purpose-Of-Use": ("TREAT", "supervision", "\u00e9"),
            "Accept-Encoding": ("gzip", "br;q=x"),
        }
        taken = {name: self._chance.choice(values) for name, values in some.items() if self._chance.random() < 0.08}
        media = self._chance.choice(MEDIA)
        told = {name: value.encode("latin-1") for name, value in taken.items()}
        return told | ({"Content-Type": media} if media else {})

    def _body(self, url, kind, headers):
        roll = self._chance.random()
        if roll < 0.1:
            return self._chance.choice(JUNK)
        if headers.get("Content-Type") == "application/x-www-form-urlencoded":
            return self._query(kind).encode()
        if headers.get("Content-Type") == "application/json-patch+json":
            return orjson.dumps([self._patch() for _ in range(self._chance.randrange(4))])
        whole = kind if url else "Bundle"
        return orjson.dumps(self._mutated(self._resource(whole)))

    def _patch(self):
        step = {"op": self._chance.choice(("add", "replace", "remove", "move", "copy", "test", "swap"))}
        step["path"] = self._chance.choice(("/active", "/name/0/given/-", "", "/~2", "/meta/security", "/id", "x"))
        return step | {"value": self._chance.choice((True, "x", {}, [])), "from": "/gender"}

    def _resource(self, kind):
        made = {
            "Bundle": self._bundle,
            "Patient": writers.patient,
            "Observation": self._result,
            "Group": self._group,
            "Subscription": subscribers.subscription,
        }
        if kind in made and self._chance.random() < 0.7:
            return made[kind]()
        other = {"resourceType": kind, "status": "active", "subject": {"reference": self._patient()}}
        return self._chance.choice((*[one() for one in made.values()], self._parameters(), other))

    def _patient(self):
        return next((one for one in reversed(self.known) if one.startswith("Patient/")), "Patient/x")

    def _result(self):
        return writers.phq9(self._patient().partition("/")[2])

    def _group(self):
        members = [{"entity": {"reference": one}} for one in self.known if one.startswith("Patient/")]
        return {"resourceType": "Group", "type": "person", "actual": True, "name": "g", "member": members[:3]}

    def _parameters(self):
        inner = {"name": "resource", "resource": writers.patient()}
        return {"resourceType": "Parameters", "parameter": [inner, {"name": self._word(), "valueString": "x"}]}

    def _bundle(self):
        entries = [
            writers.entry("POST", "Patient", writers.patient(), full_url=writers.urn(1)),
            writers.entry("POST", "Observation", self._result()),
            writers.entry("GET", f"Observation?{self._query('Observation')}"),
            writers.entry(self._chance.choice(METHODS), self._word(), writers.patient()),
        ]
        self._chance.shuffle(entries)
        kept = entries[: self._chance.randrange(5)]
        return writers.bundle(*kept, kind=self._chance.choice(("batch", "transaction", "collection")))

    def _mutated(self, value):
        """A copy with nothing, one or a few places changed to something else."""
        value = deepcopy(value)
        for _ in range(self._chance.choice((0, 0, 1, 1, 2, 5))):
            places = list(_places(value))
            if places:
                holder, key = self._chance.choice(places)
                if self._chance.random() < 0.25:
                    holder.pop(key)
                else:
                    holder[key] = self._chance.choice(
                        (None, [], {}, "", "x", -1, 1.5, True, 2**63, [[]], self._word(), ODD[-3])
                    )
        return value

    def _word(self):
        letters = string.ascii_letters + "-._~$:@!*'();é "
        return "".join(self._chance.choices(letters, k=self._chance.randrange(1, 12)))


def _places(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield value, name
            yield from _places(inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield value, number
            yield from _places(inner)
