"""Who may assert is for the site to say; for whom and for which purpose is for the token."""

from __future__ import annotations

import asserting
import pytest
import records
import worlds
from asserting import COTTONWOOD, JAIL, JAIL_MEDICAL, post, summaries

from adapter.errors import ConfigurationError, NotAllowed
from adapter.services.asserting import Asking, PartnerAssertions
from adapter.services.authorities import Whom
from adapter.services.disclose import Caller
from adapter.settings import Asserters

pytestmark = pytest.mark.anyio


class Kept:
    """Authorities that keep what reaches them."""

    def __init__(self):
        self.got = []

    async def assert_basis(self, asked, whom, by):
        self.got.append((asked, whom, by))


def caller(client="ehr", organisation="Organization/cottonwood"):
    return Caller(
        client=client, organisation=organisation, context=7, purpose="TREAT", rights=frozenset(), request_id="r1"
    )


async def assert_with(asserters, who, basis="E"):
    kept = Kept()
    asking = Asking(request="k1", whom=Whom(patient="p1"), assertion=asserting.assertion(basis, "court", "HLEGAL"))
    await PartnerAssertions(kept, asserters, hourly=5).assert_basis(who, asking)
    return kept.got[0]


@pytest.mark.parametrize(
    ("asserters", "who", "allowed"),
    [
        ({"E": Asserters(partners=("cottonwood",))}, caller(), True),
        ({"E": Asserters(clients=("ehr",))}, caller(), True),
        ({"E": Asserters(clients=("ehr",))}, caller("ehr for jo"), True),
        ({"E": Asserters(clients=("ehr for jo",))}, caller("ehr for jo"), False),
        ({"E": Asserters(clients=("other",), partners=("jail",))}, caller(), False),
        ({"E": Asserters()}, caller(), False),
        ({"J": Asserters(partners=("cottonwood",))}, caller(), False),
        ({}, caller(), False),
    ],
)
async def test_only_whom_the_site_names_for_a_basis_may_assert_it(asserters, who, allowed):
    if allowed:
        await assert_with(asserters, who)
    else:
        with pytest.raises(NotAllowed):
            await assert_with(asserters, who)


async def test_recipient_and_purpose_are_those_of_the_token_and_the_bound_is_the_clients():
    asked, whom, by = await assert_with({"E": Asserters(clients=("ehr",))}, caller("ehr for jo"))
    assert (asked.recipient, asked.purpose, whom.patient) == ("Organization/cottonwood", "TREAT", "p1")
    assert by.name == "ehr of Organization/cottonwood for jo"
    assert (by.bounded, by.hourly, by.context, by.request_id) == ("ehr of Organization/cottonwood", 5, 7, "r1")


async def test_a_purpose_that_is_not_that_of_the_request_is_refused(world):
    for purpose, status in (("TREAT", 202), ("supervision", 400)):
        answer = await post(world, COTTONWOOD, asserting.body(more=({"name": "purpose", "valueCode": purpose},)))
        assert answer.status_code == status


async def test_an_assertion_opens_records_to_who_asserted_and_to_nobody_else(world):
    await world.deliver("jail-medical-hl7", records.hl7(records.phq9(4)))
    patient = world.patient("jail-medical-hl7", records.JAIL)
    assert await summaries(world, COTTONWOOD, patient) == 0
    # Whoever the body names as recipient of the emergency: the token says for whom it is.
    assert (await post(world, JAIL_MEDICAL, asserting.body(patient))).status_code == 202
    assert await summaries(world, COTTONWOOD, patient) == 0
    assert (await post(world, COTTONWOOD, asserting.body(patient))).status_code == 202
    assert await summaries(world, COTTONWOOD, patient) == 1


async def test_custody_staff_never_get_an_emergency(world):
    answer = await post(world, JAIL, asserting.body("p1", basis="E"))
    assert answer.status_code == 403


async def test_over_the_bound_of_an_hour_everyone_is_refused_alike(world):
    world.services.assertions._hourly = 2
    statuses = [(await post(world, COTTONWOOD, asserting.body(f"p{n}"))).status_code for n in range(4)]
    assert statuses == [202, 202, 429, 429]
    refused = await post(world, COTTONWOOD, asserting.body("p9"))
    assert refused.headers["retry-after"] == "600"
    world.clock.forward(hours=1)
    world.tokens.clear()
    assert (await post(world, COTTONWOOD, asserting.body("p9"))).status_code == 202


async def test_a_site_that_lets_custody_staff_assert_an_emergency_does_not_start(tmp_path):
    def careless(folder):
        path = folder / "site.toml"
        path.write_text(path.read_text().replace('"jail-medical", "cottonwood"', '"jail-medical", "jail"'))

    with pytest.raises(ConfigurationError) as raised:
        await worlds.open_site(tmp_path / "site", adjust=careless)
    (problem,) = raised.value.problems
    assert problem.path == "assert_basis.E.partners"
    assert "`jail` is of the kind custody" in problem.message
