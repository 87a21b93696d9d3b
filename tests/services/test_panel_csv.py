"""Lists of people as CSV: what is taken, and what is told of what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.errors import Rejected
from adapter.services.panel_csv import COLUMNS, MOST_ISSUES, read_panel
from adapter.services.panel_people import Person


def test_people_are_named_by_id_by_name_or_by_number():
    content = (
        "\ufeffKey,Family,Given,Birth Date,Sex,identifier_system,identifier,patient\r\n"
        'FF-1,"Marsh, Jr.",Ada,1980-04-02,F,,,\r\n'
        "\r\n"
        "FF-2,,,,,urn:x,7,\r\n"
        "FF-3,,,,,,,Patient/p1\r\n"
        "FF-3,,,,,,,p1\r\n"
    )
    members, people = read_panel(content.encode())
    assert members == ["p1"]
    assert people == [
        Person(key="FF-1", family="Marsh, Jr.", given="Ada", birth_date="1980-04-02", sex="female"),
        Person(key="FF-2", system="urn:x", value="7"),
    ]
    assert people[0].traits().names[0][:2] == ("marsh", "ada")
    assert people[1].traits().numbers == ("urn:x|7",)


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ("", ["line 1"]),
        ("name,born\r\nx,y\r\n", ["line 1, column 1", "line 1, column 2"]),
        ("family,given\r\nMarsh,Ada\r\n", ["line 1"]),
        ("patient\r\na b\r\n", ["line 2, patient"]),
        ("family,given,birth_date\r\nMarsh,Ada,4/2/1980\r\n", ["line 2, birth_date"]),
        ("family,given,birth_date\r\nMarsh,,1980-04-02\r\n", ["line 2"]),
        ("family,given,birth_date\r\n12,34,1980-04-02\r\n", ["line 2, family"]),
        ("family,given,birth_date,sex\r\nMarsh,Ada,1980-04-02,x\r\n", ["line 2, sex"]),
        ("patient\r\nok\r\n\r\nok,2\r\n", ["line 4"]),
        ("identifier_system,identifier\r\nhttp://hl7.org/fhir/sid/us-ssn,433275914\r\n", ["line 2, identifier_system"]),
        ("identifier_system,identifier\r\nurn:x,\r\n", ["line 2, identifier"]),
        ('patient\r\n"x\r\n', ["line 2"]),
        (b"patient\r\n\xff\r\n", ["line 1"]),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column_and_never_what_stands_there(content, places):
    with pytest.raises(Rejected) as refused:
        read_panel(content.encode() if isinstance(content, str) else content)
    assert [one.path for one in refused.value.issues] == places
    assert not any(cell in str(refused.value) for cell in ("Marsh", "433275914", "4/2/1980"))


def test_of_many_faults_some_are_told_and_a_list_has_an_end():
    with pytest.raises(Rejected) as refused:
        read_panel(b"patient\r\n" + b"a b\r\n" * 100)
    assert len(refused.value.issues) == MOST_ISSUES
    with pytest.raises(Rejected):
        read_panel(b"patient\r\n" + b"".join(b"p%d\r\n" % number for number in range(10_001)))


@given(st.lists(st.sampled_from(COLUMNS), max_size=4), st.lists(st.lists(st.text(max_size=12), max_size=5), max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_is_taken_or_refused_with_its_faults(head, rows):
    content = "\r\n".join(",".join(row) for row in [head, *rows])
    try:
        members, people = read_panel(content.encode("utf-8", "surrogatepass"))
    except Rejected as refused:
        found = len(refused.issues)
    else:
        found = 1
        assert len(members) + len(people) <= len(rows)
    assert 1 <= found <= MOST_ISSUES
