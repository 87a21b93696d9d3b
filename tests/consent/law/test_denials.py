"""Each denial by name, under data that allows everything: no file switches one off."""

from dataclasses import replace

import pytest
from law_builders import (
    DETAIL,
    HELP,
    LEGAL,
    NOTES,
    PRETRIAL,
    PROGRAM,
    PROGRAM_NOTES,
    SUMMARY,
    TREAT,
    VICTIM,
    asked_by,
    asserted,
    checked,
    county_of,
    custody_of,
    law_of,
    org,
    paper,
    permitted,
    treats,
    why,
)

from adapter.consent.law import law as law_module
from adapter.consent.law.basis_spec import Survives
from adapter.consent.law.denials import TABLES
from adapter.consent.law.matrix_spec import Cell
from adapter.consent.law.partners import ENTITIES
from adapter.consent.outcome import DENY
from adapter.consent.standing import Fact

EVERY = ("T", "K", "J", "E", "O", "Q", "X", "U", "S", "C", "NC", "own")
PARENTS = [{"minor_consent": {"others": ["parent", "guardian", "representative"]}}]
AGE = Fact(kind="age", value="16")


def lax_data():
    """Bases without limits and a matrix that offers everything to everybody."""
    tables = checked()
    survives = Survives(refusal=True, restriction=True)
    every = {"recipients": ENTITIES, "regimes": ("justice", "hipaa", "part2", "education"), "survives": survives}
    standing = tuple(basis.model_copy(update=every) for basis in tables.bases.standing)
    cell = Cell(bases=EVERY)
    rows = {
        entity: row.model_copy(update=dict.fromkeys(type(row).model_fields.keys() - {"title"}, cell))
        for entity, row in tables.matrix.recipients.items()
    }
    return tables.bases.model_copy(update={"standing": standing}), tables.matrix.model_copy(update={"recipients": rows})


@pytest.fixture
def lax(monkeypatch):
    """The law of a county whose files allow everything, and nobody checked them."""
    monkeypatch.setattr(law_module, "contradictions", lambda *_: ())
    bases, matrix = lax_data()
    return lambda **county: law_of(county_of(**county), bases=bases, matrix=matrix)


def silent(law, body, recipient, segment, facts=()):
    because = law.silences(body, facts, recipient, segment)
    assert because is not None
    return because


def speaks(law, body, recipient, segment, facts=()):
    return law.silences(body, facts, recipient, segment) is None


NAMED = {}
"""The tests below by the denial they are about."""


def about(table, name):
    def keep(test):
        NAMED[table, name] = test
        return test

    return keep


@about("a paper", "notes-need-their-own-paper")
def notes_without_paper(lax):
    law, clinic = lax(), asked_by("clinic")
    assert speaks(law, paper("psychotherapy-notes"), clinic, NOTES)
    assert speaks(law, paper("counseling-notes"), clinic, PROGRAM_NOTES)
    assert "164.508(b)(3)" in silent(law, paper("release"), clinic, NOTES)
    assert "2.31(b)" in silent(law, paper("psychotherapy-notes"), clinic, PROGRAM_NOTES)
    perhaps = replace(NOTES, labels=(*NOTES.labels, ("", "x")))
    assert "paper of their own" in silent(law, paper("psychotherapy-notes"), clinic, perhaps)
    assert "paper of their own" in silent(law, paper("counseling-notes"), clinic, perhaps)


@about("a paper", "a-notes-paper-opens-notes-alone")
def notes_paper_elsewhere(lax):
    for instrument in ("counseling-notes", "psychotherapy-notes"):
        assert "opens nothing else" in silent(lax(), paper(instrument), asked_by("clinic"), SUMMARY)


@about("a paper", "domestic-violence-needs-its-own-paper")
def violence(lax):
    law, clinic = lax(), asked_by("clinic")
    assert speaks(law, paper("domestic-violence"), clinic, VICTIM)
    assert "12291" in silent(law, paper(), clinic, VICTIM)
    assert "12291" in silent(law, paper(), clinic, replace(VICTIM, unit=org("refuge-clinic")))


@about("a paper", "a-domestic-violence-paper-opens-such-programmes-alone")
def violence_paper_elsewhere(lax):
    law, clinic = lax(), asked_by("clinic")
    assert "12291" in silent(law, paper("domestic-violence"), clinic, SUMMARY)
    assert speaks(law, paper("domestic-violence"), clinic, replace(SUMMARY, unit=org("hotline")))


@about("a paper", "criminal-justice-consent-is-for-part-2-alone")
def criminal_justice_outside_part2(lax):
    law = lax()
    assert speaks(law, paper("criminal-justice"), asked_by("court"), PROGRAM)
    assert "no HIPAA authorization" in silent(law, paper("criminal-justice"), asked_by("court"), SUMMARY)


@about("a paper", "criminal-justice-consent-is-for-those-who-imposed-the-condition")
def condition_of_another(lax):
    law = lax()
    for entity in ("court", "pretrial", "supervision", "prosecution"):
        assert speaks(law, paper("criminal-justice"), asked_by(entity), PROGRAM)
    for entity in set(ENTITIES) - {"court", "pretrial", "supervision", "prosecution", "exchange"}:
        assert "2.35(a)(1)" in silent(law, paper("criminal-justice"), asked_by(entity), PROGRAM)


@about("a paper", "a-proceedings-consent-is-for-proceedings-alone")
def proceedings_paper_elsewhere(lax):
    law = lax()
    assert speaks(law, paper("proceedings"), asked_by("court", PRETRIAL, LEGAL), PROGRAM)
    for purposes in ([HELP], [PRETRIAL, HELP], [TREAT]):
        assert "no other purpose" in silent(law, paper("proceedings"), asked_by("court", *purposes), PROGRAM)


@about("a paper", "part-2-into-proceedings")
def proceeding_on_a_release(lax):
    law = lax(enabled=[org("pretrial")])
    assert speaks(law, paper(), asked_by("pretrial", HELP), PROGRAM)
    assert speaks(law, paper(), asked_by("pretrial", PRETRIAL), SUMMARY)
    for purposes in ([PRETRIAL], [LEGAL], [("urn:x", "sentencing")], [HELP, LEGAL]):
        assert "2.12(d)" in silent(law, paper(), asked_by("pretrial", *purposes), PROGRAM)
    for purpose in ("pretrial-release", "supervision"):
        assert "2.12(d)" in silent(law, paper(), asked_by("court", (HELP[0], purpose)), PROGRAM)


@about("a designation", "an-intermediary-needs-its-participants-named")
def intermediary(lax):
    law, exchange = lax(), asked_by("exchange")
    assert "none of its participants" in silent(law, paper(names=[org("exchange")]), exchange, PROGRAM)
    assert "none of its participants" in silent(law, paper(names=[org("exchange"), org("clinic")]), exchange, PROGRAM)
    assert speaks(law, paper(names=[org("exchange"), org("member")]), exchange, PROGRAM)
    assert speaks(law, paper(names=[org("exchange")]), exchange, SUMMARY)
    assert "none of its participants" in silent(law, paper(names=[org("hub")]), asked_by("hub"), PROGRAM)


@about("a designation", "a-general-designation-reaches-treating-participants-alone")
def general_designation(lax):
    law, member = lax(), asked_by("member", TREAT, actors=["Group/g", "Practitioner/p", "=urn:ids|7"])
    for names in ([org("exchange")], ["Group/g"], ["=urn:ids|7"], [org("exchange"), "Group/g", org("clinic")]):
        assert "who treat the patient" in silent(law, paper(names=names), member, PROGRAM)
        assert speaks(law, paper(names=names), member, PROGRAM, [treats("member")])
        assert not speaks(law, paper(names=names), member, PROGRAM, [treats("clinic")])
    for names in ([org("member")], ["Practitioner/p"], [org("exchange"), org("member")], [org("court")], []):
        assert speaks(law, paper(names=names), member, PROGRAM)
    assert speaks(law, paper(names=[org("exchange")]), member, SUMMARY)
    inner = paper(names=[org("exchange")]).provisions
    denies_by_name = paper(names=[org("member")], kind=DENY)
    form = replace(denies_by_name, provisions=(replace(denies_by_name.provisions[0], size=2), *inner))
    assert "who treat the patient" in silent(law, form, member, PROGRAM)


@about("a signature for a minor", "a-parent-alone-never-signs-for-part-2")
def parent_for_part2(lax):
    law, clinic = lax(overlays=PARENTS), asked_by("clinic", TREAT)
    assert speaks(law, paper(signer="parent"), clinic, SUMMARY, [AGE])
    assert "2.14" in silent(law, paper(signer="parent"), clinic, PROGRAM, [AGE])
    assert "2.14" in silent(law, paper(signer="patient"), clinic, PROGRAM, [AGE])


@about("a basis without consent", "part-2-by-hipaa-alone")
def part2_by_hipaa(lax):
    facts = [treats("jail-clinic"), custody_of("custody"), *(asserted(one, "jail-clinic", "TREAT") for one in "KJ")]
    assert permitted(lax(), facts, asked_by("jail-clinic", TREAT), SUMMARY) == {"treatment", "custody", "threat"}
    assert permitted(lax(), facts, asked_by("jail-clinic", TREAT), PROGRAM) == set()
    labelled = replace(SUMMARY, labels=PROGRAM.labels)
    assert permitted(lax(), facts, asked_by("jail-clinic", TREAT), labelled) == set()
    perhaps = replace(SUMMARY, labels=(*SUMMARY.labels, ("", "x")))
    assert permitted(lax(), facts, asked_by("jail-clinic", TREAT), perhaps) == set()
    for rule in ("treatment", "custody", "threat"):
        assert "2.12(a)" in why(lax(), rule, facts, asked_by("jail-clinic", TREAT), PROGRAM)


@about("a basis without consent", "emergency-is-for-medical-personnel")
def emergency(lax):
    for entity in ENTITIES:
        found = permitted(lax(contracts=[]), [asserted("E", entity)], asked_by(entity), PROGRAM)
        assert found == (
            {"emergency"} if entity in {"correctional-health", "covered-entity", "part2-program"} else set()
        )
    assert "custody staff are none" in why(lax(), "emergency", [asserted("E", "custody")], asked_by("custody"), PROGRAM)


@about("a basis without consent", "custody-is-for-custodians")
def custodians(lax):
    for entity in ENTITIES:
        found = permitted(lax(contracts=[]), [asserted("K", entity), custody_of(entity)], asked_by(entity), SUMMARY)
        assert found == ({"custody"} if entity in {"custody", "correctional-health"} else set())


@about("a basis without consent", "part-2-into-proceedings")
def proceeding_as_an_emergency(lax):
    law = lax(contracts=[(org("otp"), org("correctional-health"))])
    facts = [asserted("E", "correctional-health", code) for code in ("TREAT", "supervision", "HLEGAL")]
    assert permitted(law, facts, asked_by("correctional-health", TREAT), PROGRAM) == {"emergency", "contract"}
    for purpose in ((HELP[0], "supervision"), LEGAL):
        assert permitted(law, facts, asked_by("correctional-health", purpose), PROGRAM) == set()
        assert "2.12(d)" in why(law, "contract", facts, asked_by("correctional-health", purpose), PROGRAM)


@about("a basis without consent", "a-proceedings-consent-is-for-proceedings-alone")
def recorded_proceedings_consent(lax):
    facts = [asserted("X", "court", "HLEGAL"), asserted("X", "court", "diversion")]
    assert permitted(lax(), facts, asked_by("court", LEGAL), PROGRAM) == {"proceeding"}
    assert permitted(lax(), facts, asked_by("court", HELP), PROGRAM) == set()


@about("a basis without consent", "notes-need-their-own-paper")
def notes_without_consent(lax):
    facts = [
        treats("correctional-health"),
        custody_of("correctional-health"),
        *(asserted(one, "correctional-health", "HLEGAL", "hipaa notes", ["screening-detail"]) for one in "KJOX"),
    ]
    law = lax(contracts=[(org("clinic"), org("correctional-health"))])
    assert permitted(law, facts, asked_by("correctional-health", LEGAL), NOTES) == {"order"}
    assert permitted(law, facts, asked_by("correctional-health", LEGAL), DETAIL) > {"order", "custody", "contract"}


@about("a basis without consent", "domestic-violence-needs-its-own-paper")
def violence_without_consent(lax):
    facts = [treats("clinic"), *(asserted(one, "clinic", "TREAT", "hipaa") for one in "JEO")]
    law = lax(contracts=[(org("refuge"), org("clinic"))])
    assert permitted(law, facts, asked_by("clinic", TREAT), VICTIM) == {"order"}
    assert "mandate" in why(law, "emergency", facts, asked_by("clinic", TREAT), VICTIM)


@about("a basis, of a minor", "a-minor-signs-no-contract-and-no-proceedings-consent")
def minors(lax):
    law = lax(contracts=[(org("otp"), org("court"))])
    facts = [asserted("X", "court", "HLEGAL"), asserted("O", "court", "HLEGAL", "2.64")]
    assert permitted(law, facts, asked_by("court", LEGAL), PROGRAM) == {"proceeding", "order"}
    assert permitted(law, [*facts, AGE], asked_by("court", LEGAL), PROGRAM) == {"order"}
    help_facts = [asserted("O", "court", "diversion", "2.64")]
    assert permitted(law, help_facts, asked_by("court", HELP), PROGRAM) == {"contract", "order"}
    assert permitted(law, [*help_facts, AGE], asked_by("court", HELP), PROGRAM) == {"order"}


@about("a court order", "part-2-needs-a-subpart-e-order")
def order_for_part2(lax):
    court = asked_by("court", LEGAL)
    for value in ("2.64", "2.65", "2.65 hipaa"):
        assert permitted(lax(), [asserted("O", "court", "HLEGAL", value)], court, PROGRAM) == {"order"}
    for value in ("", "hipaa", "subpoena"):
        assert "a subpoena" in why(lax(), "order", [asserted("O", "court", "HLEGAL", value)], court, PROGRAM)


@about("a court order", "protected-health-information-needs-an-order-for-it")
def order_for_hipaa(lax):
    court = asked_by("court", LEGAL)
    assert permitted(lax(), [asserted("O", "court", "HLEGAL", "hipaa")], court, SUMMARY) == {"order"}
    assert "164.512(e)" in why(lax(), "order", [asserted("O", "court", "HLEGAL", "2.64")], court, SUMMARY)
    justice = replace(SUMMARY, regime="justice")
    assert permitted(lax(), [asserted("O", "court", "HLEGAL")], court, justice) == {"order"}


@about("a court order", "an-order-reaches-notes-only-with-its-own-finding")
def order_for_notes(lax):
    court = asked_by("court", LEGAL)
    plain = asserted("O", "court", "HLEGAL", "hipaa", ["screening-detail"])
    finding = asserted("O", "court", "HLEGAL", "hipaa notes", ["screening-detail"])
    assert "2.63" in why(lax(), "order", [plain], court, NOTES)
    assert permitted(lax(), [plain, finding], court, NOTES) == {"order"}


@pytest.mark.parametrize("name", [(table, one.name) for table, group in TABLES.items() for one in group], ids="/".join)
def test_no_file_switches_it_off(lax, name):
    NAMED[name](lax)


def test_every_denial_names_its_place_in_the_law_and_has_a_test():
    every = [(table, one) for table, group in TABLES.items() for one in group]
    assert {(table, one.name) for table, one in every} == NAMED.keys()
    assert len(every) == len(NAMED)
    assert all("CFR" in one.citation or "U.S.C." in one.citation for _, one in every)
