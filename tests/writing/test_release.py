"""A signed release in one transaction: what it opens, what it lacks, and that no Consent opens anything by itself."""

from __future__ import annotations

import pytest
import worlds
import writers
from writers import FORM, answered, choice, entry, release, urn

pytestmark = pytest.mark.anyio
PRETRIAL = ("pretrial", "pretrial-release")


@pytest.fixture
async def world(tmp_path):
    made = await worlds.open_site(tmp_path / "site", adjust=writers.may_send_releases)
    yield made
    await made.close()


async def signed(world, subject, *items, **how):
    return await writers.transact(
        world, *release(f"Patient/{subject}", *items, **how), headers={"Prefer": "return=representation"}
    )


async def test_a_signed_release_opens_the_summary_to_whom_it_names(world):
    subject = await writers.registered(world)
    await writers.written(world, writers.phq9(subject))
    assert await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}") == []
    answer = await signed(world, subject)
    assert answer.status_code == 200, answer.text
    consent = answer.json()["entry"][2]["resource"]
    assert "provision" not in consent  # its writer has it back as it was sent
    assert len(await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}")) == 1
    assert await world.matches(("probation", "supervision"), f"/fhir/Observation?patient={subject}") == []
    for one in answer.json()["entry"]:
        name = one["fullUrl"].removeprefix(worlds.BASE)
        assert (await world.ask(PRETRIAL, f"/fhir{name}")).status_code == 404


async def test_a_revocation_holds_for_the_next_request(world):
    subject = await writers.registered(world)
    await writers.written(world, writers.phq9(subject))
    made = (await signed(world, subject)).json()["entry"]
    form, consent = made[0]["resource"], made[2]["resource"]
    revoked = {
        "linkId": "revocations",
        "item": [answered("revocations.at", "2026-11-22T09:00:00-07:00"), answered("revocations.partners", "all")],
    }
    form["item"].append(revoked)
    alone = await writers.send(world, "PUT", f"/QuestionnaireResponse/{form['id']}", form)
    assert alone.status_code == 422
    again = [
        entry("PUT", f"QuestionnaireResponse/{form['id']}", form),
        entry("PUT", f"DocumentReference/{made[1]['resource']['id']}", made[1]["resource"]),
        entry("PUT", f"Provenance/{made[3]['resource']['id']}", made[3]["resource"]),
    ]
    wrong = await writers.transact(world, *again, entry("PUT", f"Consent/{consent['id']}", consent))
    assert writers.said(wrong)[0][1] == "Bundle.entry[3].resource.status"
    consent["status"] = "inactive"
    answer = await writers.transact(world, *again, entry("PUT", f"Consent/{consent['id']}", consent))
    assert answer.status_code == 200, answer.text
    assert await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}") == []


@pytest.mark.parametrize(
    ("items", "lacking", "named", "place"),
    [
        ((*FORM[:1], *FORM[2:], choice()), (), "`expires`", "entry[0].resource.item.where(linkId='expires')"),
        ((*FORM[:2], FORM[3], choice()), (), "`copy_given`", "entry[0].resource.item.where(linkId='copy_given')"),
        (
            (*FORM[:3], choice()),
            (),
            "`signature.name`",
            "entry[0].resource.item.where(linkId='signature').item.where(linkId='signature.name')",
        ),
        (
            (*FORM, choice(), {"linkId": "part2", "item": [answered("part2.signed", valueBoolean=True)]}),
            (),
            "`part2.discloser`",
            "entry[0].resource.item.where(linkId='part2').item.where(linkId='part2.discloser')",
        ),
        ((*FORM[1:], choice()), (), "`signed`", "entry[0].resource.item.where(linkId='signed')"),
        ((*FORM, choice("nobody")), (), "unknown-partner", "entry[0].resource.item"),
        ((), ("DocumentReference",), "scan", "entry[1].resource"),
        ((), ("Provenance",), "Provenance", "entry[2].resource"),
    ],
)
async def test_what_the_law_asks_for_and_is_not_there_is_named(world, items, lacking, named, place):
    subject = await writers.registered(world)
    before = world.rows("SELECT count(*) FROM written")
    answer = await signed(world, subject, *items, lacking=lacking)
    assert answer.status_code == 422
    assert any(named in told and f"Bundle.{place}" in where for told, where in writers.said(answer)), answer.text
    assert world.rows("SELECT count(*) FROM written") == before


async def test_somebody_who_signs_for_the_person_is_named(world):
    subject = await writers.registered(world)
    signer = {
        "linkId": "signer",
        "item": [
            answered("signer.capacity", "guardian"),
            answered("signer.name", "R. Quillan"),
            answered("signer.authority", "letters of guardianship 2026-4"),
        ],
    }
    items = (*FORM, choice(), signer)
    assert "RelatedPerson" in writers.said(await signed(world, subject, *items))[0][0]
    person = {
        "resourceType": "RelatedPerson",
        "patient": {"reference": f"Patient/{subject}"},
        "name": [{"text": "R. Q."}],
    }
    entries = release(f"Patient/{subject}", *items, more=[{"who": {"reference": urn(905)}}])
    answer = await writers.transact(world, *entries, entry("POST", "RelatedPerson", person, full_url=urn(905)))
    assert answer.status_code == 200, answer.text


async def test_a_consent_by_itself_can_only_deny_and_is_never_deleted(world):
    subject = await writers.registered(world)
    await writers.written(world, writers.phq9(subject))
    base = release(f"Patient/{subject}")[2]["resource"]
    base.pop("sourceReference")
    permit = {"type": "deny", "provision": [{"type": "permit"}]}
    for provision in (None, {"type": "permit"}, permit, {"type": "deny", "provision": [permit]}):
        body = base | ({"provision": provision} if provision else {})
        assert (await writers.send(world, "POST", "/Consent", body)).status_code == 422
    series = {
        "system": "https://sallyport.example/fhir/identifier/release-series",
        "value": f"universal-release/{subject}",
    }
    numbered = base | {"provision": {"type": "deny"}, "identifier": [series]}
    replacing = await writers.send(world, "POST", "/Consent", numbered)
    assert (replacing.status_code, writers.said(replacing)[0][1]) == (422, "Consent.identifier[0].system")
    made = await signed(world, subject)
    assert made.status_code == 200
    refusal = await writers.send(world, "POST", "/Consent", base | {"provision": {"type": "deny"}})
    assert refusal.status_code == 201
    assert await world.matches(PRETRIAL, f"/fhir/Observation?patient={subject}") == []
    kept = refusal.json()
    for ident in (kept["id"], made.json()["entry"][2]["resource"]["id"]):
        assert (await writers.send(world, "DELETE", f"/Consent/{ident}")).status_code == 409
    for status in ("inactive", "entered-in-error", "rejected"):
        ended = await writers.send(world, "PUT", f"/Consent/{kept['id']}", kept | {"status": status})
        assert ended.status_code == 422
    assert (await writers.send(world, "DELETE", f"/Patient/{subject}")).status_code == 409


async def test_a_consent_with_provisions_of_its_own_is_refused(world):
    subject = await writers.registered(world)
    entries = release(f"Patient/{subject}")
    entries[2]["resource"]["provision"] = {"type": "permit"}
    answer = await writers.transact(world, *entries)
    assert (answer.status_code, writers.said(answer)[0][1]) == (422, "Bundle.entry[2].resource.provision")


@pytest.mark.parametrize("lost", ["signer", "signer.capacity"])
@pytest.mark.parametrize("part", [None, "author", "informant"])
async def test_a_form_that_does_not_say_who_signed_is_none_of_the_persons_own(world, lost, part):
    """The Provenance tells that another signed; read without the signer it would be signed by the person."""
    subject = await writers.registered(world)
    rest = [answered("signer.name", "R. Quillan"), answered("signer.authority", "letters of guardianship 2026-4")]
    signer = () if lost == "signer" else ({"linkId": "signer", "item": rest},)
    person = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{subject}"}, "name": [{"text": "R."}]}
    system = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    agent = {"who": {"reference": urn(905)}} | (
        {"type": {"coding": [{"system": system, "code": part}]}} if part else {}
    )
    entries = release(f"Patient/{subject}", *FORM, choice(), *signer, more=[agent])
    answer = await writers.transact(world, *entries, entry("POST", "RelatedPerson", person, full_url=urn(905)))
    if part == "informant":
        assert answer.status_code == 200, answer.text
        return
    assert answer.status_code == 422
    ((told, where),) = writers.said(answer)
    assert "in what capacity" in told
    assert "item.where(linkId='signer').item.where(linkId='signer.capacity')" in where
