"""Merges by a source, by every way in: what either record forbids is forbidden for both at once, and nothing opens."""

from __future__ import annotations

from itertools import permutations

import asserting
import pytest
import records
import worlds

from adapter.identity.match import Band
from adapter.store.shapes import row_key

pytestmark = pytest.mark.anyio
MEDICAL = "jail-medical-hl7"
PRETRIAL = ("pretrial", "pretrial-release")
OTHER = "J9"
"""The number under which the jail booked her by another name."""


@pytest.fixture
async def county(tmp_path):
    made = await worlds.open_site(tmp_path / "site")
    yield made
    await made.close()


def merge(survivor=records.JAIL, prior=OTHER, *, event="A40", control="M1", named=""):
    """A merge: the prior number is the survivor's."""
    head = records.admission(control).split("\r")[0].replace("ADT^A01^ADT_A01", f"ADT^{event}^ADT_A39")
    person = named or records.pid(survivor)
    return records.hl7(f"{head}\rEVN|{event}|20260304080000-0700\r{person}\rMRG|{prior}^^^ALDERJAIL^PCN\r")


def alias(person=OTHER):
    """How she is named under the other number: nothing tells that it is she."""
    told = records.pid(person, records.OTHER_SSN).replace("MARSH^ADA", "OAK^EVE")
    return told.replace("19800402", "19751130")


def unlike(person):
    """Somebody who looks like neither."""
    return alias(person).replace("OAK^EVE", "PINE^MAY").replace("19751130", "19660707").replace(records.OTHER_SSN, "")


def booked(control="A9"):
    """The admission under the other number."""
    return records.hl7(records.admission(control, person=OTHER).replace(records.pid(OTHER), alias()))


def scored():
    return records.hl7(records.phq9(4))


def scored_elsewhere():
    """A screening under the other number, by another surname and without a number that contradicts."""
    married = records.pid(OTHER, "").replace("MARSH", "OAK")
    return records.hl7(records.phq9(9, control="R9", person=OTHER).replace(records.pid(OTHER), married))


def refusal(**changed):
    """The release of the woman of the other number: she refused, or chose."""
    signed = records.release(submission="r9", person="q9", ssn=records.OTHER_SSN, **({"refused": True} | changed))
    signed["person"] |= {"last": "Oak", "first": "Eve", "dob": "1975-11-30"}
    return records.ndjson(signed)


async def released(world):
    await world.deliver("releases", records.ndjson(records.release(records.choice())))


def state(world, one, other, feed=MEDICAL):
    pair = [row_key("Patient", world.patient(feed, key)) for key in (one, other)]
    rows = world.rows("SELECT state FROM identity_pair WHERE (patient, other) = (?, ?)", *pair)
    return Band(rows[0][0]) if rows else Band.NONE


async def seen(world, person=records.JAIL, feed=MEDICAL):
    return len(await world.matches(PRETRIAL, f"/fhir/Observation?patient={world.patient(feed, person)}"))


async def decide(world, *, same, feed=MEDICAL, numbers=(records.JAIL, OTHER)):
    one, other = (world.patient(feed, key) for key in numbers)
    await world.services.identities.decide(one, other, asserting.staff(), same=same, why="told by the jail")


STEPS = {
    "refusal": ("releases", refusal),
    "booked": (MEDICAL, booked),
    "merge": (MEDICAL, merge),
}


@pytest.mark.parametrize("order", list(permutations(STEPS)))
async def test_a_refusal_crosses_a_merge_whatever_comes_first(county, order):
    await county.deliver(MEDICAL, scored())
    await released(county)
    assert await seen(county) == 1
    for step in order:
        feed, content = STEPS[step]
        await county.deliver(feed, content(), name=step)
    assert state(county, records.JAIL, OTHER) is Band.LINK
    assert await seen(county) == 0
    await decide(county, same=False)
    assert await seen(county) == 1
    await county.deliver(MEDICAL, merge(control="M2"), name="told again")
    assert await seen(county) == 1
    await decide(county, same=True)
    assert await seen(county) == 0


async def test_a_permit_crosses_a_merge_only_once_somebody_confirms_it(county):
    await county.deliver(MEDICAL, scored() + scored_elsewhere())
    await released(county)
    await county.deliver(MEDICAL, merge(), name="merge")
    assert (await seen(county), await seen(county, OTHER)) == (1, 0)
    await decide(county, same=True)
    assert (await seen(county), await seen(county, OTHER)) == (2, 2)


async def test_a_merge_is_told_by_mllp_and_over_http_as_by_files(county):
    await county.deliver(MEDICAL, scored() + booked())
    await released(county)
    await county.deliver("releases", refusal(), name="refusal")
    assert await seen(county) == 1
    county.services.reception.take(MEDICAL, merge(), lambda _: None)
    await county.services.reception.settled()
    await county.services.intake.drain()
    assert await seen(county) == 0


async def test_a_merge_that_waited_in_quarantine_counts_when_it_is_replayed(tmp_path):
    def without(folder):
        path = folder / "mappings" / "jail_hl7.yaml"
        path.write_text(path.read_text().replace("ALDERJAIL}\nconstants", "ALDERJAIL, MSH-10: R1}\nconstants"))

    mended = worlds.copy_fictional_county
    world = await worlds.open_site(tmp_path / "site", adjust=without)
    await released(world)
    await world.deliver("releases", refusal(), name="refusal")
    await world.deliver(MEDICAL, scored() + booked() + merge())
    assert await seen(world) == 1
    await world.close()
    mended(tmp_path / "right")
    right = (tmp_path / "right" / "mappings" / "jail_hl7.yaml").read_text()
    (tmp_path / "site" / "mappings" / "jail_hl7.yaml").write_text(right)
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    for _ in range(2):
        await world.services.ingest.replay()
        assert await seen(world) == 0
        assert state(world, records.JAIL, OTHER) is Band.LINK
    await world.close()


async def test_merges_reach_as_far_as_they_are_told_one_after_the_other(county):
    await county.deliver(MEDICAL, scored() + booked())
    await released(county)
    await county.deliver("releases", refusal(), name="refusal")
    await county.deliver(MEDICAL, merge("J5", OTHER, named=unlike("J5")), name="first")
    assert await seen(county) == 1
    await county.deliver(MEDICAL, merge(records.JAIL, "J5", control="M2"), name="second")
    assert state(county, records.JAIL, OTHER) is Band.NONE
    assert await seen(county) == 0
    await county.services.in_force.rebuild(county.services.store, at=county.clock.now, progress=lambda *_: None)
    assert await seen(county) == 0
    await decide(county, same=False, numbers=("J5", OTHER))
    assert await seen(county) == 1


async def test_a_merge_that_says_nothing_new_of_the_survivor_still_counts(county):
    await county.deliver(MEDICAL, merge(prior="J7"))
    await released(county)
    await county.deliver(MEDICAL, scored() + booked(), name="scored")
    await county.deliver("releases", refusal(), name="refusal")
    assert await seen(county) == 1
    await county.deliver(MEDICAL, merge(control="M2"), name="merge")
    assert await seen(county) == 0


def clinic(*, link=(), ident="e9"):
    return records.clinic_patient(ident) | {
        "link": [{"other": {"reference": f"Patient/{to}"}, "type": kind} for kind, to in link]
    }


def eve(link=()):
    """The clinic's record of the woman of the other name."""
    named = {"name": [{"family": "Oak", "given": ["Eve"]}], "birthDate": "1975-11-30", "identifier": []}
    ssn = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": records.OTHER_SSN.replace("-", "")}]
    return clinic(link=link) | named | {"identifier": ssn}


@pytest.mark.parametrize(("kind", "first"), [("replaced-by", True), ("replaced-by", False), ("seealso", False)])
async def test_a_link_of_a_source_patient_is_a_merge_whichever_record_comes_first(county, kind, first):
    ehr = "riverside-ehr"
    told = records.ndjson(eve([(kind, records.CLINIC)]))
    await released(county)
    await county.deliver("releases", refusal(), name="refusal")
    if first:
        await county.deliver(ehr, told, name="linked")
    await county.deliver(ehr, records.ndjson(records.clinic_patient(), records.clinic_result()))
    if not first:
        assert await seen(county, records.CLINIC, ehr) == 1
        await county.deliver(ehr, told, name="linked")
    assert state(county, records.CLINIC, "e9", ehr) is Band.LINK
    assert await seen(county, records.CLINIC, ehr) == 0
    await decide(county, same=False, feed=ehr, numbers=(records.CLINIC, "e9"))
    assert await seen(county, records.CLINIC, ehr) == 1


async def test_a_link_to_itself_or_to_nobody_here_says_nothing(county):
    links = [("replaces", "e9"), ("seealso", "e404")]
    await county.deliver("riverside-ehr", records.ndjson(eve(links)))
    assert county.rows("SELECT count(*) FROM identity_pair") == [(0,)]
