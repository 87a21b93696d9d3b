"""Extracts written by hand for one invented person, Ada Marsh, so that a test can say exactly what arrives."""

from __future__ import annotations

import orjson

SSN = "433-27-5914"
JAIL, CLINIC, REGISTRY = "J1", "e1", "q1"
"""What the jail, the clinic and the release registry call her."""
OTHER_SSN = "218-44-9031"

ROSTER_HEAD = (
    '"Last","First","Middle","PatientID","DOB","SSN","Sex","Race","Facility","Agency","Housing","Bed",'
    '"Booking#","BookingDate","ReleaseDate","Height","Photo"\r\n'
)
_DELIMITERS = "MSH|^~\\&|JAILEHR|ALDERJAIL|SALLYPORT|ALDERCOUNTY|20260302080000-0700||"


def roster(*rows):
    """A roster file of these rows."""
    return (ROSTER_HEAD + "".join(rows)).encode("cp1252")


def roster_row(person=JAIL, *, last="MARSH", ssn=SSN, booking="B1", booked="2026-03-01 08:10:00", released=""):
    cells = [last, "ADA", "", person, "1980-04-02 00:00:00", ssn, "F", "W", "ALDER", "Police", "A", "1"]
    return ",".join(f'"{cell}"' for cell in [*cells, booking, booked, released, "505", ""]) + "\r\n"


CHARGES_HEAD = (
    '"Individual ID","Last Name","First Name","Middle Name","Alias","Race","DOB","Sex","SSN","SID",'
    '"County of Residence","Booking Number","Booking Date","Release Date","Custody Status","Holds","Facility",'
    '"Arresting Agency","Charge ID","Offense Date","Charge Status","Charge Description","Charge Statute",'
    '"Charge Class","Charge Degree","BondID","Bond Amount","Bond Type","Bond Status"\n'
)


def charges(*rows):
    return (CHARGES_HEAD + "".join(rows)).encode()


def charge_row(person="60000001", *, charge="C-1"):
    cells = [person, "MARSH", "ADA", "", "", "White", "4/2/1980 12:00:00 AM", "F", SSN, "CO1", "Alder", "2026-1"]
    cells += ["3/1/2026 9:22:00 AM", "", "In Custody", "", "Birch County Detention", "Sheriff", charge]
    cells += ["3/1/2026 12:00:00 AM", "Pending", "Trespass", "A 1-1", "Misdemeanor", "1", "", "", "", ""]
    return ",".join(f'"{cell}"' for cell in cells) + "\n"


def pid(person=JAIL, ssn=SSN):
    return f"PID|1||{person}^^^ALDERJAIL^PCN||MARSH^ADA||19800402|F||2106-3^White^CDCREC{'|' * 9}{ssn}"


def admission(control="A1", *, person=JAIL):
    """An ADT^A01 message."""
    visit = f"PV1|1|I|POD-A^1^1^ALDERJAIL{'|' * 16}B1^^^ALDERJAIL^VN{'|' * 25}20260301081000-0700"
    return f"{_DELIMITERS}ADT^A01^ADT_A01|{control}|P|2.5.1\rEVN|A01|20260301081000-0700\r{pid(person)}\r{visit}\r"


def phq9(score, *, at="20260302080000-0700", control="R1", person=JAIL, ssn=SSN, status="F"):
    """An ORU^R01 message with the total of a PHQ-9."""
    return (
        f"{_DELIMITERS}ORU^R01^ORU_R01|{control}|P|2.5.1\r{pid(person, ssn)}\r"
        f"OBR|1||{control}-1^JAILEHR|44249-1^PHQ-9 panel^LN|||{at}{'|' * 18}F\r"
        f"OBX|1|NM|44261-6^PHQ-9 total^LN||{score}|{{score}}^^UCUM|||||{status}\r"
    )


def hl7(*messages):
    return "".join(messages).encode()


def court(*cases):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<CourtCases xmlns="https://sallyport.example/xml/court">\n'
        + "".join(cases)
        + "</CourtCases>\n"
    ).encode()


def court_case(number="2026CR1", *, party="D1", extra=""):
    return (
        f"<CourtCase>\n<CaseTrackingID>{number}</CaseTrackingID>\n<CaseDefendantParty><PersonName>"
        "<PersonGivenName>Ada</PersonGivenName><PersonSurName>Marsh</PersonSurName></PersonName>"
        "<PersonBirthDate><Date>1980-04-02</Date></PersonBirthDate>"
        f"<PartyID>{party}</PartyID></CaseDefendantParty>\n"
        f"<CourtOrder><OrderID>{number}-1</OrderID><OrderDate>2026-03-04</OrderDate>"
        f"<OrderType>treatment-court</OrderType></CourtOrder>{extra}\n</CourtCase>\n"
    )


def ndjson(*documents):
    """Lines of NDJSON; text is taken as it is, so that a line may be broken."""
    lines = [one if isinstance(one, str) else orjson.dumps(one).decode() for one in documents]
    return ("\n".join(lines) + "\n").encode()


def clinic_patient(ident=CLINIC, *, unit="riverside-main", ssn=SSN):
    return {
        "resourceType": "Patient",
        "id": ident,
        "meta": {"source": f"urn:unit:{unit}"},
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": ssn.replace("-", "")}],
        "name": [{"family": "Marsh", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1980-04-02",
    }


def clinic_result(ident="o1", *, code="44261-6", score=12, unit="riverside-main", at="2026-03-03T09:00:00-07:00"):
    """The total of a PHQ-9, or with code 82667-7 of a DAST-10, as the clinic exports it."""
    survey = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
    return {
        "resourceType": "Observation",
        "id": ident,
        "meta": {"source": f"urn:unit:{unit}"},
        "status": "final",
        "category": [{"coding": [survey]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{CLINIC}"},
        "effectiveDateTime": at,
        "valueQuantity": {
            "value": score,
            "unit": "{score}",
            "system": "http://unitsofmeasure.org",
            "code": "{score}",
        },
    }


MENTAL_HEALTH, SUBSTANCE_USE = "mental-health", "substance-use"


def choice(partner="pretrial", *, purposes=("pretrial-release",), classes=(MENTAL_HEALTH,)):
    return {"partner": partner, "purposes": list(purposes), "classes": list(classes)}


def release(*choices, submission="r1", person=REGISTRY, ssn=SSN, **changed):
    """A signed universal release; ``changed`` replaces or adds elements."""
    return {
        "submission": submission,
        "form": "universal-release",
        "version": "2026-1",
        "person": {"id": person, "last": "Marsh", "first": "Ada", "dob": "1980-04-02", "sex": "F", "ssn": ssn},
        "signed": "2026-03-01T10:00:00-07:00",
        "expires": "2027-03-01",
        "refused": False,
        "choices": list(choices),
        "revocations": [],
        "signature": {"name": True, "method": "ink"},
        "copy_given": True,
    } | changed


def part2_section(*partners, **changed):
    """The Part 2 section, complete."""
    return {
        "signed": True,
        "partners": list(partners),
        "discloser": "riverside-otp",
        "amount": "Results and dates of screenings",
        "purpose": "Treatment and discharge planning",
        "revocation_statement": True,
        "redisclosure_statement": True,
        "refusal_statement": True,
    } | changed
