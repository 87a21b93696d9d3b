"""Decisions about who is who: they hold for the next request, stay on record, and repair what was joined wrongly."""

from __future__ import annotations

import apsw
import asserting
import pytest
import records
import worlds

from adapter.assets import identity
from adapter.errors import ConfigurationError, NotFound, RequestError
from adapter.identity.match import Band
from adapter.services.identity_training import trained, written

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")


@pytest.fixture
async def county(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()


@pytest.fixture
async def likely(county):
    """Ada's screening at the jail, without a number, and her release at the registry: likely one person."""
    await county.deliver("jail-medical-hl7", records.hl7(records.phq9(4, ssn="")))
    await county.deliver("releases", records.ndjson(records.release(records.choice())))
    county.ada = county.patient("jail-medical-hl7", records.JAIL)
    county.form = county.patient("releases", records.REGISTRY)
    return county


async def given(world, patient):
    return len(await world.matches(PRETRIAL, f"/fhir/Observation?patient={patient}"))


def ledgered(world):
    rows = world.services.store._ledger_db.execute(
        "SELECT interaction, client, target FROM entry WHERE interaction LIKE 'identity%' ORDER BY seq"
    )
    return list(rows)


async def test_what_waits_is_listed_without_names(likely):
    (item,) = await likely.services.identities.open()
    assert {item.one.patient, item.other.patient} == {likely.ada, likely.form}
    assert {item.one.source, item.other.source} == {"jail-medical-hl7", "releases"}
    assert item.state is Band.LINK
    assert item.levels == {"family": "exact", "given": "exact", "birth_date": "exact", "sex": "exact"}
    assert await likely.services.identities.open(links=False) == []
    assert await likely.services.identities.counts() == {"review": 0, "link": 1, "confirmed": 0, "doubted": 0}


async def test_a_person_confirms_and_the_consent_counts_for_the_next_request(likely):
    assert await given(likely, likely.ada) == 0
    by = asserting.staff()
    state = await likely.services.identities.decide(likely.ada, likely.form, by, same=True, why="photo")
    assert state is Band.CONFIRMED
    assert await given(likely, likely.ada) == 1
    assert await likely.services.identities.open() == []
    assert ledgered(likely) == [("identity-same", "R. Desk", f"Patient/{likely.ada} Patient/{likely.form}")]


async def test_a_decision_that_two_differ_lasts_whatever_arrives(likely):
    identities = likely.services.identities
    assert await identities.decide(likely.ada, likely.form, asserting.staff(), same=False, why="sisters") is Band.NONE
    await likely.deliver("jail-medical-hl7", records.hl7(records.phq9(4, control="R2")))
    assert await given(likely, likely.ada) == 0
    assert await identities.open() == []


async def test_a_confirmation_lapses_when_more_speaks_against_it(likely):
    identities = likely.services.identities
    await identities.decide(likely.ada, likely.form, asserting.staff(), same=True, why="photo")
    await likely.deliver("jail-medical-hl7", records.hl7(records.phq9(4, control="R2", ssn=records.OTHER_SSN)))
    assert await given(likely, likely.ada) == 0
    (item,) = await identities.open()
    assert item.state is Band.REVIEW
    await identities.decide(likely.ada, likely.form, asserting.staff(), same=True, why="a wrong number at the jail")
    assert await given(likely, likely.ada) == 1


async def test_every_decision_stays_on_record_and_cannot_be_changed(likely):
    identities = likely.services.identities
    for same in (True, False, True):
        await identities.decide(likely.ada, likely.form, asserting.staff(), same=same, why=f"{same}")
    history = await identities.of(likely.form)
    assert [(one.verdict, one.author, one.why) for one, _, _ in history.decisions] == [
        ("same", "R. Desk", "True"),
        ("different", "R. Desk", "False"),
        ("same", "R. Desk", "True"),
    ]
    for statement in ("DELETE FROM identity_decision", "UPDATE identity_decision SET verdict = 'different'"):
        with pytest.raises(apsw.ConstraintError, match="append only"):
            likely.rows(statement)


async def test_looking_at_two_records_is_in_the_ledger(likely):
    one, other, item = await likely.services.identities.shown(likely.form, likely.ada, asserting.staff())
    assert one.ssn_last4 == "5914"
    assert other.ssn_last4 == ""
    assert item.state is Band.LINK
    assert ledgered(likely) == [("identity-view", "R. Desk", f"Patient/{likely.form} Patient/{likely.ada}")]


async def test_a_wrong_join_is_taken_apart_held_and_its_disclosures_are_told(likely):
    identities, by = likely.services.identities, asserting.staff()
    await identities.decide(likely.ada, likely.form, by, same=True, why="photo")
    likely.clock.forward(minutes=5)
    assert await given(likely, likely.ada) == 1
    likely.clock.forward(minutes=5)
    past = await identities.unlink(likely.ada, likely.form, asserting.staff(), why="a namesake")
    assert {one.recipient for one in past.unmade} == {"Organization/pretrial"}
    assert any(one.resource.startswith("Observation/") for one in past.unmade)
    assert past.looked >= len(past.unmade) == 1
    assert await given(likely, likely.ada) == 0
    for patient in (likely.ada, likely.form):
        (listed,) = await likely.services.authorities.listed(patient)
        assert listed.fact.kind == "hold"
    assert likely.rows("SELECT count(*) FROM patient_link") == [(0,)]


async def test_what_was_given_on_the_records_own_consents_is_not_told(county):
    """The two share a number, so the consent was hers; a third record was joined wrongly and taken apart."""
    await county.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await county.deliver("releases", records.ndjson(records.release(records.choice())))
    await county.deliver("jail-roster", records.roster(records.roster_row("J7", ssn="")))
    ada, third = county.patient("jail-medical-hl7", records.JAIL), county.patient("jail-roster", "J7")
    await county.services.identities.decide(ada, third, asserting.staff(), same=True, why="photo")
    county.clock.forward(minutes=5)
    assert await given(county, ada) == 1
    county.clock.forward(minutes=5)
    past = await county.services.identities.unlink(ada, third, asserting.staff(), why="no", held=False)
    assert past.looked >= 1
    assert past.unmade == []
    assert await given(county, ada) == 1


async def test_only_what_was_joined_is_taken_apart(likely):
    with pytest.raises(NotFound, match="not confirmed"):
        await likely.services.identities.unlink(likely.ada, likely.form, asserting.staff(), why="x")
    with pytest.raises(RequestError, match="two records"):
        await likely.services.identities.decide(likely.ada, likely.ada, asserting.staff(), same=True, why="x")
    with pytest.raises(RequestError, match="nothing is held"):
        await likely.services.identities.decide(likely.ada, "absent", asserting.staff(), same=True, why="x")


async def test_a_doubted_record_is_accepted_and_its_hold_ends(county):
    await county.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await county.deliver("releases", records.ndjson(records.release(records.choice())))
    ada = county.patient("jail-medical-hl7", records.JAIL)
    other = records.pid().replace("MARSH^ADA", "OAK^BERT").replace("|F|", "|M|")
    changed = records.phq9(9, control="R2", at="20260303080000-0700").replace(records.pid(), other)
    await county.deliver("jail-medical-hl7", records.hl7(changed))
    assert await given(county, ada) == 0
    await county.deliver("jail-medical-hl7", records.hl7(changed.replace("R2", "R3")), name="again")
    assert len(await county.services.authorities.listed(ada)) == 1
    await county.services.identities.accept(ada, asserting.staff(), why="fingerprints agree")
    assert await given(county, ada) == 2
    with pytest.raises(NotFound, match="not in doubt"):
        await county.services.identities.accept(ada, asserting.staff(), why="again")


async def test_new_weights_weigh_every_pair_anew_at_the_next_start(tmp_path):
    site = tmp_path / "site"
    first = await worlds.open_site(site)
    await first.deliver("jail-medical-hl7", records.hl7(records.phq9(4, ssn="")))
    await first.deliver("releases", records.ndjson(records.release(records.choice())))
    assert (await first.services.identities.counts())["link"] == 1
    await first.close()
    strict = identity()["weights"] | {"link": 60, "link_unnumbered": 60, "origin": "strict"}
    (site / "identity.yaml").write_text(written(strict))
    strictly = await worlds.open_site(site, first_id=500)
    assert await strictly.services.identities.counts() == {"review": 1, "link": 0, "confirmed": 0, "doubted": 0}
    await strictly.close()
    (site / "identity.yaml").write_text(written(strict | {"people": 0}))
    with pytest.raises(ConfigurationError, match=r"identity\.yaml at `people`"):
        await worlds.open_site(site, first_id=700)
    (site / "identity.yaml").unlink()
    back = await worlds.open_site(site, first_id=900)
    assert (await back.services.identities.counts())["link"] == 1
    await back.close()


async def learned(services):
    folder = services.site.folder
    return await trained(services.store, services.people.pairing, folder, day="2026-11-22", progress=lambda _: None)


async def test_a_county_learns_weights_from_its_own_records(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await worlds.ingest_all(world, worlds.extracts(tmp_path / "extracts", people=40, seed=3))
    services = world.services
    found = await learned(services)
    assert "No truth was known" in found.document["origin"]
    assert found.pairs >= found.likely > 50
    assert found.document["comparisons"]["given"]["exact"]["m"] > found.document["comparisons"]["given"]["exact"]["u"]
    await world.close()


async def test_an_empty_site_has_nothing_to_learn_from(county):
    services = county.services
    with pytest.raises(RequestError, match="too few records"):
        await learned(services)
