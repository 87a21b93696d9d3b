"""Court messages of the ECF and NIEM kind: each defendant and each part of a case, about the person it names."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.court.ecf_xml import EcfXml

ECF = EcfXml()


def person(ident="D1", last="Marsh", tag="ecf:EntityPerson", inside="", refid=""):
    return (
        f"<{tag}{refid}><nc:PersonName><nc:PersonGivenName>Ada</nc:PersonGivenName><nc:PersonSurName>{last}"
        "</nc:PersonSurName></nc:PersonName><nc:PersonOtherIdentification><nc:IdentificationID>"
        f"{ident}</nc:IdentificationID></nc:PersonOtherIdentification>{inside}</{tag}>"
    )


def participant(role="DEF", **given_):
    return (
        f"<ecf:CaseParticipant>{person(**given_)}<ecf:CaseParticipantRoleCode>{role}</ecf:CaseParticipantRoleCode>"
        "</ecf:CaseParticipant>"
    )


def ecf5(role="DEF", **given_):
    code = f"<ecf:CaseParticipantRoleCode>{role}</ecf:CaseParticipantRoleCode>"
    inside = f"<ecf:PersonAugmentation>{code}</ecf:PersonAugmentation>"
    return person(tag="nc:EntityPerson", inside=inside, **given_)


def niem(**given_):
    return f"<j:CaseDefendantParty>{person(tag='nc:EntityPerson', **given_)}</j:CaseDefendantParty>"


def order(number="O1", about=""):
    return (
        f"<j:CourtOrder><nc:OrderIdentification><nc:IdentificationID>{number}</nc:IdentificationID>"
        f"</nc:OrderIdentification><nc:OrderCategoryText>COMPETENCY</nc:OrderCategoryText>{about}</j:CourtOrder>"
    )


def case(*inside, number="C1", tag="criminal:CriminalCase"):
    return f"<{tag}>\n<nc:CaseTrackingID>{number}</nc:CaseTrackingID>{''.join(inside)}</{tag}>\n"


def message(*cases, name="CaseResponseMessage", people=""):
    spaces = " ".join(f"xmlns:{one}='urn:{one}'" for one in ("nc", "j", "ecf", "criminal", "s", "m"))
    around = "<ecf:SendingMDELocationID><nc:IdentificationID>court-1</nc:IdentificationID></ecf:SendingMDELocationID>"
    return f"<m:{name} {spaces}>\n{around}{people}{''.join(cases)}</m:{name}>\n".encode()


def surnames(reading, kind="case"):
    return [one.values["Defendant"]["PersonName"]["PersonSurName"] for one in reading.records if one.kind == kind]


@pytest.mark.parametrize("party", [participant, ecf5, niem])
def test_a_defendant_is_found_however_the_court_writes_it(read, party):
    witness = participant(role="WIT", ident="D9", last="Elm")
    reading = read(ECF, message(case(party(ident="D1"), witness, order())))
    assert reading.faults == []
    about, ordered = reading.records
    assert (about.kind, ordered.kind) == ("case", "order")
    assert surnames(reading) == ["Marsh"]
    assert about.values["Case"] == {"CaseTrackingID": "C1"}
    assert about.values["Message"] == {"SendingMDELocationID": {"IdentificationID": "court-1"}}
    assert ordered.values["Case"] == {"CaseTrackingID": "C1"}
    assert ordered.values["Defendant"] == {"PersonOtherIdentification": {"IdentificationID": "D1"}}
    assert ordered.values["Order"]["OrderCategoryText"] == "COMPETENCY"
    assert about.position.part == "CaseResponseMessage[1]/CriminalCase[1]/defendant[1]"
    assert about.values.pop("Participants")["EntityPerson"]["PersonName"]["PersonSurName"] == "Elm"
    assert "Elm" not in repr([one.values for one in reading.records])


def test_a_defendant_that_is_only_referred_to_is_resolved(read):
    people = person(ident="D7", last="Oak", tag="nc:Person", refid=" s:id='x7'")
    party = "<j:CaseDefendantParty><nc:RoleOfPersonReference s:ref='x7'/></j:CaseDefendantParty>"
    assert surnames(read(ECF, message(case(party), people=people))) == ["Oak"]


def test_a_court_may_have_role_codes_of_its_own(read):
    data = message(case(participant(role="20641")))
    assert "Defendant" not in read(ECF, data).records[0].values
    assert surnames(read(ECF, data, defendant_roles="20640 20641")) == ["Marsh"]


def test_a_part_belongs_to_the_defendant_it_names_and_is_never_guessed(read):
    two = participant(ident="D1") + participant(ident="D2", last="Elm", refid=" s:id='p2'")
    named = order("O1", "<j:PartyID>D2</j:PartyID>")
    referred = order("O2", "<nc:RoleOfPersonReference s:ref='p2'/>")
    unknown = order("O3", "<j:PartyID>D3</j:PartyID>")
    reading = read(ECF, message(case(two, named, referred, order("O4"), unknown)))
    told = [
        (one.values["Order"]["OrderIdentification"]["IdentificationID"], one.values["Defendant"])
        for one in reading.records
        if one.kind == "order"
    ]
    second = {"PersonOtherIdentification": {"IdentificationID": "D2"}}
    assert told == [("O1", second), ("O2", second)]
    assert [one.position.part.rpartition("/")[2] for one in reading.malformed] == ["CourtOrder[3]", "CourtOrder[4]"]
    assert {one.code for one in reading.malformed} == {"ambiguous-defendant"}


@pytest.mark.parametrize(
    ("element", "kind", "column"),
    [
        ("CourtOrder", "order", "Order"),
        ("CaseHearing", "hearing", "Hearing"),
        ("CourtEvent", "hearing", "Hearing"),
        ("SupervisionCondition", "condition", "Condition"),
        ("CaseDisposition", "disposition", "Disposition"),
    ],
)
def test_each_part_of_a_case_is_a_record(read, element, kind, column):
    part = f"<j:{element}><nc:ActivityDescriptionText>a</nc:ActivityDescriptionText></j:{element}>"
    reading = read(ECF, message(case(participant(), f"<j:CaseAugmentation>{part}</j:CaseAugmentation>")))
    (record,) = (one for one in reading.records if one.kind != "case")
    assert record.kind == kind
    assert record.values[column] == {"ActivityDescriptionText": "a"}


def test_messages_and_cases_do_not_cost_each_other(read):
    good = message(case(participant()), case(participant(ident="D2"), number="C2"))
    broken = message(case(participant())).replace(b"</ecf:CaseParticipant>", b"", 1)
    empty = message(name="CoreFilingMessage")
    companies = message(case("<ecf:CaseParticipant><ecf:EntityOrganization/></ecf:CaseParticipant>"))
    reading = read(ECF, b"<Batch>" + good + broken + empty + companies + good + b"</Batch>")
    assert [code for code, _ in reading.faults] == ["bad-xml", "no-case"]
    assert [("Defendant" in one.values) for one in reading.records] == [True, True, False, True, True]


@pytest.mark.parametrize(
    "bomb", [b"<!DOCTYPE a [<!ENTITY a 'aaaa'>]>", b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"]
)
def test_a_document_type_declaration_is_refused(read, bomb):
    reading = read(ECF, b"<?xml version='1.0'?>" + bomb + message(case(participant())))
    assert (reading.records, [code for code, _ in reading.faults]) == ([], ["dtd-refused"])


@settings(deadline=None, max_examples=80)
@given(data=st.binary(max_size=200), at=st.integers(0, 1200), step=st.integers(1, 400))
@example(data=b"<j:CourtOrder>", at=300, step=50)
@example(data=b"<ecf:EntityPerson/>", at=300, step=50)
def test_no_bytes_make_it_fail_and_what_stood_before_is_read(read, in_order, data, at, step):
    good = message(case(participant(), order()))
    broken = good[:at] + data + good[at:]
    whole = b"<Batch>" + good + broken + good + b"</Batch>"
    reading = read(ECF, whole, step=step)
    in_order([item for item in reading.items if item.raw], whole)
    assert surnames(reading)[0] == "Marsh"
