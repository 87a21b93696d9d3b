"""Random consents, resources and requests that are mostly well formed and often meet each other."""

import random

from consent_builders import ACT, ACTION, LEVEL, LOINC, PARTICIPATION, PCF, SCOPE, TYPES, X, concept, purpose
from hypothesis import strategies as st

INSTRUMENT = "https://sallyport.example/fhir/CodeSystem/consent-instrument"
ORGANISATIONS = ["Organization/x", "Organization/y", "Organization/h"]
ACTORS = [
    *ORGANISATIONS,
    "Practitioner/p",
    "PractitionerRole/r",
    "PractitionerRole/q",
    "Group/g",
    "Group/lost",
]
PURPOSES = ["TREAT", "ETREAT", "BTG", "COC", "HOPERAT", "HLEGAL", "HMARKT", "diversion", "supervision"]
SENSITIVITIES = ["SUD", "OPIOIDUD", "ETH", "ETHUD", "MH", "PSY", "BH", "SEX", "SPI", "COGN"]
CODES = ["718-7", "74013-4", "75624-7"]
STRANGE = {"system": "https://example.org/labels", "code": "secret"}
DATES = ["2021", "2022", "2022-06", "2022-06-15", "2023-01-01", "2026-11-22", "2027"]

MEANINGS = ["instance", "related", "dependents", "authoredby", "sideways"]
TARGETS = ["Observation/o1", "Observation/o2", "Encounter/e", "Encounter/f", "Practitioner/p"]
INSTANTS = [
    "2022-06-15T12:00:00-06:00",
    "2026-11-22T23:30:00-07:00",
    "2026-11-23T00:00:00-07:00",
    "2027-05-05T00:00:00Z",
]
COMMON = ["period", "actor", "purpose", "securityLabel", "class", "securityLabel", "purpose", "actor"]
RARE = ["action", "code", "dataPeriod", "data", "extension", "modifierExtension", "somethingNew"]
CONTEXT = [
    {"resourceType": "Organization", "id": "h"},
    {"resourceType": "Organization", "id": "x", "partOf": {"reference": "Organization/h"}},
    {"resourceType": "Organization", "id": "y"},
    {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"reference": "Practitioner/p"},
        "organization": {"reference": "Organization/x"},
    },
    {
        "resourceType": "Group",
        "id": "g",
        "actual": True,
        "member": [
            {"entity": {"reference": "Practitioner/p"}},
            {"entity": {"reference": "PractitionerRole/q"}, "inactive": True},
        ],
    },
    {"resourceType": "Encounter", "id": "e", "diagnosis": [{"condition": {"reference": "Observation/o1"}}]},
]


def label_of(code):
    return {"system": LEVEL if code in {"L", "N", "R", "V"} else ACT, "code": code}


def reference_of(key):
    return {"reference": key}


class Maker:
    """Builds random cases from one function that picks from a sequence: Hypothesis or a seed drives it."""

    def __init__(self, pick):
        self.pick = pick

    def chance(self, once_in):
        return self.pick(range(once_in)) == 0

    def some(self, values, low=1, high=2):
        count = self.pick(range(low, high + 1))
        return list(dict.fromkeys(self.pick(values) for _ in range(count)))

    def period(self):
        first, last = sorted((self.pick([None, *DATES]), self.pick(DATES)), key=lambda text: text or "")
        if first is None:
            return self.pick([{"start": last}, {"end": last}])
        return {"start": first, "end": last}

    def actors(self):
        entries = []
        for key in self.some(ACTORS):
            role = self.pick(["IRCP"] * 8 + ["CST", None])
            named = {"reference": reference_of(key)}
            entries.append({"role": concept(PARTICIPATION, role), **named} if role else named)
        return entries

    def element(self, name):  # noqa: C901, PLR0911  # one line for each element of a provision
        match name:
            case "period" | "dataPeriod":
                return self.period()
            case "actor":
                return self.actors()
            case "purpose":
                return [purpose(code) for code in self.some(PURPOSES)]
            case "action":
                return [concept(ACTION, code) for code in self.some(["access", "correct", "disclose", "peek"])]
            case "securityLabel":
                return [label_of(code) for code in self.some([*SENSITIVITIES, "N", "R", "V", "42CFRPart2"], high=3)]
            case "class":
                listed = [{"system": TYPES, "code": code} for code in self.some(["Observation", "Condition"])]
                return [{"system": "urn:ietf:bcp:13", "code": "text/plain"}] if self.chance(8) else listed
            case "code":
                listed = [concept(LOINC, code) for code in self.some(CODES)]
                return [{"text": "only words"}] if self.chance(8) else listed
            case "data":
                return [
                    {"meaning": self.pick(MEANINGS), "reference": reference_of(self.pick(TARGETS))}
                    for _ in range(self.pick([1, 1, 2]))
                ]
            case "extension":
                return [{"url": "https://example.org/where", "valueString": "here"}]
            case "modifierExtension":
                return [{"url": "https://example.org/not", "valueBoolean": True}]
        return "value"

    def provision(self, kinds, depth=0):
        made = {} if self.chance(30) else {"type": self.pick(kinds)}
        for name in self.some(COMMON * 3 + RARE, low=0, high=2 if depth else 1):
            made[name] = self.element(name)
        if depth < 3 and not self.chance(3):
            opposite = {"permit": ("deny",), "deny": ("permit", "permit", "deny")}.get(made.get("type"), ("deny",))
            if self.chance(12):
                opposite = ("permit", "deny")
            count = self.pick([1, 1, 2] if depth else [1, 2, 3])
            made["provision"] = [self.provision(opposite, depth + 1) for _ in range(count)]
        return made

    def consent(self, identity, patients):
        made = {
            "resourceType": "Consent",
            "id": identity,
            "status": self.pick(["active"] * 12 + ["inactive", "draft", "unheard-of"]),
            "scope": concept(SCOPE, self.pick(["patient-privacy"] * 12 + ["research"])),
            "category": [concept(ACT, self.pick(["42CFRPart2CD", "42CFRPart2CD", "IDSCL"]))],
            "patient": reference_of(self.pick([patients[0], *patients])),
            "provision": self.provision(("permit", "permit", "deny")),
        }
        if self.chance(3):
            kinds = ["release", "criminal-justice"]
            made["category"] += [concept(INSTRUMENT, kind) for kind in self.some(kinds * 4, low=1, high=2)]
        if self.chance(2):
            made["dateTime"] = self.pick(["2020", "2021-03-01", "2024-01-01T00:00:00Z"])
        if self.chance(4):
            made["identifier"] = [{"system": "https://example.org/forms", "value": self.pick("12")}]
        if self.chance(8):
            made["policyRule"] = concept(ACT, self.pick(["OPTIN", "OPTOUT"]))
        if self.chance(3):
            made["meta"] = {"profile": [PCF]}
        if self.chance(20):
            made.pop("provision")
        if self.chance(20):
            made["implicitRules"] = "https://example.org/rules"
        return made

    def resource(self, patients):
        codes = self.some([*SENSITIVITIES, "N", "R", "V", "L", "42CFRPart2", "SUD", "N"], low=0, high=3)
        security = [label_of(code) for code in codes] or [label_of("N")]
        if self.chance(12):
            security.append(STRANGE)
        made = {
            "resourceType": self.pick(["Observation", "Observation", "Condition"]),
            "id": self.pick(["o1", "o2"]),
            "meta": {"security": security},
            "subject": reference_of(patients[0]),
        }
        if not self.chance(6):
            made["code"] = concept(LOINC, self.pick(CODES))
        if self.chance(4):
            made["component"] = [{"code": concept(LOINC, self.pick(CODES))}]
        if self.chance(2):
            made["encounter"] = reference_of(self.pick(["Encounter/e", "Encounter/f"]))
        if self.chance(2):
            keys = ["Practitioner/p", "PractitionerRole/r", "PractitionerRole/q"]
            made["performer"] = [reference_of(key) for key in self.some(keys)]
        if self.chance(4):
            made["meta"]["lastUpdated"] = self.pick(["2022-03-03T10:00:00Z", "2026-01-01T00:00:00Z"])
        if made["resourceType"] == "Observation" and not self.chance(5):
            made["effectiveDateTime"] = self.pick(DATES)
        if len(patients) > 1 and self.chance(5):
            made["focus"] = [reference_of(patients[1])]
        return made

    def revision(self, new):
        return {
            "resourceType": "Provenance",
            "target": [reference_of(f"Consent/{new}")],
            "entity": [{"role": "revision", "what": reference_of(f"Consent/{self.pick('cde')}")}],
        }

    def line(self, patients=("Patient/a", "Patient/b"), most=3):
        """A case line."""
        named = [self.consent(one, patients) for one in "cde"[: self.pick(range(1, most + 1))]]
        revisions = [self.revision(self.pick(named)["id"]) for _ in range(self.pick([0, 0, 1, 2]))]
        return {
            "id": "random",
            "consents": named,
            "context": [*CONTEXT, *revisions],
            "request": {
                "actors": self.some(
                    [X, "Organization/y", "PractitionerRole/r", "Practitioner/p", "PractitionerRole/q"]
                ),
                "purposes": [purpose(code) for code in self.some(PURPOSES, low=0 if self.chance(8) else 1)],
                "action": "access",
                "at": self.pick(INSTANTS),
                "timezone": "America/Denver",
            },
            "resource": self.resource(patients),
            "labeller": self.pick(["on"] * 9 + ["unavailable"]),
        }


def by_seed(seed):
    """A maker of cases that is fast, repeatable, and cannot shrink."""
    return Maker(random.Random(seed).choice)  # noqa: S311  # test data


@st.composite
def lines(draw, *, patients=("Patient/a", "Patient/b"), most=3):
    """Case lines that Hypothesis can shrink."""
    return Maker(lambda options: draw(st.sampled_from(options))).line(patients, most)
