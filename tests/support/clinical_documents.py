"""Clinical documents written by hand for one invented person, Ada Marsh."""

from __future__ import annotations

PATIENTS, CLINIC = "2.16.840.1.113883.19.5", "2.16.840.1.113883.19.7"
LOINC, CONFIDENTIALITY = "2.16.840.1.113883.6.1", "2.16.840.1.113883.5.25"
CCDA = "2.16.840.1.113883.10.20.22."
SECRET = "Ada told of her brother Tom"  # stands in every narrative
NAMESPACES = (
    'xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
TARGET = f"""<recordTarget><patientRole>
<id root="{PATIENTS}" extension="c1"/><id root="2.16.840.1.113883.4.1" extension="433-27-5914"/>
<addr><streetAddressLine>12 Elm Street</streetAddressLine></addr><telecom value="tel:505-555-0142"/>
<patient><name use="L"><given>Ada</given><given>Mae</given><family>Marsh</family></name>
<administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19800402"/>
<sdtc:raceCode code="2106-3" codeSystem="2.16.840.1.113883.6.238"/></patient></patientRole></recordTarget>"""


def coded(code, *, system=LOINC, name="code", extra=""):
    return f'<{name} code="{code}" codeSystem="{system}"{extra}/>'


def value(number, kind="INT"):
    return f'<value xsi:type="{kind}" value="{number}"/>'


def observation(template, code, ident, *inside, at="20260302081500-0700", mood="EVN", more=""):
    time = f'<effectiveTime value="{at}"/>' if at else ""
    return (
        f'<observation classCode="OBS" moodCode="{mood}"{more}><templateId root="{CCDA}{template}"/>'
        f'<id root="{CLINIC}" extension="{ident}"/>{coded(code)}<text>{SECRET}<reference value="#a"/></text>'
        f'<statusCode code="completed"/>{time}{"".join(inside)}</observation>'
    )


def supporting(code, ident, *inside, **changes):
    inner = observation("4.86", code, ident, *inside, **changes)
    return f'<entryRelationship typeCode="COMP">{inner}</entryRelationship>'


def assessment(code, ident, *inside, **changes):
    return f'<entry typeCode="DRIV">{observation("4.69", code, ident, *inside, **changes)}</entry>'


def organization(name, unit, label=""):
    return f'<{name}><id root="{CLINIC}" extension="{unit}"/>{label}</{name}>'


def author(unit):
    """Who wrote an observation, where it is not who wrote the document."""
    return f"<author><assignedAuthor>{organization('representedOrganization', unit)}</assignedAuthor></author>"


def marking(code, system="2.16.840.1.113883.5.4"):
    """A privacy marking of DS4P."""
    template = '<templateId root="2.16.840.1.113883.3.3251.1.9"/>'
    inner = f'{template}<value xsi:type="CE" code="{code}" codeSystem="{system}"/>'
    whole = f'<observation classCode="OBS" moodCode="EVN">{inner}</observation>'
    return f"<entry><organizer><component>{whole}</component></organizer></entry>"


def section(*entries, template="2.56", code="10190-7", more=""):
    narrative = f"<text><table><tbody><tr><td>{SECRET}</td></tr></tbody></table></text>"
    opening = f'<templateId root="{CCDA}{template}"/>{coded(code)}<title>MENTAL STATUS</title>{narrative}'
    return f"<component><section>{opening}{more}{''.join(entries)}</section></component>"


def document(*sections, unit="main", patient=TARGET, confidentiality="N"):
    """A whole document; ``patient`` is its recordTarget."""
    level = coded(confidentiality, system=CONFIDENTIALITY, name="confidentialityCode")
    of = organization("representedOrganization", unit, "<name>Riverside</name>")
    keeper = organization("representedCustodianOrganization", "riverside")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument {NAMESPACES}><realmCode code="US"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="{CCDA}1.2"/><id root="{CLINIC}" extension="doc1"/>{coded("34133-9")}<title>Ada Marsh</title>
<effectiveTime value="20260302"/>{level}{patient}
<author><time value="20260302"/><assignedAuthor><id root="{CLINIC}.1" extension="dr"/><assignedPerson><name>
<given>Flo</given><family>Reed</family></name></assignedPerson>{of}</assignedAuthor></author>
<custodian><assignedCustodian>{keeper}</assignedCustodian></custodian>
<component><structuredBody>{"".join(sections)}</structuredBody></component></ClinicalDocument>
""".encode()


def phq9(total=12, ident="a1", **changes):
    """A PHQ-9: the panel with the total as its value, the total, and one answer."""
    return assessment(
        "44249-1",
        ident,
        value(total),
        supporting("44261-6", f"{ident}t", value(total)),
        supporting("44250-9", f"{ident}1", value(2)),
        **changes,
    )
