"""Random consents that are mostly well formed, often meet what is asked, and now and then are broken.

They reach every row of the table of ambiguities. All people are made up.
"""

import copy

from consent_builders import ACT, ACTION, LOINC, PARTICIPATION, PCF, SCOPE, TYPES, concept, purpose
from generated_resources import CODES, PROFILES, SENSITIVITIES, label_of
from generated_world import PURPOSES, Picker, identifier, named

RECIPIENTS = [
    *["Organization/x"] * 4,
    "Organization/y",
    "Organization/h",
    "Practitioner/p",
    "PractitionerRole/r",
    "Group/g",
    "CareTeam/t",
    "Group/lost",
    "https://elsewhere.example/fhir/Organization/x",
]
MEANINGS = ["instance", "related", "dependents", "authoredby", "authoredby", "sideways"]
TARGETS = ["Observation/o1", "Observation/o2", "Encounter/e", "Encounter/f", "CarePlan/k", "EpisodeOfCare/s"]
AUTHORS = ["Practitioner/p", "Organization/x", "Organization/y"]
COMMON = ["actor", "actor", "purpose", "purpose", "securityLabel", "securityLabel", "class", "period"]
RARE = ["action", "code", "dataPeriod", "data", "data", "extension", "modifierExtension", "somethingNew", "_type"]
STATUSES = ["active"] * 30 + ["inactive", "inactive", "draft", "entered-in-error", "unheard-of"]
HARMLESS = {"url": "http://hl7.org/fhir/StructureDefinition/originalText", "valueString": "x"}
HERE = {"url": "https://example.org/where", "valueString": "here"}
JUNK = [None, "", " ", 7, [], {}, True, "x", ["x"], {"x": 1}, [{}], {"coding": [{"code": 5}]}]
INSTRUMENT = "https://sallyport.example/fhir/CodeSystem/consent-instrument"


class Consents(Picker):
    # -- criteria ----------------------------------------------------------------------------------

    def actor(self):
        role = self.pick(["IRCP"] * 14 + ["CST", "GRANTEE", "", "strange"])
        made = {"reference": named(self.pick(RECIPIENTS))}
        if self.chance(10):
            made["reference"] = self.pick(
                [
                    {"identifier": identifier("x")},
                    {"identifier": identifier("p")},
                    {"display": "a clinic"},
                    named("#in"),
                ]
            )
        systems = {
            "GRANTEE": "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
            "strange": "https://example.org/role",
        }
        return {"role": concept(systems.get(role, PARTICIPATION), role), **made} if role else made

    def purpose(self):
        made = [purpose(code) for code in self.some(PURPOSES, high=3)]
        if self.chance(20):
            made.append(self.pick([{"code": "TREAT"}, purpose("NEWCODE")]))
        return made

    def labels(self):
        words = [*SENSITIVITIES, *SENSITIVITIES, "L", "N", "R", "R", "V", "42CFRPart2", "TREAT"]
        made = [label_of(code) for code in self.some(words, high=3)]
        if self.chance(20):
            made.append(self.pick([{"code": "R"}, {"system": "https://example.org/labels", "code": "secret"}]))
        return made

    def classes(self):
        made = [{"system": TYPES, "code": code} for code in self.some(["Observation", "Observation", "Condition"])]
        if self.chance(4):
            profiles = [*PROFILES, "https://example.org/StructureDefinition/two|3"]
            made = [{"system": "urn:ietf:rfc:3986", "code": self.pick(profiles)}]
        if self.chance(12):
            odd = [
                {"system": "urn:ietf:bcp:13", "code": "text/plain"},
                {"system": TYPES, "code": "Resource"},
                {"system": "https://example.org/StructureDefinition", "code": "one"},
                {"code": "Observation"},
            ]
            made.append(self.pick(odd))
        return made

    def data(self):
        made = []
        for _ in range(self.pick([1, 1, 2])):
            meaning = self.pick(MEANINGS)
            target = named(self.pick(AUTHORS if meaning == "authoredby" else TARGETS))
            if self.chance(10):
                target = {"identifier": identifier(self.pick(["o1", "e", "p"]))}
            made.append({"meaning": meaning, "reference": target})
        return made

    def element(self, name):  # noqa: C901, PLR0911  # one line for each element of a provision
        match name:
            case "period" | "dataPeriod":
                return self.period()
            case "actor":
                return [self.actor() for _ in range(self.pick([1, 1, 1, 2]))]
            case "purpose":
                return self.purpose()
            case "action":
                codes = self.some(["access", "access", "correct", "disclose", "peek"])
                return [concept(ACTION, code) for code in codes] + [{"text": "look"}] * self.chance(12)
            case "securityLabel":
                return self.labels()
            case "class":
                return self.classes()
            case "code":
                return [{"text": "only words"}] if self.chance(8) else [concept(LOINC, one) for one in self.some(CODES)]
            case "data":
                return self.data()
            case "extension":
                return [self.pick([HERE, HARMLESS])]
            case "modifierExtension":
                return [HERE]
            case "_type":
                return {"extension": [self.pick([HERE, HARMLESS])]}
        return "value"

    # -- provisions --------------------------------------------------------------------------------

    def provision(self, kinds, depth=0):
        made = {} if self.chance(40) else {"type": self.pick(kinds)}
        for name in self.some(COMMON * 3 + RARE, low=0, high=2 if depth else 1):
            made[name] = self.element(name)
        if depth < 3 and self.chance(2):
            opposite = {"permit": ("deny",), "deny": ("permit", "permit", "permit", "deny")}.get(
                made.get("type"), ("deny",)
            )
            if self.chance(16):
                opposite = ("permit", "deny")
            count = self.pick([1, 1, 2] if depth else [1, 2, 3])
            made["provision"] = [self.provision(opposite, depth + 1) for _ in range(count)]
        return made

    def flaw(self, provision):
        """Something wrong, unknown or extended somewhere in a copy of a provision."""
        provision = copy.deepcopy(provision)
        places = [provision]
        for place in places:
            parts = [*place.values()] if isinstance(place, dict) else place
            places += [part for part in parts if isinstance(part, dict | list)]
        place = self.pick([one for one in places if isinstance(one, dict)])
        name = self.pick([*place, "extension", "unheardOf", "_code", "_display", "id", "modifierExtension"])
        junk = copy.deepcopy(self.pick(JUNK))
        if name == "extension":
            junk = self.pick([[HERE], [HARMLESS], "x"])
        if name.startswith("_"):
            junk = self.pick([{"extension": [HERE]}, {"id": "x"}, {"x": 1}, [None, {"extension": [HARMLESS]}]])
        place[name] = junk
        return provision

    # -- consents ----------------------------------------------------------------------------------

    def consent(self, identity, patients=("a", "b")):
        first, *_ = patients
        made = {
            "resourceType": "Consent",
            "id": identity,
            "status": self.pick(STATUSES),
            "scope": concept(SCOPE, self.pick(["patient-privacy"] * 24 + ["research"])),
            "category": [concept(ACT, self.pick(["42CFRPart2CD", "42CFRPart2CD", "IDSCL"]))],
            "patient": named(f"Patient/{self.pick([*[first] * 8, *patients])}"),
            "provision": self.provision(("permit", "permit", "deny")),
        }
        if self.chance(3):
            kind = self.pick(["release", "release", "criminal-justice"])
            made["category"].append({"coding": [{"system": INSTRUMENT, "code": kind}]})
        if self.chance(2):
            made["dateTime"] = self.pick(["2020", "2021-03-01", "2021", "2024-01-01T00:00:00Z", "2025"])
        if self.chance(4):
            made["identifier"] = [identifier(self.pick("12"))]
        if self.chance(8):
            made["policyRule"] = concept(ACT, *self.some(["OPTIN", "OPTIN", "OPTOUT", "42CFRPart2CD"]))
        if self.chance(3):
            made["meta"] = {"profile": [self.pick([PCF, PCF + "|1.1.0"])]}
            if made["provision"].get("type") == "permit" and self.chance(3):
                made["provision"].setdefault("provision", []).append(self.provision(("permit",), 3))
        if self.chance(20):
            made.pop("provision")
        if self.chance(16):
            self.spoil(made)
        return made

    def spoil(self, made):  # noqa: C901, PLR0912  # one line for each thing that can be wrong
        match self.pick(range(15)):
            case 0:
                made["implicitRules"] = "https://example.org/rules"
            case 1:
                made["modifierExtension"] = [HERE]
            case 2:
                del made["scope"]
            case 3:
                made["scope"] = self.pick([{"text": "privacy"}, concept("https://example.org/scope", "privacy")])
            case 4:
                made["patient"] = {"identifier": identifier(self.pick("abz"))}
            case 5:
                made["patient"] = self.pick([{"display": "A"}, named("https://elsewhere.example/fhir/Patient/a"), {}])
            case 6:
                made[self.pick(["subject", "decision", "period", "date"])] = "R5"
            case 7 if "provision" in made:
                made["provision"] = self.pick([[made["provision"]], None, "permit", 5])
            case 8:
                made[self.pick(["unheardOf", "_status", "language", "verification"])] = copy.deepcopy(self.pick(JUNK))
            case 9:
                made["identifier"] = [{"value": self.pick("12")}]
            case 10:
                made["contained"] = [{"resourceType": "Organization", "id": "in", "identifier": [identifier("x")]}]
            case 11:
                made["category"].append(
                    {"coding": [{"system": INSTRUMENT, "code": code} for code in self.some(["release", "proceedings"])]}
                )
            case 12:
                made["extension"] = self.pick([[HERE], "x"])
            case _:
                if isinstance(made.get("provision"), dict):
                    made["provision"] = self.flaw(made["provision"])
