"""Court extracts: records, exact lines, and that a broken case leaves its neighbours alone."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.court.niem_xml import NiemXml
from connectors.xml_slices import slices

COURT = NiemXml()
OPEN = b'<?xml version="1.0" encoding="UTF-8"?>\n<CourtCases xmlns="https://sallyport.example/xml/court">\n'
CLOSE = b"</CourtCases>\n"


def party(ident="D1", given_name="JANE"):
    return (
        "  <CaseDefendantParty><PersonName>"
        f"<PersonGivenName>{given_name}</PersonGivenName><PersonSurName>DOE</PersonSurName></PersonName>\n"
        f"    <PartyID>{ident}</PartyID></CaseDefendantParty>\n"
    )


def order(ident="O1", extra=""):
    kind = "<OrderType>disposition</OrderType>"
    return f"  <CourtOrder><OrderID>{ident}</OrderID>{kind}{extra}</CourtOrder>\n"


def case(ident="C1", parties=None, orders=None):
    inside = (parties if parties is not None else party()) + (orders if orders is not None else order())
    start = f"<CourtCase>\n  <CaseTrackingID>{ident}</CaseTrackingID>\n"
    filing = '  <CaseFiling kind="new"><Date>2026-03-02</Date></CaseFiling>\n'
    return f"{start}{filing}{inside}</CourtCase>\n".encode()


def document(*cases):
    return OPEN + b"".join(cases) + CLOSE


def ids(reading, kind="case"):
    return [item.values["CaseTrackingID"] for item in reading.records if item.kind == kind]


def test_a_case_gives_a_record_for_its_defendant_and_one_for_its_order(read):
    reading = read(COURT, document(case()))
    assert reading.faults == []
    about, ordered = reading.records
    assert about.kind == "case"
    assert about.values == {
        "CaseTrackingID": "C1",
        "CaseFiling.@kind": "new",
        "CaseFiling.Date": "2026-03-02",
        "CaseDefendantParty.PersonName.PersonGivenName": "JANE",
        "CaseDefendantParty.PersonName.PersonSurName": "DOE",
        "CaseDefendantParty.PartyID": "D1",
    }
    assert ordered.kind == "order"
    assert ordered.values == {
        "CaseTrackingID": "C1",
        "CaseDefendantParty.PartyID": "D1",
        "CourtOrder.OrderID": "O1",
        "CourtOrder.OrderType": "disposition",
    }
    assert about.raw == ordered.raw == case().rstrip(b"\n")
    assert (about.position.line, ordered.position.line) == (3, 8)
    assert ordered.position.part == "CourtCase[1]/CourtOrder[1]"


def test_a_repeated_element_is_numbered(read):
    twice = party().replace("<PersonSurName>", "<PersonGivenName>ANN</PersonGivenName><PersonSurName>")
    values = read(COURT, document(case(parties=twice))).records[0].values
    assert values["CaseDefendantParty.PersonName.PersonGivenName"] == "JANE"
    assert values["CaseDefendantParty.PersonName.PersonGivenName[2]"] == "ANN"


def test_each_defendant_has_a_record_and_an_order_goes_to_the_one_it_names(read):
    orders = order("O1", "<PartyID>D2</PartyID>") + order("O2") + order("O3", "<PartyID>D9</PartyID>")
    reading = read(COURT, document(case(parties=party() + party("D2", "JOHN"), orders=orders)))
    parties = [item.values["CaseDefendantParty.PartyID"] for item in reading.records if item.kind == "case"]
    assert parties == ["D1", "D2"]
    (named,) = [item for item in reading.records if item.kind == "order"]
    assert named.values["CaseDefendantParty.PartyID"] == "D2"
    assert reading.faults == [("ambiguous-defendant", 11), ("ambiguous-defendant", 12)]


def test_a_case_without_a_defendant_is_still_a_record(read):
    reading = read(COURT, document(case(parties="")))
    assert [item.kind for item in reading.records] == ["case", "order"]
    assert not any(name.startswith("CaseDefendantParty") for item in reading.records for name in item.values)


def test_one_case_can_be_read_again_without_its_document(read):
    data = b'<ecf:CourtCase ecf:id="7"><ecf:CaseTrackingID>C1</ecf:CaseTrackingID></ecf:CourtCase>'
    (record,) = read(COURT, data).items
    assert record.values == {"@id": "7", "CaseTrackingID": "C1"}


@pytest.mark.parametrize(
    "broken",
    [
        case("C2").replace(b"</CaseFiling>", b""),
        case("C2").replace(b"</CourtCase>", b""),
        case("C2").replace(b"<PartyID>", b"<PartyID>&undefined;"),
        case("C2").replace(b"DOE", b"D\0E"),
        case("C2").replace(b"DOE", b"<!-- DOE"),
        case("C2").replace(b"DOE", b"<![CDATA[DOE"),
        case("C2").replace(b"DOE", b"<?DOE"),
        case("C2").replace(b"DOE", b"<DOE a='"),
        case("C2").replace(b"DOE", b"a < b"),
        case("C2").replace(b"DOE", b"<!DOCTYPE x [<!ENTITY e 'v'>]>&e;"),
    ],
)
def test_a_broken_case_is_reported_by_line_and_leaves_its_neighbours_alone(read, broken):
    data = document(case("C1"), broken, case("C3"), case("C4"))
    reading = read(COURT, data)
    ((code, line),) = reading.faults
    assert code == "bad-xml"
    assert 10 <= line <= 17
    assert ids(reading) == ["C1", "C3", "C4"]
    assert ids(reading, "order") == ["C1", "C3", "C4"]
    fault = reading.malformed[0]
    assert data.count(b"\n", 0, data.index(fault.raw)) == 9
    assert fault.position.part == "CourtCase[2]"
    third = next(item for item in reading.records if item.values["CaseTrackingID"] == "C3")
    assert third.position.line == data[: data.index(b">C3<")].count(b"\n")


def test_the_line_of_a_syntax_error_is_exact(read):
    broken = case("C2").replace(b"<PartyID>", b"<PartyID>&undefined;")
    data = document(case("C1"), broken)
    assert read(COURT, data).faults == [("bad-xml", data[: data.index(b"&undefined")].count(b"\n") + 1)]


def test_undecodable_bytes_cost_their_case_only(read):
    broken = case("C2").replace(b"DOE", b"D\xff")
    data = document(case("C1"), broken, case("C3"))
    reading = read(COURT, data)
    assert reading.faults == [("undecodable", data[: data.index(b"\xff")].count(b"\n") + 1)]
    assert ids(reading) == ["C1", "C3"]


def test_the_encoding_is_that_of_the_declaration(read):
    data = document(case().replace(b"JANE", b"JOS\xc9")).replace(b"UTF-8", b"ISO-8859-1")
    values = read(COURT, data).records[0].values
    assert values["CaseDefendantParty.PersonName.PersonGivenName"] == "JOSÉ"
    bare = data[data.index(b"<CourtCases") :]
    assert read(COURT, bare, encoding="cp1252").records[0].values == values
    marked = b"\xef\xbb\xbf" + bare.replace(b"\xc9", b"\xc3\x89")
    assert read(COURT, marked, encoding="cp1252").records[0].values == values


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16_is_read_and_every_case_keeps_its_bytes(read, codec):
    text = document(case(), case("C2")).replace(b"UTF-8", b"UTF-16").decode()
    marked = text.encode(codec) if codec == "utf-16" else ("\ufeff" + text).encode(codec)
    reading = read(COURT, marked, step=7)
    assert reading.faults == []
    assert ids(reading) == ["C1", "C2"]
    assert all(item.raw in marked for item in reading.records)
    assert "<CourtCase>" in reading.records[0].raw.decode("utf-16-be" if codec.endswith("be") else "utf-16-le")


@pytest.mark.parametrize(
    "data",
    [
        document(case()).replace(b"UTF-8", b"utf-16"),
        document(case()).decode().encode("utf-16").replace("UTF-8".encode("utf-16-le"), "EBCDC".encode("utf-16-le")),
        document(case()).replace(b"UTF-8", b"no-such-thing"),
    ],
)
def test_an_encoding_that_cannot_be_cut_is_refused(read, data):
    reading = read(COURT, data)
    assert reading.records == []
    assert [code for code, _ in reading.faults] == ["unsupported-encoding"]


@pytest.mark.parametrize(
    "dtd",
    [
        b'<!DOCTYPE CourtCases [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n',
        b'<!DOCTYPE CourtCases SYSTEM "file:///etc/passwd">\n',
        b'<!DOCTYPE CourtCases [<!ENTITY x SYSTEM "http://127.0.0.1/x">]>\n',
    ],
)
def test_a_document_type_is_refused_and_nothing_after_it_is_read(read, dtd):
    reading = read(COURT, OPEN.replace(b"\n", b"\n" + dtd, 1) + case() + CLOSE)
    assert reading.records == []
    assert reading.faults[-1][0] == "dtd-refused"
    assert reading.malformed[-1].position.line == 2


def test_a_case_that_is_commented_out_stays_so(read):
    reading = read(COURT, document(case("C1"), b"<!-- " + case("C2") + b" -->", case("C3")))
    assert reading.faults == []
    assert ids(reading) == ["C1", "C3"]
    inside = case("C1", orders="<!-- </CourtCase> --><![CDATA[</CourtCase>]]><?x </CourtCase> ?>" + order())
    reading = read(COURT, document(inside, case("C2")))
    assert reading.faults == []
    assert ids(reading) == ["C1", "C2"]
    assert reading.records[0].values["#text"].strip() == "</CourtCase>"


@pytest.mark.parametrize(
    "other", [b"<Sender>x</Sender>\n", b"stray text\n", b"<CourtCas>x</CourtCase>\n", b"<Empty/>\n"]
)
def test_what_is_not_a_case_is_not_passed_over(read, other):
    reading = read(COURT, document(case("C1"), other, case("C2")))
    assert reading.faults == [("unexpected-content", 9)]
    assert other.strip() in reading.malformed[0].raw
    assert ids(reading) == ["C1", "C2"]
    first = read(COURT, document(other, case("C2")))
    assert [code for code, _ in first.faults] == ["unexpected-content"]
    assert ids(first) == ["C2"]


def test_a_document_that_ends_too_early_is_told(read):
    whole = document(case("C1"), case("C2"))
    assert read(COURT, whole[: whole.index(b"</CourtCases>")]).faults == [("truncated", 17)]
    torn = read(COURT, whole[:-40])
    assert [code for code, _ in torn.faults] == ["bad-xml", "truncated"]
    assert ids(torn) == ["C1"]


def test_empty_documents_and_empty_cases(read):
    assert read(COURT, document()).items == ()
    assert read(COURT, b"<CourtCases/>").faults == [("unexpected-content", 1)]
    assert read(COURT, b"").items == ()
    (record,) = read(COURT, document(b"<CourtCase note='a>b'/>")).items
    assert record.values == {"@note": "a>b"}
    assert read(COURT, document(b"<CourtCaseX>1</CourtCaseX>")).faults[0][0] == "unexpected-content"


def test_deep_nesting_and_huge_text_are_refused_by_the_parser(read):
    deep = case("C2", orders="<a>" * 400 + "</a>" * 400)
    huge = case("C3", orders="<a>" + "x" * 11_000_000 + "</a>")
    reading = read(COURT, document(case("C1"), deep, huge, case("C4")))
    assert [code for code, _ in reading.faults] == ["bad-xml", "bad-xml"]
    assert ids(reading) == ["C1", "C4"]


def test_a_case_without_end_comes_back_in_bounded_pieces():
    arriving = iter([OPEN, b"<CourtCase>", *[b"x" * 1000] * 20, b"</CourtCase>", case("C2")])
    found = list(slices(arriving, ("CourtCase",), longest=3000))
    assert {each.kind for each in found} >= {"too-long"}
    assert max(len(each.raw) for each in found) < 5000
    assert [each.kind for each in found][-2:] == ["record", "between"]


def test_a_stretch_between_cases_that_is_too_long_does_not_hide_the_cases_after_it(read):
    reading = read(COURT, document(case("C1"), b"<x>" + b"y" * (17 * 2**20) + b"</x>\n", case("C2")))
    assert [code for code, _ in reading.faults] == ["too-long", "unexpected-content"]
    assert ids(reading) == ["C1", "C2"]


def test_faults_never_carry_content(read):
    (fault,) = read(COURT, document(case().replace(b"</PartyID>", b"</DOE>"))).malformed
    assert "DOE" not in fault.expected + str(fault.position)


def test_memory_stays_flat(peak, repeated):
    block = case(orders=order(extra=f"<OrderDescriptionText>{'A' * 200_000}</OrderDescriptionText>"))
    count, most = peak(COURT, repeated(block, 30_000_000, head=OPEN, tail=CLOSE))
    assert count > 290
    assert most < 8_000_000


dirt = st.sampled_from(
    [
        b"<CourtCase>",
        b"</CourtCase>",
        b"<CourtCase/>",
        b"<x:CourtCase a='>'>",
        b"</x:CourtCase >",
        b"<CourtCase",
        b"<!--",
        b"-->",
        b"--",
        b"<![CDATA[",
        b"]]>",
        b"<?",
        b"?>",
        b"<!DOCTYPE",
        b"<CaseDefendantParty>",
        b"<PartyID>1</PartyID>",
        b"\n",
        b"&amp;",
        b"&x;",
        b"<",
        b">",
        b'"',
        b"\xff",
        OPEN,
        CLOSE,
        case(),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(dirt | st.binary(max_size=4), max_size=16).map(b"".join), st.integers(1, 30))
def test_any_bytes_are_read_the_same_however_they_arrive(read, in_order, data, step):
    reading = read(COURT, data)
    in_order(reading.items, data)
    again = read(COURT, data, step=step)
    if "dtd-refused" not in {code for code, _ in reading.faults}:
        assert again == reading
    assert again.records == reading.records


@settings(max_examples=200, deadline=None)
@given(st.lists(dirt | st.binary(max_size=4), max_size=16).map(b"".join), st.integers(1, 30))
def test_slices_are_the_document(data, step):
    found = list(slices((data[at : at + step] for at in range(0, len(data), step)), ("CourtCase",)))
    joined = b"".join(each.raw for each in found)
    assert data.startswith(joined)
    if not any(each.kind == "dtd" for each in found):
        assert joined == data
    at = 0
    for each in found:
        assert each.line == 1 + data.count(b"\n", 0, at)
        at += len(each.raw)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8", categories=["L", "N", "S", "P"]), min_size=1), st.booleans()),
        max_size=6,
    )
)
def test_what_is_written_well_is_read_whatever_stands_beside_it(read, names):
    def written(text, good):
        escaped = re.sub("[&<>]", lambda match: f"&#{ord(match.group())};", text)
        made = case(escaped)
        return made if good else made.replace(b"</CaseFiling>", b"</Broken>")

    reading = read(COURT, document(*(written(text, good) for text, good in names)))
    assert ids(reading) == [text for text, good in names if good]
    assert len(reading.faults) == sum(not good for _, good in names)
