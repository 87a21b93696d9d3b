"""Random requests and the resources that come with them. All people are made up.

Everything is built from one function that picks from a sequence, so a seed or Hypothesis can drive it.
"""

from consent_builders import LOINC, concept, purpose

DATES = [
    "2021",
    "2022",
    "2022-06",
    "2022-06-15",
    "2022-06-15T12:00:00-06:00",
    "2023-01-01",
    "2026-11-22",
    "2026-11-22T23:30:00.500-07:00",
    "2027",
]
PURPOSES = ["TREAT", "TREAT", "ETREAT", "BTG", "COC", "HOPERAT", "HLEGAL", "HMARKT", "diversion", "supervision"]
INSTANTS = [
    "2022-06-15T12:00:00-06:00",
    "2026-11-22T23:30:00-07:00",
    "2026-11-22T23:30:00-07:00",
    "2026-11-23T00:00:00-07:00",
    "2027-05-05T00:00:00Z",
]
ZONES = ["America/Denver"] * 8 + ["Asia/Kolkata", "America/Havana"]
REQUESTERS = [
    "Organization/x",
    "Organization/x",
    "Organization/y",
    "Practitioner/p",
    "PractitionerRole/r",
    "PractitionerRole/q",
]


def identifier(value, system="https://example.org/ids"):
    return {"system": system, "value": value}


def named(key):
    return {"reference": key}


class Picker:
    """Random choices from one function ``pick(sequence)``."""

    def __init__(self, pick):
        self.pick = pick

    def chance(self, once_in):
        return self.pick(range(once_in)) == 0

    def some(self, values, low=1, high=2):
        count = self.pick(range(low, high + 1))
        return list(dict.fromkeys(self.pick(values) for _ in range(count)))

    def maybe(self, once_in, made):
        return made if self.chance(once_in) else {}

    def period(self):
        first, last = sorted((self.pick([None, *DATES]), self.pick(DATES)), key=lambda text: text or "")
        if first is None:
            return self.pick([{"start": last}, {"end": last}])
        return {"start": first, "end": last}


class Worlds(Picker):
    def world(self):
        """The resources at hand: organisations and staff, circles, the people, and what records refer to."""
        made = [*self.organisations(), *self.staff(), *self.circles(), *self.people(), *self.records()]
        if self.chance(12):
            twin = self.pick(made)
            made.append({**twin, "language": "en"})  # the same key with other content stands for neither
        if self.chance(12):
            self.pick(made)["modifierExtension"] = [{"url": "https://example.org/not"}]
        return made

    def organisations(self):
        parent = self.pick([named("Organization/h")] * 4 + [{"identifier": identifier("h")}, {"display": "above"}])
        yield {"resourceType": "Organization", "id": "x", "identifier": [identifier("x")], "partOf": parent}
        yield {"resourceType": "Organization", "id": "y"}
        if not self.chance(6):
            yield {"resourceType": "Organization", "id": "h", "identifier": [identifier("h")]}

    def staff(self):
        yield {"resourceType": "Practitioner", "id": "p", "identifier": [identifier("p")]}
        if not self.chance(6):
            yield {
                "resourceType": "PractitionerRole",
                "id": "r",
                "practitioner": named("Practitioner/p"),
                "organization": self.pick([named("Organization/x")] * 3 + [{"identifier": identifier("x")}]),
                **self.maybe(4, {"active": self.pick([True, False, "yes"])}),
                **self.maybe(4, {"period": self.period()}),
            }

    def circles(self):
        members = [{"entity": named(key)} for key in self.some(["Practitioner/p", "Organization/y", "CareTeam/t"])]
        members.append({"entity": named("PractitionerRole/q"), **self.maybe(2, {"inactive": self.pick([True, False])})})
        members += self.pick(
            [[], [], [{"entity": {"display": "someone"}}], [{"entity": {"identifier": identifier("p")}}]]
        )
        yield {
            "resourceType": "Group",
            "id": "g",
            "type": "practitioner",
            "actual": not self.chance(10),
            "member": members,
            **self.maybe(8, {"active": self.pick([True, False])}),
            **self.maybe(10, {"characteristic": [{"code": {"text": "on call"}}]}),
        }
        if not self.chance(4):
            yield {
                "resourceType": "CareTeam",
                "id": "t",
                "status": self.pick(["active", "active", "inactive", "retired"]),
                "participant": [
                    {
                        "member": named(self.pick(["PractitionerRole/r", "Organization/h", "Group/g"])),
                        **self.maybe(3, {"period": self.period()}),
                    }
                ],
                **self.maybe(5, {"period": self.period()}),
            }

    def people(self):
        yield {"resourceType": "Patient", "id": "a", "identifier": [identifier("a")]}
        yield {"resourceType": "Patient", "id": "b", "identifier": [identifier(self.pick("bbba"))]}
        yield {"resourceType": "Group", "id": "people", "member": [{"entity": named("Patient/a")}]}
        if self.chance(3):
            yield {
                "resourceType": "Group",
                "id": "mixed",
                "member": [{"entity": named(self.pick(["Patient/b", "Practitioner/p", "Organization/x"]))}],
            }

    def records(self):
        condition = self.pick([named("Observation/o1"), named("Observation/o2"), {"identifier": identifier("o1")}])
        yield {
            "resourceType": "Encounter",
            "id": "e",
            "identifier": [identifier("e")],
            "diagnosis": [{"condition": condition}],
            **self.maybe(
                2, {"episodeOfCare": [self.pick([named("EpisodeOfCare/s"), {"identifier": identifier("s")}])]}
            ),
        }
        if self.chance(2):
            yield {"resourceType": "EpisodeOfCare", "id": "s"}
        if self.chance(2):
            yield {"resourceType": "CarePlan", "id": "k", "activity": [{"reference": named("Observation/o2")}]}
        if self.chance(2):
            yield {"resourceType": "Medication", "id": "m", "code": concept(LOINC, "718-7")}
        if self.chance(2):
            who = self.pick([named("Practitioner/p"), named("Organization/y"), {"identifier": identifier("p")}, {}])
            yield {
                "resourceType": "Provenance",
                "target": [named(f"Observation/{self.pick(['o1', 'o2'])}")],
                "agent": [{"who": who}],
            }

    def revision(self, new, olds):
        """A Provenance that says a consent revises another."""
        return {
            "resourceType": "Provenance",
            "target": [named(f"Consent/{new}")],
            "entity": [{"role": self.pick(["revision"] * 5 + ["source"]), "what": named(f"Consent/{self.pick(olds)}")}],
            **self.maybe(6, {"modifierExtension": [{"url": "https://example.org/not"}]}),
        }

    def request(self):
        actors = ["urn:uuid:nobody"] if self.chance(60) else self.some(REQUESTERS)
        purposes = self.some([*PURPOSES, "NEWCODE"] if self.chance(8) else PURPOSES, low=0 if self.chance(8) else 1)
        made = {
            "actors": [] if self.chance(60) else actors,
            "purposes": [purpose(code) for code in purposes],
            "action": self.pick(["access"] * 10 + ["use", "disclose", "correct", "peek"]),
            "at": self.pick(INSTANTS),
            "timezone": self.pick(ZONES),
        }
        if self.chance(40):
            del made["action"]
        return made
