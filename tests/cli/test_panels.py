"""`sallyport panels` from the command line."""

from __future__ import annotations

import json

PEOPLE = "key,family,given,birth_date\r\nFF-1,Marsh,Ada,1980-04-02\r\nFF-2,Oak,Eve,1975-11-30\r\n"


def test_a_list_is_kept_for_a_partner_replaced_listed_and_dropped(sallyport, folder, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    kept = sallyport("panels", "put", "--site", folder, "--for", "cottonwood", "--name", "Familiar faces", file)
    assert kept.out.endswith("  2 people\n")
    assert kept.err == ""
    ident = kept.out.partition("  ")[0].removeprefix("Group/")
    (listed,) = [json.loads(line) for line in sallyport("panels", "list", "--site", folder, "--json").out.splitlines()]
    assert listed | {"updated": ""} == {
        "id": ident,
        "organization": "Organization/cottonwood",
        "name": "Familiar faces",
        "updated": "",
        "people": 2,
    }
    file.write_text("patient\r\nabsent\r\n")
    again = sallyport("panels", "put", "--site", folder, "--for", "cottonwood", "--id", ident, file)
    assert again.out == f"Group/{ident}  1 people\n"
    assert ident in sallyport("panels", "list", "--site", folder).out
    assert sallyport("panels", "drop", "--site", folder, ident).code == 0
    assert sallyport("panels", "list", "--site", folder).out == ""
    assert sallyport("panels", "drop", "--site", folder, ident).code == 1


def test_what_cannot_be_kept_is_told(sallyport, folder, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("family,given,birth_date\r\nMarsh,Ada,4/2/1980\r\n")
    wrong = sallyport("panels", "put", "--site", folder, "--for", "cottonwood", file)
    assert (wrong.code, wrong.err) == (
        1,
        "sallyport: people.csv, line 2, birth_date: expected a day such as 1980-04-02\n",
    )
    file.write_text(PEOPLE)
    assert "`nobody` is no partner" in sallyport("panels", "put", "--site", folder, "--for", "nobody", file).err
    other = sallyport("panels", "put", "--site", folder, "--for", "cottonwood", "--id", "absent", file)
    assert "there is no group `absent` of cottonwood" in other.err
    without = sallyport("panels", "put", "--site", folder, "--for", "probation", file)
    assert "no agreement gives probation the right `patient-match`" in without.err
    assert without.code == 0
