"""Random resources that consents are about. All people are made up."""

from consent_builders import ACT, LEVEL, LOINC, REASON, concept
from generated_world import DATES, Picker, identifier, named

SENSITIVITIES = ["SUD", "OPIOIDUD", "ETH", "ETHUD", "MH", "PSY", "PSYTHPN", "BH", "SEX", "SPI", "COGN", "DIA"]
CODES = ["718-7", "74013-4", "75624-7"]
STRANGE = [
    {"system": "https://example.org/labels", "code": "secret"},
    {"code": "R"},
    {"system": LEVEL, "code": "X"},
    "secret",
]
PROFILES = ["https://example.org/StructureDefinition/one", "https://example.org/StructureDefinition/two|2"]
KINDS = ["Observation"] * 12 + ["Condition", "MedicationRequest", "Encounter", "ServiceRequest", "Patient", "Bundle"]


def label_of(code):
    if code in {"U", "L", "M", "N", "R", "V"}:
        return {"system": LEVEL, "code": code}
    return {"system": REASON if code == "TREAT" else ACT, "code": code}


class Resources(Picker):
    def security(self):
        levels = self.some(["L", "N", "N", "R", "R", "V"], low=0, high=2 if self.chance(6) else 1)
        codes = self.some(SENSITIVITIES, low=0, high=self.pick([0, 1, 2]))
        marks = self.some(["42CFRPart2", "TREAT"], low=0, high=1) if self.chance(3) else []
        odd = [self.pick(STRANGE)] if self.chance(12) else []
        return [*map(label_of, [*levels, *codes, *marks]), *odd]

    def resource(self):
        kind = self.pick(KINDS)
        made = {"resourceType": kind, "id": self.pick(["o1", "o2"]), "meta": {}}
        if kind in ("Encounter", "Patient"):
            made["id"] = "e" if kind == "Encounter" else self.pick("ab")
        if self.chance(50):
            del made["id"]
        self.labelled(made)
        if kind != "Patient":
            made["subject"] = self.subject()
        self.coded(made)
        self.dated(made)
        self.linked(made)
        return made

    def labelled(self, made):
        security = self.security()
        if security and not self.chance(8):
            made["meta"]["security"] = security
        if self.chance(5):
            made["meta"]["profile"] = self.some(PROFILES)
        if self.chance(4):
            made["meta"]["lastUpdated"] = self.pick(["2022-03-03T10:00:00Z", "2026-01-01T00:00:00Z", "lately"])
        if self.chance(12):
            inner = {
                "resourceType": "Observation",
                "id": "in",
                "meta": {"security": [label_of(self.pick(SENSITIVITIES))]},
            }
            made["contained"] = [inner]

    def subject(self):
        return self.pick(
            [named("Patient/a")] * 30
            + [
                named("Patient/b"),
                named("Patient/a/_history/2"),
                named("Group/people"),
                named("Group/mixed"),
                {"identifier": identifier("a")},
                {"identifier": identifier("nobody")},
                {"display": "someone"},
            ]
        )

    def coded(self, made):
        element = {"MedicationRequest": "medicationCodeableConcept", "Encounter": "type"}.get(
            made["resourceType"], "code"
        )
        if made["resourceType"] == "MedicationRequest" and self.chance(2):
            made["medicationReference"] = named("Medication/m")
        elif not self.chance(6):
            made[element] = concept(LOINC, self.pick(CODES))
        if self.chance(5):
            made["component"] = [{"code": concept(LOINC, self.pick(CODES))}]
        if self.chance(20):
            made["reasonCode"] = [{"coding": [{"code": self.pick(CODES)}]}]
        if self.chance(12):
            made["category"] = [concept("http://hl7.org/fhir/sid/icd-10-cm", self.pick(["F10.20", "F32.1", "I10"]))]
        if self.chance(12):
            made["identifier"] = [identifier(self.pick(["o1", "o2"]))]

    def dated(self, made):
        names = {
            "Observation": ["effectiveDateTime"] * 4 + ["effectivePeriod", "issued", "effectiveTiming"],
            "Condition": ["onsetDateTime", "onsetPeriod", "recordedDate"],
            "MedicationRequest": ["authoredOn"],
            "Encounter": ["period"],
            "ServiceRequest": ["occurrenceDateTime", "occurrenceTiming", "authoredOn"],
        }.get(made["resourceType"], [])
        if names and not self.chance(6):
            name = self.pick(names)
            made[name] = self.pick(DATES)
            if name.lower().endswith("period"):
                made[name] = {} if self.chance(12) else self.period()
            elif name.endswith("Timing"):
                made[name] = {"event": ["2022-06-15"]}
            elif self.chance(30):
                made[name] = "in spring"

    def linked(self, made):
        if self.chance(2):
            visits = [named("Encounter/e"), named("Encounter/f"), {"identifier": identifier("e")}]
            made["encounter"] = self.pick(visits)
        if self.chance(4):
            made["basedOn"] = [self.pick([named("CarePlan/k"), named("ServiceRequest/l"), {"display": "a plan"}])]
        if self.chance(2):
            keys = ["Practitioner/p", "PractitionerRole/r", "PractitionerRole/q", "Organization/y"]
            made["performer"] = [named(key) for key in self.some(keys)]
            made["performer"] += [{"identifier": identifier("p")}] if self.chance(8) else []
            made["performer"] += [{"display": "a nurse"}] if self.chance(12) else []
        if self.chance(10):
            focus = [named("Patient/b"), named("Patient/a"), {"type": "Patient", "identifier": identifier("a")}]
            made["focus"] = [self.pick(focus)]
