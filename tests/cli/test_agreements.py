"""`agreements list` and `print`: the state of each agreement, and the page that counsel reads."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest
import worlds
import yaml

FILES = {
    "alder-mou-2026": "agreements/memorandum.yaml",
    "alder-crisis-moa-2026": "agreements/crisis_response.yaml",
    "alder-hosting-dua-2026": "agreements/hosting_contract.yaml",
    "resource-connection-user": "user_agreements/resource_connection_2026_1.yaml",
}


def change(folder, name, **changed):
    path = folder / FILES[name]
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed))


def days_ahead(days):
    return (worlds.AS_OF.date() + timedelta(days=days)).isoformat()


def listed(sallyport, folder):
    ran = sallyport("agreements", "list", "--site", folder, "--json")
    assert ran.code == 0
    return {row["agreement"]: row for row in json.loads(ran.out)}, ran.err


def test_every_agreement_is_listed_with_its_state(sallyport, folder):
    found, told = listed(sallyport, folder)
    assert {name: (row["kind"], row["state"]) for name, row in found.items()} == {
        "alder-mou-2026": ("mou", "in force"),
        "alder-crisis-moa-2026": ("moa", "in force"),
        "alder-hosting-dua-2026": ("dua", "in force"),
    }
    assert found["alder-hosting-dua-2026"]["feeds"] == ["jail-roster", "jail-medical-hl7", "riverside-ehr"]
    assert (found["alder-mou-2026"]["end"], found["alder-mou-2026"]["days_left"]) == (None, None)
    assert told == ""
    words = sallyport("agreements", "list", "--site", folder).out
    assert max(map(len, words.splitlines())) <= 80


@pytest.mark.parametrize(
    ("days", "state", "told"),
    [
        (90, "in force", ""),
        (45, "in force", "notice: `alder-hosting-dua-2026` ends in 4"),
        (20, "in force", "warning: "),
        (3, "in force", "urgent: "),
        (-3, "lapsed", "urgent: `alder-hosting-dua-2026` ended on "),
    ],
)
def test_the_end_of_a_contract_is_told_by_list_and_validate(sallyport, folder, days, state, told):
    change(folder, "alder-hosting-dua-2026", end=days_ahead(days))
    found, err = listed(sallyport, folder)
    assert found["alder-hosting-dua-2026"]["state"] == state
    assert err.startswith(told)
    assert bool(err) is bool(told)
    ran = sallyport("validate", "--site", folder)
    assert (ran.code, ran.err) == (0, err)


def test_what_has_not_begun_or_is_not_signed_is_listed_so(sallyport, folder):
    change(folder, "alder-mou-2026", start=days_ahead(400), amendments=[])
    change(folder, "alder-crisis-moa-2026", signatories=[])
    found, _ = listed(sallyport, folder)
    assert (found["alder-mou-2026"]["state"], found["alder-crisis-moa-2026"]["state"]) == ("starts", "unsigned")


def printed(sallyport, folder, name, *more):
    ran = sallyport("agreements", "print", "--site", folder, name, *more)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def test_counsel_reads_who_receives_what_for_which_purpose_on_which_basis(sallyport, folder):
    page = printed(sallyport, folder, "alder-crisis-moa-2026")
    rows = [line for line in page.splitlines() if line.startswith("| Alder Police Department (`police`) |")]
    assert "diversion" in rows[0]
    assert "the person's written consent" in rows[0]
    assert "treatment, payment" not in rows[0]
    assert rows[0].endswith("| from 2026-02-01 |")
    clinician = next(line for line in page.splitlines() if line.startswith("| Alder Crisis Response Clinicians"))
    assert "TREAT" in clinician
    assert "treatment, payment and operations" in clinician
    for told in (
        "city ordinance 2026-3",
        "## Confidentiality",
        "anything for an arrest, a charge, a warrant or an investigation",
        "Nothing that is received is passed on to anyone.",
        "Corin Vale",
        "2026-01-15",
        "within 24 hours",
        "privacy office",
        "psychotherapy notes",
    ):
        assert told in page


def test_an_amendment_is_told_and_so_is_what_it_ended(sallyport, folder):
    page = printed(sallyport, folder, "alder-mou-2026")
    assert "### Amendment 1, from 2026-06-01" in page
    assert "Ends grant `probation-diversion-trial`." in page
    (ended,) = [line for line in page.splitlines() if "(grant `probation-diversion-trial`)" in line]
    assert ended.endswith("| 2026-01-01 to 2026-05-31 |")
    enabled = "| Addresses, telephone numbers and relatives, besides treatment and discharge planning |"
    assert [line for line in page.splitlines() if line.startswith(enabled)]
    assert "Nothing: what stays off until counsel enables it" in printed(sallyport, folder, "alder-crisis-moa-2026")


def test_what_an_amendment_adds_and_counsel_enabled_is_told(sallyport, folder):
    body = yaml.safe_load((folder / FILES["alder-mou-2026"]).read_text())
    signatory = body["signatories"][0] | {"organisation": "probation", "date": "2026-07-01"}
    added = body["grants"][3] | {"regimes": ["part2"], "bases": ["consent", "X", "K"]}
    body["amendments"].append(
        {
            "number": 2,
            "date": "2026-07-01",
            "summary": "Part 2 summaries for community supervision.",
            "adds": [added],
            "directions": [body["directions"][0]],
            "withdraws": ["birch-jail"],
            "signatories": [signatory, signatory | {"organisation": "riverside"}],
        }
    )
    approved = {"partner": "probation", "approved_by": "Lee Hart", "role": "county counsel", "date": "2026-06-20"}
    change(
        folder,
        "alder-mou-2026",
        amendments=body["amendments"],
        counsel={"part2_under_general_release": [approved | {"conditions": "help outside proceedings"}]},
    )
    page = printed(sallyport, folder, "alder-mou-2026")
    assert "Birch County Jail (`birch-jail`) leaves." in page
    assert "lawful custody, while it lasts" in page
    assert "| from 2026-07-01 |" in page
    assert "Lee Hart, county counsel | 2026-06-20 | help outside proceedings" in page


def test_who_has_not_signed_is_named(sallyport, folder):
    body = yaml.safe_load((folder / FILES["alder-mou-2026"]).read_text())
    kept = [one for one in body["signatories"] if one["organisation"] != "pretrial"]
    change(folder, "alder-mou-2026", signatories=kept, directions=[], never=[], obligations=[], amendments=[])
    page = printed(sallyport, folder, "alder-mou-2026")
    signatures = page.partition("## Signatures")[2]
    assert "- Alder County Pretrial Services (`pretrial`)" in signatures
    assert "does not hold: not signed" in page
    assert "Every party that has signed sends" in page
    assert "## Amendments\n\nNone." in page


def test_a_contract_is_told_with_what_the_vendor_may_not_do(sallyport, folder):
    page = printed(sallyport, folder, "alder-hosting-dua-2026")
    for told in (
        "jail-roster, jail-medical-hl7, riverside-ehr",
        "fully bound by 42 CFR part 2",
        "resists in judicial proceedings",
        "teaches no model",
        "returns everything to its source, then destroys",
        "Alder Data Center Cooperative",
        "to 2060-12-31",
    ):
        assert told in page
    change(
        folder,
        "alder-hosting-dua-2026",
        regimes=["justice", "hipaa"],
        qualified_service=None,
        subcontractors={"allowed": "none"},
        breach_notice_hours=None,
        classes=[],
        signatories=[],
    )
    page = printed(sallyport, folder, "alder-hosting-dua-2026")
    assert "part 2" not in page
    assert "lets no subcontractor" in page
    assert "it receives: nothing" in page
    assert "within the time the law sets" in page
    assert "State: unsigned" in page


def test_a_user_agreement_is_printed_with_its_boxes(sallyport, folder):
    page = printed(sallyport, folder, "resource-connection-user")
    assert page.count("- [ ] ") == 4
    assert "I will look up only people I am working with" in page


class Outline(HTMLParser):
    """Checks that every element is closed, and keeps headings and cells."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.found = [], "", []

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
            self.text = ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.found.append((tag, self.text))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", FILES)
def test_html_says_what_markdown_says_and_is_whole(sallyport, folder, name):
    page = Outline()
    page.feed(printed(sallyport, folder, name, "--html"))
    assert page.open == []
    words = printed(sallyport, folder, name)
    titles = [line.lstrip("# ") for line in words.splitlines() if line.startswith("#")]
    assert [text for tag, text in page.found if tag in {"h1", "h2", "h3"}] == titles
    cells = [text for tag, text in page.found if tag in {"td", "th"}]
    assert len(cells) == sum(
        line.count(" | ") + 1 for line in words.splitlines() if line[:1] == "|" and "---" not in line
    )


def test_what_stands_in_a_file_cannot_become_markup(sallyport, folder):
    change(folder, "alder-mou-2026", title="<script>alert(1)</script>", obligations=["a | b"])
    assert "<script>" not in printed(sallyport, folder, "alder-mou-2026", "--html")


def test_a_file_is_printed_with_the_names_of_the_site_it_lies_in_or_with_keys(sallyport, folder, tmp_path):
    inside = sallyport("agreements", "print", folder / FILES["alder-mou-2026"])
    assert "Alder County Pretrial Services (`pretrial`)" in inside.out
    alone = tmp_path / "alone.yaml"
    alone.write_text((folder / FILES["alder-mou-2026"]).read_text())
    outside = sallyport("agreements", "print", alone)
    assert outside.code == 0
    assert "- `pretrial`" in outside.out


def test_an_unknown_id_is_answered_with_those_there_are(sallyport, folder):
    ran = sallyport("agreements", "print", "--site", folder, "treaty")
    assert ran.code == 4
    assert all(name in ran.err for name in FILES)
    assert sallyport("agreements", "print", "treaty").code == 2


def test_a_file_that_does_not_fit_its_site_is_not_printed(sallyport, folder):
    path = folder / FILES["alder-mou-2026"]
    path.write_text(path.read_text().replace("parties: [jail,", "parties: [jayle, jail,"))
    for asked in (("--site", folder, "alder-mou-2026"), (path,)):
        ran = sallyport("agreements", "print", *asked)
        assert (ran.code, ran.out) == (4, "")
        assert "`jayle` is not a partner" in ran.err
