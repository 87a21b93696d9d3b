"""Registered clients in a world of tests, and asking for them."""

from __future__ import annotations

import httpx2
import smart_clients as sc
import yaml

from adapter.store.shapes import UserEvent

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def register_all(folder, **more):
    """A clinic's chart system, the jail's, a tablet of two agencies and a gateway that introspects."""
    sc.register(
        folder,
        clinic_chart=sc.spec(
            scopes=["system/Patient.rs", "system/Observation.rs", "system/Organization.rs"],
            rights=["population-search", "patient-match"],
            tokens_per_minute=6000,
        ),
        jail_chart=sc.spec(organizations=["jail-medical"], scopes=["system/Patient.rs"]),
        crisis_tablet=sc.spec(
            organizations=["police", "police-triage"], scopes=["system/*.rs"], tokens_per_minute=6000
        ),
        roster_feeder=sc.spec(organizations=["jail"], scopes=[], rights=["feed:jail-roster"]),
        county_gateway=sc.spec(organizations=[], scopes=[], introspects=True, jwks=sc.jwks(sc.OTHER_KEY)),
        **more,
    )
    path = folder / "agreements" / "memorandum.yaml"
    document = yaml.safe_load(path.read_text())
    for grant in document["grants"]:
        if grant["recipient"] == "jail-medical":
            grant["unattended"] = ["TREAT"]
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def opened(world):
    """Software that talks to a world."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app), base_url="http://127.0.0.1:8080")


async def post(world, path, form, token=None):
    """Post a form."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with opened(world) as client:
        return await client.post(path, data=form, headers=headers)


async def ask_token(world, key, client, *, scope=None, **claims):
    """The answer to a request for a token."""
    more = {} if scope is None else {"scope": scope}
    return await post(world, "/auth/token", sc.form(sc.sign(sc.claims(client, world.clock.now, **claims), key), **more))


async def about(world, what, asker, token):
    """The answer to an introspection or a revocation by the holder of a token."""
    return await post(world, f"/auth/{what}", {"token": token}, asker)


async def get(world, token, url, **headers):
    """The answer to a GET."""
    async with opened(world) as client:
        return await client.get(url, headers={"Authorization": f"Bearer {token}"} | headers)


async def sign(world, user, organisation):
    """Sign the user agreement of the county."""
    services = world.services
    event = UserEvent(
        kind="signed",
        user=user,
        organisation=organisation,
        at=services.now(),
        name=user,
        role="clinician",
        client="crisis-tablet",
        certified=tuple(services.user_agreements.texts[0].certifications),
    )
    await services.user_agreements.sign(services.store, event)
