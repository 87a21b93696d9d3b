"""Every kind of dirt does what its name says, and occurs."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from adapter.fictional import dirt
from adapter.fictional.draws import stream
from adapter.fictional.partners import EHR, FEEDS, ROSTER
from adapter.fictional.people import Person

PERSON = Person(
    number=1,
    id="p0000001",
    first="Robert",
    middle="Ángel",
    last="Montoya",
    suffix="Jr",
    alias=("Bo", "Mondragon"),
    born=date(1987, 8, 10),
    sex="M",
    race="W",
    hispanic=True,
    ssn="301182257",
    state_id="CO1",
    look_alike=None,
    faint="",
)


def applied(operator, **changes):
    written = dirt.clean(PERSON, dirt.ISO)
    for field, value in changes.items():
        setattr(written, field, value)
    changed = operator(written, stream(1, 1))
    return changed, written


@pytest.mark.parametrize(
    ("operator", "field", "expected"),
    [
        (dirt.nickname, "first", {"Bobby"}),
        (dirt.alias_as_name, "last", {"Mondragon"}),
        (dirt.mononym, "first", {""}),
        (dirt.suffix_in_last_name, "last", {"Montoya Jr", "Montoya, Jr"}),
        (dirt.suffix_lost, "suffix", {""}),
        (dirt.middle_name_lost, "middle", {""}),
        (dirt.middle_initial, "middle", {"Á"}),
        (dirt.null_text, "middle", {"NULL"}),
        (dirt.typo_in_birth_date, "born", {date(1987, 10, 8)}),
        (dirt.sentinel_birth_date, "born_sentinel", {True}),
        (dirt.missing_birth_date, "born", {None}),
        (dirt.missing_ssn, "ssn", {""}),
        (dirt.masked_ssn, "ssn", {"XXX-XX-2257", "XXXXX2257"}),
        (dirt.sentinel_ssn, "ssn", {"999-99-9999", "000-00-0000", "111-11-1111"}),
        (dirt.typo_in_ssn, "ssn", {"301-18-2275"}),
        (dirt.sex_junk, "sex", {"M ", "m", "MALE", "U"}),
        (dirt.race_junk, "race", {"WHTE", "H"}),
        (dirt.american_dates, "dates", {dirt.AMERICAN}),
        (dirt.iso_dates, "dates", {dirt.ISO}),
        (dirt.two_digit_years, "dates", {dirt.SHORT}),
    ],
)
def test_an_operator_changes_what_it_names(operator, field, expected):
    changed, written = applied(operator)
    assert changed
    assert getattr(written, field) in expected


def test_a_typo_keeps_the_letters_but_one_slip():
    _, written = applied(dirt.typo_in_name)
    assert written.last != "Montoya"
    assert not Counter(written.last) - Counter("Montoya")
    assert len(written.last) in {6, 7}


def test_a_former_name_stands_in_brackets():
    _, written = applied(dirt.former_name_in_last_name)
    assert written.last.startswith("Montoya (maiden: ")


@pytest.mark.parametrize(
    ("operator", "changes"),
    [
        (dirt.nickname, {"first": "Zoë"}),
        (dirt.alias_as_name, {"alias": None}),
        (dirt.suffix_in_last_name, {"suffix": ""}),
        (dirt.suffix_lost, {"suffix": ""}),
        (dirt.middle_initial, {"middle": ""}),
        (dirt.middle_name_lost, {"middle": ""}),
        (dirt.typo_in_name, {"last": "Yu"}),
        (dirt.typo_in_birth_date, {"born": date(1987, 8, 13)}),
        (dirt.typo_in_birth_date, {"born": None}),
        (dirt.typo_in_ssn, {"ssn": "301-18-2255"}),
        (dirt.typo_in_ssn, {"ssn": ""}),
    ],
)
def test_an_operator_with_nothing_to_change_says_so(operator, changes):
    before = applied(lambda _written, _rng: False, **changes)[1]
    changed, after = applied(operator, **changes)
    assert not changed
    assert before == after


def test_row_dirt_keeps_the_columns():
    cells = [str(place) for place in range(17)]
    for operator in dirt.ROW:
        assert len(operator(list(cells), stream(1, 2))) == 17
    stay = [*cells[:13], "2026-01-02 08:00:00", "2026-01-05 08:00:00", *cells[15:]]
    assert dirt.release_before_booking(stay, stream(1, 3))[13:15] == [
        "2026-01-05 08:00:00",
        "2026-01-02 08:00:00",
    ]
    here = [*cells[:14], "", *cells[15:]]
    assert dirt.sentinel_release(here, stream(1, 4))[14] in {"9999-12-31 00:00:00", "2999-12-31 00:00:00"}
    assert dirt.null_cells([""] * 17, stream(1, 5))[15] in {"NULL", "null", "--"}


def test_a_faint_record_has_no_number():
    faint = Person(**{name: getattr(PERSON, name) for name in PERSON.__slots__} | {"faint": EHR})
    tally = Counter()
    assert dirt.write_down(faint, EHR, dirt.ISO, stream(1, 6), tally).ssn == ""
    assert tally["look_alike_without_ssn"] == 1
    assert any(dirt.write_down(faint, ROSTER, dirt.ISO, stream(1, n), Counter()).ssn for n in range(20))


def test_every_kind_of_dirt_occurs_in_the_county(county):
    kinds = {operator.__name__ for operator in (*dirt.PERSON, *dirt.ROW)}
    others = {
        "duplicate_row",
        "alias_row",
        "test_only_row",
        "local_time_without_offset",
        "latin_1_message",
        "score_as_integer",
        "score_as_text",
        "note_on_total",
        "look_alike_without_ssn",
    }
    assert set(county.summary.dirt) == kinds | others
    assert all(count > 0 for count in county.summary.dirt.values())


def test_typos_are_rare_and_missing_numbers_are_not(county):
    dirt_found = county.summary.dirt
    people = county.summary.people
    assert dirt_found["typo_in_name"] < 0.05 * people
    assert dirt_found["missing_ssn"] > 0.2 * people


def test_the_tables_name_feeds_that_exist():
    for share in (*dirt.PERSON.values(), *dirt.ROW.values()):
        assert 0 < share.probability < 1
        assert set(share.feeds) <= set(FEEDS)
