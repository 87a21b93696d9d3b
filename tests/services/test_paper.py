"""Paper that staff has in hand goes the way of every release, and a revocation is never undone by an older export."""

from __future__ import annotations

import asserting
import orjson
import pytest
import records
import worlds
from asserting import staff, summaries

from adapter.errors import NotFound, RequestError
from adapter.services.revocations import with_revocations
from adapter.source import Malformed, Position, SourceRecord

pytestmark = pytest.mark.anyio
PRETRIAL, DEFENDER = ("pretrial", "pretrial-release"), ("defender", "diversion")
CHOICES = (records.choice(), records.choice("defender", purposes=("diversion",)))


@pytest.fixture
async def ada(world):
    """Ada, with a PHQ-9 at the jail and the law of the site asked."""
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    world.ada = world.patient("jail-medical-hl7", records.JAIL)
    return world


async def seen(world):
    return await summaries(world, PRETRIAL, world.ada), await summaries(world, DEFENDER, world.ada)


async def take(world, form=None, name="universal-release"):
    return await world.services.papers.record(name, orjson.dumps(form or records.release(*CHOICES)), staff())


async def export(world, *forms):
    await world.deliver("releases", records.ndjson(*(forms or (records.release(*CHOICES),))), "export.ndjson")


async def test_a_paper_consent_opens_what_it_says_and_is_kept_raw(ada):
    assert await seen(ada) == (0, 0)
    taken = await take(ada)
    assert (taken.patient, taken.waiting) == (ada.patient("releases", records.REGISTRY), [])
    assert await seen(ada) == (1, 1)
    (receipt,) = await ada.services.inbox.receipts("releases")
    assert ada.services.inbox.open(receipt.id).stream.read().strip() == orjson.dumps(records.release(*CHOICES))


async def test_who_took_it_in_stands_in_the_ledger(ada):
    taken = await take(ada)
    entries = [entry async for entry, *_ in ada.services.ledger.entries() if entry.interaction == "record-consent"]
    assert [(entry.client, entry.target) for entry in entries] == [
        ("R. Desk", f"Patient/{taken.patient} receipt {taken.report.receipt}")
    ]


async def test_the_same_paper_again_changes_nothing(ada):
    first = await take(ada)
    held = ada.rows("SELECT id, version FROM resource WHERE type = 6 ORDER BY id")
    assert (await take(ada)).report.receipt == first.report.receipt
    assert ada.rows("SELECT id, version FROM resource WHERE type = 6 ORDER BY id") == held != []


async def test_the_same_paper_after_an_export_said_otherwise_is_news(ada):
    await take(ada)
    await export(ada, records.release(CHOICES[0]))
    assert await seen(ada) == (1, 0)
    await take(ada)
    assert await seen(ada) == (1, 1)


async def test_a_deficient_paper_waits_and_denies_until_it_is_mended(ada):
    await export(ada)
    taken = await take(ada, records.release(*CHOICES, expires=None))
    assert [one.code for one in taken.waiting] == ["deficient"]
    assert await seen(ada) == (0, 0)
    assert (await take(ada)).waiting == []
    assert await seen(ada) == (1, 1)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"form":"another"}', "another form"),
        (b'{"form":"universal-release"}', "submission"),
        (b'{"form":"universal-release","submission":"r1","person":{}}', "person.id"),
        (b'{"form":"universal-release","submission":"r1","person":"q1"}', "person.id"),
    ],
)
async def test_what_is_no_form_at_all_is_refused_and_not_kept(ada, content, told):
    with pytest.raises(RequestError, match=told):
        await ada.services.papers.record("universal-release", content, staff())
    assert await ada.services.inbox.receipts("releases") == []


async def test_a_form_that_no_feed_takes_is_refused(ada):
    with pytest.raises(RequestError, match="expected one of condition-of-release, proceedings, universal-release"):
        await take(ada, name="other")


# -- revocations -------------------------------------------------------------------------------------


async def test_a_revocation_of_one_partner_leaves_the_others(ada):
    await export(ada)
    await ada.services.papers.revoke("r1", ["pretrial"], staff())
    assert await seen(ada) == (0, 1)


async def test_a_revocation_of_everything_leaves_nothing(ada):
    await export(ada)
    await ada.services.papers.revoke("r1", [], staff())
    assert await seen(ada) == (0, 0)


async def test_revocations_add_up(ada):
    await export(ada)
    for partner in ("pretrial", "defender"):
        await ada.services.papers.revoke("r1", [partner], staff())
    assert await seen(ada) == (0, 0)
    raw = [
        orjson.loads(ada.services.inbox.open(one.id).stream.read())
        for one in (await ada.services.inbox.receipts("releases"))[1:]
    ]
    assert [[one["partners"] for one in form["revocations"]] for form in raw] == [
        [["pretrial"]],
        [["pretrial"], ["defender"]],
    ]


async def test_the_same_revocation_again_is_the_one_that_was_recorded(ada):
    await export(ada)
    first = await ada.services.papers.revoke("r1", ["pretrial"], staff())
    ada.clock.forward(hours=1)
    again = await ada.services.papers.revoke("r1", ["pretrial"], staff())
    assert again.report.receipt == first.report.receipt
    assert ada.rows("SELECT count(*) FROM revocation") == [(1,)]


async def test_a_registry_that_has_not_heard_of_it_does_not_undo_it(ada):
    await export(ada)
    await ada.services.papers.revoke("r1", ["pretrial"], staff())
    await export(ada, records.release(*CHOICES), records.release(submission="r2", person="q2", ssn=None))
    assert await seen(ada) == (0, 1)


async def test_a_replay_of_a_mended_form_does_not_undo_it(ada):
    await export(ada, records.release(*CHOICES, version="2099-1"))
    await ada.services.papers.revoke("r1", [], staff())
    await ada.services.ingest.replay("releases")
    await export(ada)
    assert await seen(ada) == (0, 0)


async def test_a_form_signed_later_is_another_form(ada):
    await export(ada)
    await ada.services.papers.revoke("r1", [], staff())
    await take(ada, records.release(*CHOICES, submission="r9"))
    assert await seen(ada) == (1, 1)


async def test_the_last_state_of_a_form_is_the_one_that_is_revoked(ada):
    await export(ada)
    narrower = records.release(records.choice("defender", purposes=("diversion",)))
    await export(ada, narrower)
    await ada.services.papers.revoke("r1", ["pretrial"], staff())
    assert (await ada.services.papers.find("r1")).values["choices"] == narrower["choices"]
    assert await seen(ada) == (0, 1)


async def test_a_form_that_never_came_cannot_be_revoked(ada):
    await export(ada)
    with pytest.raises(NotFound):
        await ada.services.papers.revoke("r7", [], staff())


async def test_a_submission_of_two_people_is_not_guessed(ada):
    await export(ada, records.release(*CHOICES), records.release(person="q2", ssn=None))
    with pytest.raises(RequestError, match="several people"):
        await ada.services.papers.revoke("r1", [], staff())
    assert await seen(ada) == (1, 1)


async def test_a_form_that_no_mapping_can_read_is_told_and_not_revoked(ada):
    nobody = records.release(*CHOICES)
    del nobody["person"]
    await export(ada, nobody)
    with pytest.raises(RequestError, match=r"cannot be read: missing-key at `person\.id`"):
        await ada.services.papers.revoke("r1", [], staff())


async def test_a_paper_of_a_submission_that_two_people_share_is_taken_in_again(ada):
    await take(ada)
    await export(ada, records.release(*CHOICES), records.release(person="q2", ssn=None))
    before = len(await ada.services.inbox.receipts("releases"))
    await take(ada)
    assert len(await ada.services.inbox.receipts("releases")) == before + 1


async def test_word_of_mouth_holds_at_once_until_the_paper_comes(ada):
    await export(ada)
    patient, held = await ada.services.papers.hold("r1", ["pretrial"], staff())
    assert patient == ada.patient("releases", records.REGISTRY)
    assert await seen(ada) == (0, 1)
    taken = await ada.services.papers.revoke("r1", ["pretrial"], staff())
    assert taken.released == held
    assert await seen(ada) == (0, 1)
    (one,) = await ada.services.authorities.listed(ada.ada)
    assert (one.fact.stop, one.acts[0].words) == (ada.clock.now, "the written revocation came")


async def test_the_paper_of_one_partner_leaves_the_holds_of_the_others(ada):
    await export(ada)
    _, held = await ada.services.papers.hold("r1", ["pretrial", "defender"], staff())
    assert (len(held), await seen(ada)) == (2, (0, 0))
    taken = await ada.services.papers.revoke("r1", ["pretrial"], staff())
    assert len(taken.released) == 1
    assert await seen(ada) == (0, 0)


async def test_the_paper_of_everything_ends_them_all_and_no_other_hold(ada):
    await export(ada)
    await ada.services.papers.hold("r1", [], staff())
    other = await asserting.record(ada, ada.ada, asserting.oral())
    taken = await ada.services.papers.revoke("r1", [], staff())
    assert len(taken.released) == 1
    assert other not in taken.released


async def test_the_same_hold_under_its_key_counts_once(ada):
    await export(ada)
    first = await ada.services.papers.hold("r1", ["pretrial", "defender"], staff(request="k1"))
    assert await ada.services.papers.hold("r1", ["pretrial", "defender"], staff(request="k1")) == first


async def test_a_revocation_whose_reingest_was_cut_short_holds_with_the_next_export(ada, monkeypatch):
    """Killed between keeping the revocation and taking in the form."""
    await export(ada)

    async def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ada.services.papers._ingest, "receive", killed)
    with pytest.raises(KeyboardInterrupt):
        await ada.services.papers.revoke("r1", [], staff())
    monkeypatch.undo()
    await export(ada, records.release(*CHOICES), records.release(submission="r2", person="q2", ssn=None))
    assert await seen(ada) == (0, 0)


async def test_an_export_that_another_process_was_reading_does_not_undo_it(ada, monkeypatch):
    """The export was assembled before the revocation and is written after it."""
    await export(ada)
    other = await worlds.open_site(ada.services.site.folder, first_id=9000)
    batches = other.services.ingest._batches
    write = batches.write

    async def late(*arguments, **more):
        monkeypatch.setattr(batches, "write", write)
        await ada.services.papers.revoke("r1", [], staff())
        await write(*arguments, **more)

    monkeypatch.setattr(batches, "write", late)
    await export(other, records.release(*CHOICES), records.release(submission="r2", person="q2", ssn=None))
    assert await seen(ada) == (0, 0)
    await other.close()


def form(**values):
    return SourceRecord(kind="release", position=Position(line=1), values=values, raw=b"")


def test_only_the_form_that_was_revoked_gets_its_revocation_and_once():
    revoked = {("r1", "q1"): [b'{"at":"x","partners":"all"}']}
    own = form(submission="r1", person={"id": "q1"})
    (said,) = with_revocations(own, revoked).values["revocations"]
    assert said == {"at": "x", "partners": "all"}
    twice = with_revocations(with_revocations(own, revoked), revoked)
    assert len(twice.values["revocations"]) == 1
    for other in (form(submission="r1", person={"id": "q2"}), form(submission="r2", person={"id": "q1"}), form()):
        assert with_revocations(other, revoked) is other
    unreadable = form(submission="r1", person={"id": "q1"}, revocations="x")
    assert with_revocations(unreadable, revoked) is unreadable
    broken = Malformed(position=Position(line=1), code="x", expected="y", raw=b"")
    assert with_revocations(broken, revoked) is broken
