"""User agreements: read, signed, certified again, changed, left; and what a token makes of each."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
import worlds
import yaml

from adapter.errors import ConfigurationError, NotAuthenticated
from adapter.services.user_agreements import UserAgreements, read_user_agreements
from adapter.settings import Partner
from adapter.store.shapes import UserEvent

pytestmark = pytest.mark.anyio
POLICE, TRIAGE = "Organization/police", "Organization/police-triage"
BOXES = ("understands-use", "keeps-confidential", "knows-part2", "reports")
ZONE = ZoneInfo("America/Denver")
FILE = "user_agreements/resource_connection_2026_1.yaml"
PARTNERS = {
    "police": Partner(name="Police", entity="law-enforcement"),
    "health": Partner(name="Health", entity="covered-entity"),
    "team": Partner(name="Team", entity="covered-entity", part_of="health"),
}


def document(**changed):
    return {
        "user_agreement": "users",
        "version": "1",
        "title": "User agreement",
        "effective": "2026-01-01",
        "required_of": ["police"],
        "text": "I will be careful.",
        "certifications": {"careful": "I am careful."},
        "contact": "privacy officer",
    } | changed


def problems(*documents):
    with pytest.raises(ConfigurationError) as caught:
        read_user_agreements({f"user_agreements/{n}.yaml": one for n, one in enumerate(documents)}, PARTNERS)
    return [(problem.where, problem.path, problem.message) for problem in caught.value.problems]


def test_users_of_units_sign_what_the_users_of_their_partner_sign():
    (found,) = read_user_agreements({"x.yaml": document(required_of=["health"])}, PARTNERS)
    assert found.required_of == ("health", "team")


@pytest.mark.parametrize(
    ("documents", "path", "told"),
    [
        ([document(required_of=["nobody"])], "required_of", "`nobody` is not a partner"),
        ([document(), document()], "version", "version `1` of `users`"),
        ([document(), document(version="2")], "effective", "has the same"),
        ([document(), document(user_agreement="others", version="9")], "required_of", "sign `users` already"),
        (
            [document(required_of=["team"]), document(user_agreement="others", required_of=["health"])],
            "required_of",
            "users of team sign",
        ),
        ([document(text="")], "text", "at least 1"),
    ],
)
def test_mistakes_in_user_agreements_are_told(documents, path, told):
    ((where, found, message),) = problems(*documents)
    assert (where, found) == (f"user_agreements/{len(documents) - 1}.yaml", path)
    assert told in message


def test_every_mistake_is_told_at_once():
    assert len(problems(document(title=""), document(required_of=["nobody"]), document(version=""))) == 3


# Signing, and what a token makes of it.


def signature(world, user="c.reyes", organisation=POLICE, **changed):
    parts = {"name": "Cam Reyes", "role": "officer", "client": "car-7", "certified": BOXES} | changed
    return UserEvent(kind="signed", user=user, organisation=organisation, at=world.clock(), **parts)


async def sign(world, **changed):
    return await world.services.user_agreements.sign(world.services.store, signature(world, **changed))


async def token(world, user="c.reyes", organisation=POLICE):
    issued = await world.services.tokens.issue(
        client="car-7", organisation=organisation, purposes=["diversion"], lifetime=10**9, user=user
    )
    return issued.encode()


async def works(world, issued):
    try:
        await world.services.tokens.holder(issued)
    except NotAuthenticated:
        return False
    return True


def edit(folder, **changed):
    path = folder / FILE
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed))


async def test_a_token_works_while_its_users_signature_counts(world):
    issued = await token(world)
    assert not await works(world, issued)
    signed = await sign(world)
    assert (signed.version, signed.certified, len(signed.text_hash)) == ("2026-1", BOXES, 32)
    assert await works(world, issued)
    world.clock.forward(days=364, hours=23)
    assert await works(world, issued)
    world.clock.forward(hours=1)
    assert not await works(world, issued)
    await sign(world)
    assert await works(world, issued)


async def test_a_signature_counts_for_its_user_and_its_agency_alone(world):
    await sign(world)
    assert await works(world, await token(world))
    assert not await works(world, await token(world, user="a.lund"))
    assert not await works(world, await token(world, organisation=TRIAGE))
    assert not await works(world, await token(world, user=""))
    assert await works(world, await token(world, user="", organisation="Organization/pretrial"))


async def test_who_has_left_does_not_ask_until_they_sign_again(world):
    await sign(world)
    issued = await token(world)
    world.clock.forward(minutes=1)
    await world.services.user_agreements.depart(
        world.services.store, user="c.reyes", organisation=POLICE, at=world.clock()
    )
    assert not await works(world, issued)
    (standing,) = await world.services.user_agreements.standing(world.services.store, at=world.clock())
    assert (standing.why_not, standing.event.name, standing.until) == ("has left the agency", "Cam Reyes", None)
    world.clock.forward(minutes=1)
    await sign(world)
    assert await works(world, issued)


async def test_one_who_left_where_nothing_is_signed_does_not_ask_either(world):
    await sign(world)
    store = world.services.store
    event = signature(world, organisation="Organization/pretrial")
    async with store.transaction() as change:
        await change.add_user_event(event)
    issued = await token(world, organisation="Organization/pretrial")
    assert await works(world, issued)
    await world.services.user_agreements.depart(
        store, user="c.reyes", organisation="Organization/pretrial", at=world.clock()
    )
    assert not await works(world, issued)


async def test_nobody_leaves_an_agency_they_never_signed_for(world):
    await sign(world)
    with pytest.raises(ConfigurationError, match=r"nobody called `c\.reyes` has signed"):
        await world.services.user_agreements.depart(
            world.services.store, user="c.reyes", organisation=TRIAGE, at=world.clock()
        )


async def test_a_new_version_has_to_be_signed_from_its_day_on(tmp_path):
    def renew(folder):
        body = yaml.safe_load((folder / FILE).read_text()) | {
            "version": "2026-2",
            "effective": "2026-12-01",
            "text": "New.",
        }
        (folder / "user_agreements" / "next.yaml").write_text(yaml.safe_dump(body))

    world = await worlds.open_site(tmp_path / "site", adjust=renew)
    await sign(world)
    issued = await token(world)
    (standing,) = await world.services.user_agreements.standing(world.services.store, at=world.clock())
    world.clock.now = standing.until - 1
    assert await works(world, issued)
    world.clock.now = standing.until
    assert not await works(world, issued)
    (standing,) = await world.services.user_agreements.standing(world.services.store, at=world.clock())
    assert standing.why_not == "has signed an earlier version"
    assert (await sign(world)).version == "2026-2"
    assert await works(world, issued)
    await world.close()


async def test_a_text_changed_after_it_was_signed_is_a_text_nobody_signed(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await sign(world)
    issued = await token(world)
    assert await works(world, issued)
    await world.close()
    edit(tmp_path / "site", text="I may do as I like.")
    world = await worlds.open_site(tmp_path / "site", first_id=1000)
    assert not await works(world, issued)
    (standing,) = await world.services.user_agreements.standing(world.services.store, at=world.clock(), user="c.reyes")
    assert standing.why_not == "has signed a text that is not on file"
    await world.close()


async def test_a_tampered_hash_is_no_signature_and_the_store_refuses_to_change_one(world):
    await sign(world)
    issued = await token(world)
    with pytest.raises(Exception, match="append only"):
        world.rows("UPDATE user_event SET text_hash = zeroblob(32)")
    with pytest.raises(Exception, match="append only"):
        world.rows("DELETE FROM user_event")
    world.rows("DROP TRIGGER user_event_never_changes")
    world.rows("UPDATE user_event SET text_hash = zeroblob(32)")
    assert not await works(world, issued)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"certified": BOXES[1:]}, "not certified: understands-use"),
        ({"certified": ()}, "not certified: understands-use, keeps-confidential, knows-part2, reports"),
        ({"certified": (*BOXES, "anything")}, "no box anything"),
        ({"name": " "}, "a signature needs name"),
        ({"role": "", "client": ""}, "a signature needs role, client"),
        ({"user": ""}, "a signature needs user"),
        ({"organisation": "Organization/jail"}, "nothing to sign"),
    ],
)
async def test_a_signature_that_says_too_little_is_refused_and_not_kept(world, changed, told):
    with pytest.raises(ConfigurationError, match=told):
        await sign(world, **changed)
    assert await world.services.store.user_events() == []


async def test_before_the_first_version_counts_nobody_has_to_sign(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=lambda folder: edit(folder, effective="2026-12-01"))
    assert await works(world, await token(world))
    assert await works(world, await token(world, user=""))
    world.clock.set("2026-12-01T00:00:00-07:00")
    assert not await works(world, await token(world))
    await world.close()


async def test_a_site_without_user_agreements_asks_nobody_to_sign(tmp_path):
    world = await worlds.open_site(tmp_path / "site", adjust=lambda folder: (folder / FILE).unlink())
    assert await works(world, await token(world))
    await world.close()


async def test_what_was_signed_is_kept_with_everything_it_says(world):
    await sign(world)
    (event,) = await world.services.store.user_events("c.reyes")
    text = world.services.user_agreements.text(POLICE, world.clock())
    assert event == signature(
        world, agreement="resource-connection-user", version="2026-1", text_hash=text.text_hash(), certified=BOXES
    )
    assert await world.services.store.user_events("nobody") == []


async def test_the_ledger_tells_which_user_asked(world):
    await sign(world)
    issued = await token(world)
    caller = await world.services.requester.caller([(b"authorization", b"Bearer " + issued)], "r1")
    assert caller.client == "car-7 for c.reyes"


def test_nothing_to_sign_is_nothing_to_show():
    none = UserAgreements([], ["police"], ZONE)
    assert none.text(POLICE, 0) is None
    assert none.unsigned(POLICE, "x", 0) == ""


async def test_nobody_asks_for_an_agency_that_has_left_the_site(tmp_path):
    world = await worlds.open_site(tmp_path / "site")
    await sign(world)
    tokens = [await token(world), await token(world, user="", organisation="Organization/birch-jail")]
    assert [await works(world, one) for one in tokens] == [True, True]
    await world.close()

    def leave(folder):
        for name, old, new in (
            ("partners.yaml", "  police: {", "  gone: {"),
            ("partners.yaml", "organizations: [police, ", "organizations: ["),
            ("agreements/crisis_response.yaml", "[police, county", "[gone, county"),
            ("agreements/crisis_response.yaml", "recipients: [police]", "recipients: [gone]"),
            ("agreements/crisis_response.yaml", "recipient: police\n", "recipient: gone\n"),
            ("agreements/crisis_response.yaml", "organisation: police,", "organisation: gone,"),
            (FILE, "required_of: [police, ", "required_of: ["),
        ):
            path = folder / name
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))

    world = await worlds.open_site(tmp_path / "site", adjust=leave, first_id=1000)
    assert [await works(world, one) for one in tokens] == [False, True]
    assert not await works(world, await token(world, user=""))
    (standing,) = await world.services.user_agreements.standing(world.services.store, at=world.clock())
    assert standing.why_not == "the agency is no partner of this site"
    await world.close()
