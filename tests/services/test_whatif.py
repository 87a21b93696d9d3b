"""A rehearsal says what would really happen: its answer is the difference of real answers before and after."""

from __future__ import annotations

import shutil

import orjson
import pytest
import records
import worlds
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rehearsing_worlds import CONSENTS, FILE, agreement, consistent, contexts_of, difference, rehearsed, reopened, seen

from adapter.consent.bases import TREATMENT
from adapter.consent.grounds import Ground
from adapter.errors import ConfigurationError
from adapter.services.change import Change
from adapter.services.decisions import Decisions
from adapter.services.directory import organizations
from adapter.services.disclose import Disclosure
from adapter.services.whatif import WhatIf
from adapter.store.shapes import row_key

pytestmark = pytest.mark.anyio
PEOPLE = 25
PARTNERS = ("pretrial", "defender", "treatment-court", "probation", "cottonwood", "jail-medical", "court", "jail")
PURPOSES = ("pretrial-release", "diversion", "supervision", "discharge-planning", "TREAT")
CLASSES = ("screening-summary", "screening-detail", "booking", "court", "identity")
WORLDS = settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def county(tmp_path_factory):
    """A county of a few people, and who sees what of it: every context the agreements know, every resource."""
    folder = tmp_path_factory.mktemp("whatif")
    made = await worlds.open_site(folder / "site")
    await worlds.ingest_all(made, worlds.extracts(folder / "extracts", people=PEOPLE, seed=5))
    for caller in worlds.CALLERS:
        await made.services.decisions.context_of(f"Organization/{caller[0]}", caller[1])
    yield made
    await made.close()


grants = st.fixed_dictionaries(
    {
        "recipient": st.sampled_from(PARTNERS),
        "purposes": st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=3, unique=True),
        "classes": st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3, unique=True),
        "regimes": st.lists(st.sampled_from(("justice", "hipaa", "part2")), min_size=1, max_size=3, unique=True),
    }
)


@WORLDS
@given(
    kept=st.lists(st.integers(0, 5), max_size=6, unique=True),
    added=st.lists(grants, min_size=1, max_size=4),
    end=st.sampled_from([None, None, "2026-11-21", "2026-11-22"]),
    directed=st.booleans(),
)
async def test_a_changed_agreement_does_what_the_rehearsal_said(county, tmp_path_factory, kept, added, end, directed):
    changed = agreement(county)
    changed["grants"] = [changed["grants"][place] for place in kept] + added
    changed |= {"end": end, "amendments": []}
    if not directed:
        del changed["directions"]
    more = [(f"Organization/{one['recipient']}", purpose) for one in added for purpose in one["purposes"]]
    contexts = await contexts_of(county, *more)
    before = await seen(county, contexts)
    found = await rehearsed(county, changed)
    applied = await reopened(county, tmp_path_factory.mktemp("after") / "site", documents=[(FILE, changed)])
    after = await seen(applied, contexts)
    await applied.close()
    assert {tuple(one) for one in found.moved} == difference(before, after)
    consistent(found)
    assert found.change == "changed agreement `alder-mou-2026`"


async def test_a_new_agreement_releases_and_an_equal_one_changes_nothing(county, tmp_path):
    same = await rehearsed(county, agreement(county))
    assert (same.places(), same.moved) == ([], [])
    kept = {key: value for key, value in agreement(county).items() if key not in {"directions", "amendments"}}
    new = kept | {"agreement": "court-2027"}
    new["grants"] = [{"recipient": "court", "purposes": ["diversion"], "classes": ["booking"], "regimes": ["justice"]}]
    contexts = await contexts_of(county, ("Organization/court", "diversion"))
    before = await seen(county, contexts)
    found = await rehearsed(county, new)
    applied = await reopened(county, tmp_path / "after", documents=[("agreements/court.yaml", new)])
    assert {tuple(one) for one in found.moved} == difference(before, await seen(applied, contexts))
    await applied.close()
    assert found.change == "new agreement `court-2027`"


async def test_nothing_is_written(county):
    def state():
        names = [name for (name,) in county.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: county.rows(f"SELECT * FROM {name}") for name in names}

    before = state()
    changed = agreement(county)
    changed["grants"] = [
        *changed["grants"][:1],
        {"recipient": "court", "purposes": ["TREAT"], "classes": ["booking"], "regimes": ["justice"]},
    ]
    changed["amendments"] = []
    await rehearsed(county, changed, since=0)
    assert state() == before


CHOICES = st.lists(
    st.sampled_from(
        [
            records.choice(),
            records.choice("cottonwood", purposes=("TREAT",), classes=(records.MENTAL_HEALTH, records.SUBSTANCE_USE)),
            records.choice("treatment-court", purposes=("diversion",)),
            records.choice("jail-medical", purposes=("TREAT", "discharge-planning")),
        ]
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one["partner"],
)


@WORLDS
@given(first=CHOICES, second=CHOICES, new=st.booleans(), revoked=st.booleans(), coded=st.booleans())
async def test_a_consent_does_what_the_rehearsal_said(tmp_path_factory, first, second, new, revoked, coded):
    folder = tmp_path_factory.mktemp("consent")
    world = await worlds.open_site(folder / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4), records.phq9(21, control="R2")))
    drugs = records.clinic_result("o2", code="82667-7", score=7, unit="riverside-otp")
    await world.deliver("riverside-ehr", records.ndjson(records.clinic_patient(), records.clinic_result(), drugs))
    await world.deliver("releases", records.ndjson(records.release(*first)))
    revocations = [{"at": "2026-06-01T10:00:00-07:00", "partners": "all"}] if revoked else []
    changed = records.release(*second, submission="r2" if new else "r1", revocations=revocations)
    contexts = await contexts_of(world)
    before = await seen(world, contexts)
    # What the release becomes is read from a copy in which it really arrived.
    applied = await reopened(world, folder / "after")
    await applied.deliver("releases", records.ndjson(changed), name="later")
    known = {orjson.loads(body)["id"] for (body,) in world.rows(CONSENTS)}
    consents = [orjson.loads(body) for (body,) in applied.rows(CONSENTS)]
    (consent,) = [one for one in consents if (one["id"] not in known) == new]
    if coded:
        consent["provision"]["provision"][0]["code"] = [{"coding": [{"system": "urn:x", "code": "none"}]}]
    found = await rehearsed(world, consent)
    kept = {name for names in before.values() for name in names}
    after = await seen(applied, contexts)
    await applied.close()
    if not coded:
        # With a release come its shares, records of their own that show the registry's Patient to their recipients.
        shared = f"Patient/{world.patient('releases', records.REGISTRY)}"
        real = {one for one in difference(before, after) if not one[2].startswith("Consent/") and one[2] != shared}
        told = {tuple(one) for one in found.moved}
        assert {one for one in told if not one[2].startswith("Consent/") and one[2] != shared} == real
    else:
        assert {one.resource for one in found.moved if not one.released} <= kept
    consistent(found)
    assert found.change == f"{'new' if new else 'changed'} Consent `{consent['id']}`"
    await world.close()


async def test_a_consent_that_asks_for_single_records_is_decided_record_by_record(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    ((body,),) = world.rows(CONSENTS)
    consent = orjson.loads(body)
    inner = consent["provision"]["provision"][0]
    for code, moved in (("phq-9-level", set()), ("none", {"Observation", "Patient"})):
        system = "https://sallyport.example/fhir/CodeSystem/jbh-result-code"
        inner["code"] = [{"coding": [{"system": system, "code": code}]}]
        found = await rehearsed(world, consent)
        assert {one.resource.partition("/")[0] for one in found.moved} == moved
        assert not found.released
    await world.close()


async def test_single_records_are_decided_on_the_side_where_a_consent_asks_for_them(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    await world.deliver("releases", records.ndjson(records.release(records.choice())))
    ((plain,),) = world.rows(CONSENTS)
    for code, passes in (("phq-9-level", True), ("none", False)):
        system = "https://sallyport.example/fhir/CodeSystem/jbh-result-code"
        asks = f'"code":[{{"coding":[{{"system":"{system}","code":"{code}"}}]}}],"class":'
        world.services.store._writer.execute(
            "UPDATE resource SET version = ?, tail = CAST(replace(CAST(tail AS TEXT), '\"class\":', ?) AS BLOB) "
            "WHERE type = 6 AND CAST(head AS TEXT) NOT LIKE '%consent-share%'",
            (code, asks),
        )
        async with world.services.store.transaction() as change:
            patient = row_key("Patient", world.patient("jail-medical-hl7", records.JAIL))
            await world.services.in_force.refresh(change, [patient], at=world.clock.now)
        changed = agreement(world)
        changed["grants"] = [one for one in changed["grants"] if one["recipient"] != "pretrial"]
        less = await rehearsed(world, changed)
        kinds = {one.resource.partition("/")[0] for one in less.moved if "Consent" not in one.resource}
        assert ("Observation" in kinds) is passes
        more = await rehearsed(world, orjson.loads(plain))
        assert ({one.resource.partition("/")[0] for one in more.moved if one.released} >= {"Observation"}) is not passes
    await world.close()


class Lenient:
    """A law under which treatment at the clinic stands by itself, and nothing goes to pretrial services."""

    fingerprint = "lenient"

    def stops(self, facts, recipient, segment):
        return "counsel said so" if recipient.organisation == "Organization/pretrial" else None

    def with_consent(self, recipient, segment):
        return ()

    def silences(self, body, facts, recipient, segment):
        return None

    def standing(self, facts, recipient, segment, *, refused):
        permits = recipient.organisation == "Organization/cottonwood" and segment.regime == "hipaa"
        return [Ground(basis=TREATMENT, permits=permits, rule="treatment", because="it is so")]


async def test_another_law_does_what_the_rehearsal_said(county, tmp_path):
    decisions = county.services.decisions.rehearsed(law=Lenient())
    change = Change(what="another law", decisions=decisions, same_rules=False)
    contexts = await contexts_of(county)
    before = await seen(county, contexts)
    found = await county.services.whatif.rehearse(change, listed=True, since=0)
    copied = await reopened(county, tmp_path / "after")
    services = copied.services
    lawful = Decisions(
        services.store, services.agreements, organizations(services.site.partners), services.zone, Lenient()
    )
    await lawful.start()
    gate = Disclosure(services.store, services.ledger, lawful, copied.clock)
    assert {tuple(one) for one in found.moved} == difference(before, await seen(copied, contexts, gate=gate))
    assert "Organization/pretrial" in {one.recipient for one in found.moved if not one.released}
    await copied.close()


OVERLAY = {
    "overlay": "alder-test",
    "title": "Nothing about mental health into proceedings",
    "sources": ["county ordinance 1"],
    "proceeding_bar": ["MH"],
    "fact_of_treatment_protected": True,
    "tpo_narrowing": ["MH"],
}


async def test_a_new_overlay_does_what_the_rehearsal_said(county, tmp_path):
    contexts = await contexts_of(county)
    before = await seen(county, contexts)
    found = await rehearsed(county, OVERLAY)
    site = (county.services.site.folder / "site.toml").read_text()
    shutil.copytree(county.services.site.folder, tmp_path / "after")
    (tmp_path / "after" / "overlays").mkdir()
    (tmp_path / "after" / "overlays" / "test.yaml").write_text(yaml.safe_dump(OVERLAY))
    (tmp_path / "after" / "site.toml").write_text(site.replace("overlays = []", 'overlays = ["alder-test"]'))
    applied = await worlds.open_site(tmp_path / "after", now=county.clock.now, first_id=500_000)
    assert {tuple(one) for one in found.moved} == difference(before, await seen(applied, contexts))
    again = await rehearsed(applied, OVERLAY)
    assert (again.change, again.moved) == ("changed overlay `alder-test`", [])
    none = await rehearsed(applied, {"overlays": [], "enabled": []})
    assert {(*one[:3], not one[3]) for one in found.moved} == {tuple(one) for one in none.moved}
    assert none.change == "changed `overlays` and `enabled` of the site"
    await applied.close()
    assert found.change == "new overlay `alder-test`"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"overlays": ["nowhere"]}, "overlays"),
        ({"overlays": 1}, "overlays"),
        ({"overlay": "alder-test"}, "title"),
        ({"enabled": ["nothing"]}, "enabled"),
    ],
)
async def test_law_that_is_wrong_is_told_with_its_place(county, document, where):
    with pytest.raises(ConfigurationError) as error:
        await county.services.changes.read(document, "change.yaml")
    assert any(where in problem.path for problem in error.value.problems)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, ""),
        ([], ""),
        ({"resourceType": "Patient"}, ""),
        ({"agreement": "x"}, "title"),
        ({"resourceType": "Consent", "status": "odd"}, "status"),
    ],
)
async def test_what_is_no_change_is_told_with_its_place(county, document, where):
    with pytest.raises(ConfigurationError) as error:
        await county.services.changes.read(document, "change.yaml")
    assert any(where in problem.path for problem in error.value.problems)
    assert all(problem.where == "change.yaml" for problem in error.value.problems)


async def test_a_consent_of_nobody_here_is_told(county):
    ((body,), *_) = county.rows(CONSENTS)
    for patient in ({"reference": "Patient/absent"}, {"display": "somebody"}, {"reference": "Organization/jail"}):
        with pytest.raises(ConfigurationError, match=r"patient"):
            await county.services.changes.read(orjson.loads(body) | {"patient": patient}, "x.json")


async def test_progress_is_told_context_by_context(county):
    told = []
    change = await county.services.changes.read(agreement(county) | {"end": "2026-11-21"}, "x")
    whatif = WhatIf(county.services.store, county.services.ledger, county.services.decisions, county.services.now)
    found = await whatif.rehearse(change, progress=lambda *numbers: told.append(numbers))
    assert [place for _, place, _ in told] == list(range(1, found.contexts + 1))
    assert told[-1][0] == found.decisions > 0
    assert {of for _, _, of in told} == {found.contexts}
    assert found.withheld.total() > 0
