"""What becomes an event, in which order, and what is taken back: one person, one change at a time."""

from __future__ import annotations

import pytest
import records
import subscribers
import worlds
from asserting import staff
from subscribers import COTTONWOOD, settle, subscribe, subscription

from adapter.delivery.ways import Received

pytestmark = pytest.mark.anyio
FEED = "jail-medical-hl7"
RELEASE = records.choice("cottonwood", purposes=("TREAT",))
REVOKED = [{"at": "2026-03-05T10:00:00-07:00", "partners": "all"}]
ORDER = "C.R.S. 24-72-702, order 2026CR88"


@pytest.fixture
async def ada(tmp_path):
    """A county that knows of a release signed by somebody, with an active subscription to everyone."""
    world = await worlds.open_site(tmp_path / "site", adjust=subscribers.register)
    world.receiver = subscribers.attach(world)
    yield world
    await world.close()


async def screen(world, score=4, **more):
    await world.deliver(FEED, records.hl7(records.phq9(score, **more)), f"s{score}{sorted(more.items())}")


async def sign(world, *choices, **changed):
    release = records.release(*(choices or (RELEASE,))) | changed
    await world.deliver("releases", records.ndjson(release), f"r{sorted(changed)}")


async def active(world, document=None, caller=COTTONWOOD):
    ident = await subscribe(world, document, caller=caller)
    await settle(world)
    return ident


async def test_a_screening_of_hour_1_is_told_when_the_release_is_signed_in_hour_30(ada):
    await active(ada)
    await screen(ada)
    await settle(ada)
    assert ada.receiver.events() == []
    ada.clock.forward(hours=29)
    await sign(ada)
    await settle(ada)
    ((number, focus, notice),) = ada.receiver.events()
    assert (number, notice) == (1, "")
    assert focus.startswith("Observation/")
    await settle(ada)
    assert len(ada.receiver.events()) == 1


async def test_an_amended_summary_is_told_again_and_what_is_withheld_leaves_no_gap(ada):
    await sign(ada)
    await active(ada)
    await screen(ada, 4, control="R1")
    await settle(ada)
    await screen(ada, 9, control="X1", person="J9", ssn=records.OTHER_SSN)
    await settle(ada)
    await screen(ada, 17, control="R1", status="C")
    await settle(ada)
    told = ada.receiver.events()
    assert [number for number, _, _ in told] == [1, 2]
    assert len({focus for _, focus, _ in told}) == 1


async def test_a_revocation_between_event_and_sending_stops_it_without_a_trace(ada):
    await sign(ada)
    await active(ada)
    ada.receiver.answers = [Received(taken=False, why="status 500")]
    await screen(ada, 4, control="R1")
    # Looked at, but nobody has sent it yet.
    await ada.services.notifying.announcements._reconciler.look()
    assert ada.rows("SELECT count(*) FROM subscription_event") == [(1,)]
    await sign(ada, revocations=REVOKED)
    await settle(ada)
    assert ada.receiver.events() == []
    assert ada.rows("SELECT events FROM subscription") == [(0,)]
    assert ada.rows("SELECT count(*) FROM subscription_event") == [(0,)]


async def test_a_token_that_the_county_took_back_ends_what_was_subscribed_with_it(ada):
    await sign(ada)
    await active(ada)
    (token,) = [one for one in await ada.services.store.tokens() if one.organisation == "Organization/cottonwood"]
    async with ada.services.store.transaction() as change:
        assert await change.revoke_token(token.digest)
    await screen(ada)
    await settle(ada)
    assert ada.receiver.events() == []


async def test_what_was_not_told_for_a_revocation_is_news_when_it_is_permitted_again(ada):
    await sign(ada)
    await active(ada)
    await screen(ada)
    await ada.services.notifying.announcements._reconciler.look()
    await sign(ada, revocations=REVOKED)
    await settle(ada)
    await sign(ada, submission="r2", signed="2026-04-01T10:00:00-07:00")
    await settle(ada)
    assert [number for number, _, _ in ada.receiver.events()] == [1]


async def test_after_a_revocation_prior_recipients_are_told_to_stop(ada):
    await sign(ada)
    await active(ada)
    await screen(ada)
    await settle(ada)
    await sign(ada, revocations=REVOKED)
    await settle(ada)
    (_, focus, _), stop = ada.receiver.events()
    assert stop == (2, focus, "no-longer-permitted")
    (entry,) = ada.receiver.bundles("event-notification")[-1]["entry"][1:]
    assert "resource" not in entry
    await sign(ada, submission="r2", signed="2026-04-01T10:00:00-07:00")
    await settle(ada)
    assert ada.receiver.events()[2] == (3, focus, "")


@pytest.mark.parametrize("content", ["id-only", "full-resource", "empty"])
async def test_after_a_sealing_what_was_told_is_recalled_without_content(ada, content):
    await sign(ada)
    await active(ada, subscription(content=content))
    await screen(ada)
    await settle(ada)
    (summary,) = await ada.matches(COTTONWOOD, "/fhir/Observation?category=survey")
    await ada.services.sealing.seal(f"Observation/{summary['id']}", staff(), authority=ORDER)
    await settle(ada)
    focus = None if content == "empty" else f"Observation/{summary['id']}"
    assert ada.receiver.events() == [(1, focus, ""), (2, focus, "entered-in-error")]
    first, last = ada.receiver.bundles("event-notification")
    held = [entry.get("resource") for entry in first["entry"][1:]]
    assert held == ([] if content == "empty" else [summary if content == "full-resource" else None])
    assert [entry.get("resource") for entry in last["entry"][1:]] == ([] if content == "empty" else [None])


async def test_what_was_never_told_is_not_recalled(ada):
    await sign(ada)
    await screen(ada)
    await active(ada)
    (summary,) = await ada.matches(COTTONWOOD, "/fhir/Observation?category=survey")
    await ada.services.sealing.seal(f"Observation/{summary['id']}", staff(), authority=ORDER)
    await settle(ada)
    assert ada.receiver.events() == []


async def test_a_subscription_to_one_patient_needs_no_right_and_tells_of_nobody_else(ada):
    ada.tokens[COTTONWOOD] = await ada.services.tokens.issue(
        client="test", organisation="Organization/cottonwood", purposes=["TREAT"], lifetime=3600
    )
    await sign(ada)
    await sign(ada, person=records.release()["person"] | {"id": "q9", "ssn": records.OTHER_SSN}, submission="r9")
    patient = ada.patient(FEED, records.JAIL)
    refused = await subscribers.send(ada, COTTONWOOD, "POST", "/fhir/Subscription", subscription())
    assert refused.status_code == 403
    await active(ada, subscription(filters=[f"Observation?patient=Patient/{patient}"]))
    await screen(ada, 4, control="R1")
    await screen(ada, 5, control="X1", person="J9", ssn=records.OTHER_SSN)
    await settle(ada)
    (_, focus, _) = ada.receiver.events()[0]
    assert len(ada.receiver.events()) == 1
    (own,) = await ada.matches(COTTONWOOD, f"/fhir/Observation?patient={patient}")
    assert focus == f"Observation/{own['id']}"


async def test_filters_by_instrument_and_result_category(ada):
    await sign(ada)
    asked = ("Observation?code=phq-9-level", "Observation?code=c-ssrs-level", "result=negative", "result=high")
    idents = [await active(ada, subscription(filters=[one])) for one in asked]
    await screen(ada)
    await settle(ada)
    told = [one.row.id for one in ada.receiver.got if one.kind == "event-notification"]
    assert sorted(told) == sorted([idents[0], idents[2]])


async def test_custody_booked_moved_and_released_to_whom_it_may_be_told(ada):
    """The registry's feed tells no Encounter; the jail's own unit sees its bookings."""
    subscribers.register(ada.services.site.folder, partner="jail")
    jail = ("jail", "supervision")
    await ada.close()
    folder = ada.services.site.folder
    world = await worlds.open_site(folder, first_id=500)
    world.receiver = subscribers.attach(world)
    worlds.RIGHTS["jail"] = ()
    patient = world.patient("jail-roster", records.JAIL)
    for topic in ("booked", "moved", "released"):
        asked = subscription(topic, filters=[f"Encounter?patient={patient}"])
        await active(world, asked, caller=jail)
    await world.deliver("jail-roster", records.roster(records.roster_row()), "one")
    await settle(world)
    kinds = [one.row.topic for one in world.receiver.got if one.kind == "event-notification"]
    assert kinds == ["booked"]
    released = records.roster_row(released="2026-03-20 09:00:00")
    await world.deliver("jail-roster", records.roster(released), "two")
    await settle(world)
    kinds = [one.row.topic for one in world.receiver.got if one.kind == "event-notification"]
    assert kinds == ["booked", "released"]
    ada.close = world.close


async def test_consent_granted_changed_and_revoked_is_told_to_its_parties_only(ada):
    await active(ada, subscription("consent"))
    defender = ("defender", "diversion")
    await sign(ada)
    await settle(ada)
    ((_, focus, _),) = ada.receiver.events()
    assert focus.startswith("Consent/")
    (share,) = await ada.matches(COTTONWOOD, f"/fhir/Consent?patient={ada.patient('releases', records.REGISTRY)}")
    assert focus == f"Consent/{share['id']}"
    await sign(ada, revocations=REVOKED)
    await settle(ada)
    assert ada.receiver.events()[1][1] == focus
    assert await ada.matches(defender, f"/fhir/Consent?patient={ada.patient('releases', records.REGISTRY)}") == []


async def test_a_consent_that_is_about_to_expire_is_told_thirty_days_ahead(ada):
    await active(ada, subscription("consent-expiring"))
    await sign(ada)
    await settle(ada)
    assert ada.receiver.events() == []
    ada.clock.set("2027-01-30T12:00:00-07:00")
    await settle(ada)
    assert ada.receiver.events() == []
    ada.clock.set("2027-01-31T12:00:00-07:00")
    await settle(ada)
    assert [number for number, _, _ in ada.receiver.events()] == [1]


async def test_an_unlinked_record_that_was_told_is_recalled(ada):
    """Told of one record because it was another's: when they are no longer one person, it is taken back."""
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_patient()), "p")
    await sign(ada)
    await screen(ada)
    clinic = ada.patient("riverside-ehr", records.CLINIC)
    jail = ada.patient(FEED, records.JAIL)
    await active(ada, subscription(filters=[f"patient={jail}"]))
    await ada.deliver("riverside-ehr", records.ndjson(records.clinic_result()), "o")
    await settle(ada)
    told = ada.receiver.events()
    assert len(told) == 1
    await ada.services.identities.unlink(jail, clinic, staff(), why="two people")
    await settle(ada)
    assert ada.receiver.events()[1:] == [(2, told[0][1], "entered-in-error")]


async def test_an_event_of_an_intermediary_has_to_be_permitted_to_those_it_hands_on_to(ada):
    """The exchange and its participant: what one of them may not have is told to neither."""
    asked = subscription(recipients=["defender"])
    refused = await subscribers.send(ada, COTTONWOOD, "POST", "/fhir/Subscription", asked)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (403, ["Subscription.extension"])
    ada.services.subscriptions.intermediaries.add("Organization/cottonwood")
    bare = await subscribers.send(ada, COTTONWOOD, "POST", "/fhir/Subscription", subscription())
    assert bare.status_code == 403
    await active(ada, subscription(recipients=["defender"]))
    await active(ada, subscription(recipients=["riverside-main"]))
    await sign(ada)
    await screen(ada)
    await settle(ada)
    # Cottonwood alone may have it.
    assert [focus for _, focus, _ in ada.receiver.events()] == []
    ada.services.subscriptions.intermediaries.discard("Organization/cottonwood")
    own = await active(ada, subscription())
    await screen(ada, 17, control="R1", status="C")
    await settle(ada)
    told = [one.row.id for one in ada.receiver.got if one.kind == "event-notification"]
    assert told == [own]
