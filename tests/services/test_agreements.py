"""What agreements give a partner, and that every mistake in them is told."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from adapter.assets import copy_fictional_county
from adapter.errors import ConfigurationError
from adapter.services.agreements import purposes_of, read_agreement, read_agreements, rights_of, state, units_of
from adapter.services.user_agreements import read_user_agreements
from adapter.settings import Feed, Partner, load_site

ZONE = ZoneInfo("America/Denver")
PARTNERS = {
    "jail": Partner(name="Jail", entity="custody"),
    "pretrial": Partner(name="Pretrial", entity="supervision"),
    "cottonwood": Partner(name="Cottonwood", entity="covered-entity"),
    "program": Partner(name="Second Street", entity="part2-program", part_of="cottonwood"),
    "annex": Partner(name="Annex", entity="part2-program", part_of="program"),
    "vendor": Partner(name="Vendor", entity="vendor"),
}
FEEDS = {
    "roster": Feed.model_validate(
        {
            "feed": "roster",
            "title": "Roster",
            "connector": "jail.corerm_roster",
            "mapping": "m.yaml",
            "organization": "jail",
            "units": {"jail": {"organization": "jail", "regime": "justice"}},
        }
    )
}
SIGNED = [
    {"name": "Ada Thorne", "role": "director", "organisation": key, "date": "2025-12-01"}
    for key in ("jail", "pretrial", "cottonwood")
]


def document(**changed):
    return {
        "agreement": "mou",
        "title": "Memorandum",
        "authority": "resolution 1",
        "parties": ["jail", "pretrial", "cottonwood"],
        "signatories": SIGNED,
        "start": "2026-01-01",
        "end": "2026-12-31",
        "contact": "privacy officer",
        "grants": [
            {
                "recipient": "pretrial",
                "purposes": ["pretrial-release"],
                "classes": ["screening-summary"],
                "regimes": ["hipaa"],
            },
            {
                "recipient": "cottonwood",
                "purposes": ["TREAT"],
                "classes": ["screening-summary"],
                "regimes": ["hipaa"],
                "rights": ["population-search"],
            },
        ],
    } | changed


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1_000_000)


def read(**changed):
    return read_agreements({"agreements/mou.yaml": document(**changed)}, PARTNERS)


def mistakes(*documents):
    with pytest.raises(ConfigurationError) as caught:
        read_agreements({f"agreements/{n}.yaml": one for n, one in enumerate(documents)}, PARTNERS)
    return caught.value.problems


def test_purposes_and_rights_are_those_of_the_grants():
    found = read()
    assert purposes_of(found, "pretrial", at=at("2026-06-01"), zone=ZONE) == {"pretrial-release"}
    assert rights_of(found, "pretrial", at=at("2026-06-01"), zone=ZONE) == set()
    assert rights_of(found, "cottonwood", at=at("2026-06-01"), zone=ZONE) == {"population-search"}
    assert purposes_of(found, "jail", at=at("2026-06-01"), zone=ZONE) == set()


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("2025-12-31T23:59:59", False),
        ("2026-01-01T00:00:00", True),
        ("2026-12-31T23:59:59", True),
        ("2027-01-01T00:00:00", False),
    ],
)
def test_an_agreement_holds_from_its_first_day_through_its_last(when, holds):
    assert bool(purposes_of(read(), "pretrial", at=at(when), zone=ZONE)) is holds


def test_an_agreement_without_an_end_goes_on():
    assert purposes_of(read(end=None), "pretrial", at=at("2090-01-01"), zone=ZONE)


def test_every_mistake_of_every_agreement_is_told_at_once():
    found = mistakes(document(parties=["jail", "pretrial", "cottonwood", "nobody"]), document(authority="", grants=[]))
    told = {(problem.where, problem.path) for problem in found}
    assert told == {
        ("agreements/0.yaml", "parties"),
        ("agreements/1.yaml", "authority"),
        ("agreements/1.yaml", "grants"),
    }
    (stranger,) = [problem for problem in found if problem.path == "parties"]
    assert "nobody" in stranger.message
    assert stranger.expected == "annex, cottonwood, jail, pretrial, program, vendor"


def test_two_files_with_one_id_are_told():
    first = document(agreement="one", authority="resolution 1")
    (problem,) = mistakes(first, document(agreement="one"))
    assert (problem.where, problem.path) == ("agreements/1.yaml", "agreement")


@pytest.mark.parametrize("kind", ["treaty", ["mou"], 7, None])
def test_a_kind_that_does_not_exist_is_told_with_those_that_do(kind):
    (problem,) = mistakes(document(kind=kind))
    assert (problem.path, problem.expected) == ("kind", "mou, moa, dua")
    with pytest.raises(ConfigurationError):
        read_agreement(["no", "document"], "x.yaml")


def test_a_sender_that_is_no_party_and_no_unit_of_one_is_told():
    direction = {"senders": ["annex"], "recipients": ["pretrial"], "classes": ["screening-summary"]}
    assert read(directions=[direction])
    amended = [{"number": 1, "date": "2026-02-01", "summary": "x", "directions": [direction | {"senders": ["vendor"]}]}]
    (problem,) = mistakes(document(directions=[direction], amendments=amended))
    assert problem.path == "amendments[0].directions"
    assert "`vendor` sends and is no party" in problem.message
    assert "annex" in problem.expected


def test_a_partner_stands_for_all_units_below_it():
    assert units_of(PARTNERS) == {"cottonwood": {"program", "annex"}, "program": {"annex"}}
    (found,) = read()
    assert set(found.parties) == {"jail", "pretrial", "cottonwood", "program", "annex"}
    round_about = {
        "a": Partner(name="A", entity="court", part_of="b"),
        "b": Partner(name="B", entity="court", part_of="a"),
    }
    assert units_of(round_about) == {"b": {"a", "b"}, "a": {"a", "b"}}


def contract(**changed):
    return {
        "agreement": "dua",
        "title": "Contract",
        "kind": "dua",
        "authority": "45 CFR 164.504(e)",
        "vendor": "vendor",
        "sources": ["jail", "cottonwood"],
        "feeds": ["roster"],
        "purposes": ["HOPERAT"],
        "classes": ["booking"],
        "regimes": ["justice"],
        "start": "2026-01-01",
        "end": "2026-12-31",
        "contact": "information officer",
        "at_end": "destroy",
        "model_training": "prohibited",
        "signatories": [SIGNED[0], SIGNED[0] | {"organisation": "vendor"}],
    } | changed


def contract_problems(**changed):
    with pytest.raises(ConfigurationError) as caught:
        read_agreements({"agreements/dua.yaml": contract(**changed)}, PARTNERS, FEEDS)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_a_contract_grants_its_vendor_its_purposes():
    (found,) = read_agreements({"agreements/dua.yaml": contract()}, PARTNERS, FEEDS)
    assert found.sources == ("jail", "cottonwood", "annex", "program")
    assert purposes_of([found], "vendor", at=at("2026-06-01"), zone=ZONE) == {"HOPERAT"}
    assert state(found, at=at("2026-06-01"), zone=ZONE) == "in force"


@pytest.mark.parametrize(
    ("changed", "path", "told"),
    [
        ({"vendor": "nobody", "signatories": []}, "vendor", "`nobody` is not a partner"),
        ({"sources": ["jail", "nobody"]}, "sources", "`nobody` is not a partner"),
        ({"feeds": ["fax"]}, "feeds", "no feed `fax`"),
        ({"sources": ["cottonwood"], "signatories": []}, "feeds", "sent by `jail`"),
        (
            {
                "regimes": ["part2"],
                "qualified_service": {"bound_by_part2": True, "resists_legal_process": True},
            },
            "sources",
            "one Part 2 program",
        ),
    ],
)
def test_a_contract_that_does_not_fit_its_site_is_told(changed, path, told):
    ((where, message),) = contract_problems(**changed)
    assert where == path
    assert told in message


@pytest.mark.parametrize(
    ("changed", "when", "expected"),
    [
        ({}, "2025-12-31", "starts"),
        ({}, "2026-01-01", "in force"),
        ({}, "2026-12-31", "in force"),
        ({}, "2027-01-01", "lapsed"),
        ({"signatories": SIGNED[:1]}, "2026-06-01", "unsigned"),
        ({"signatories": SIGNED[1:]}, "2026-06-01", "in force"),
    ],
)
def test_the_state_of_an_agreement(changed, when, expected):
    assert state(*read(**changed), at=at(when), zone=ZONE) == expected


def test_the_agreements_of_the_fictional_county_are_sound(tmp_path):
    copy_fictional_county(tmp_path)
    site = load_site(tmp_path)
    found = {one.agreement: one for one in read_agreements(site.agreements, site.partners, site.feeds)}
    assert {one.kind for one in found.values()} == {"mou", "moa", "dua"}
    now = {"at": at("2026-07-01"), "zone": ZONE}
    every = list(found.values())
    assert purposes_of(every, "probation", **now) == {"supervision"}
    assert purposes_of(every, "probation", at=at("2026-05-31"), zone=ZONE) == {"supervision", "diversion"}
    assert purposes_of(every, "police", **now) == {"diversion"}
    assert purposes_of(every, "police-triage", **now) == {"TREAT"}
    assert all(state(one, **now) == "in force" for one in every)


HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "write-an-agreement.md"


def test_the_agreement_of_the_how_to_is_one_that_can_be_used(tmp_path):
    copy_fictional_county(tmp_path)
    site = load_site(tmp_path)
    written = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(), re.DOTALL)]
    agreement = {key: value for part in written if "user_agreement" not in part for key, value in part.items()}
    (found,) = read_agreements({"agreements/x.yaml": agreement}, site.partners, site.feeds)
    for day, pretrial, probation in (
        ("2025-12-31", set(), set()),
        ("2026-05-31", {"pretrial-release"}, set()),
        ("2026-06-01", set(), {"supervision"}),
        ("2027-01-01", set(), set()),
    ):
        now = {"at": at(day), "zone": ZONE}
        assert purposes_of([found], "pretrial", **now) == pretrial
        assert purposes_of([found], "probation", **now) == probation
    (users,) = [part for part in written if "user_agreement" in part]
    assert read_user_agreements({"user_agreements/x.yaml": users}, site.partners)
