"""What non-interference asks of a site, and how a site is made that differs by what is withheld."""

from __future__ import annotations

import bulk_requests
import orjson
import worlds

from adapter.store.shapes import TYPE_NAMES
from adapter.store.sqlite.connection import connect

HELD_FIXED = (
    "patient_policy",
    "patient_policy_source",
    "patient_link",
    "policy",
    "segment",
    "context",
    "obligation",
    "bound",
    "rule",
    "exception",
    "version_exception",
    "patient_policy_past",
    "freshness_gap",
)
BY_ROW = (
    "resource",
    "resource_history",
    "clinical",
    "token",
    "string",
    "date",
    "reference",
    "indexed",
    "screening",
    "origin",
    "relation",
)


def questions(world):
    """URLs that ask for everything, by every means, of everyone: present, hidden and absent alike."""
    names = [(TYPE_NAMES[kind], ident) for kind, ident in world.rows("SELECT type, id FROM resource ORDER BY rid")]
    patients = [ident for kind, ident in names if kind == "Patient"]
    urls = [f"/fhir/{kind}/{ident}{tail}" for kind, ident in names for tail in ("", "/_history")] + [
        "/fhir/Patient/absent",
        "/fhir/Patient/absent/_history",
        "/fhir/Nothing/x",
        "/fhir/metadata",
        "/fhir/StructureDefinition?type=Observation",
        "/fhir/ValueSet/legal-regime",
    ]
    for patient in [*patients, "absent"]:
        urls += [
            f"/fhir/Observation?patient={patient}",
            f"/fhir/Observation?patient=Patient/{patient}&category=survey&_count=1",
            f"/fhir/Observation?patient={patient}&date=ge2025-01-01&_sort=date&_count=2",
            f"/fhir/Observation?subject=Patient/{patient}&code=44261-6,bjmhs-result&_summary=count",
            f"/fhir/Observation?patient={patient}&status=final&_count=0",
            f"/fhir/Consent?patient={patient}&status=active",
            f"/fhir/Encounter?patient={patient}",
            f"/fhir/Condition?patient={patient}",
            f"/fhir/QuestionnaireResponse?patient={patient}",
            f"/fhir/Patient/{patient}/_history?_count=1&_since=2026-01-01T00:00:00Z&_at=2026",
            f"/fhir/Patient/{patient}/_history/absent",
            f"/fhir/Patient/{patient}/$everything?_count=3",
            f"/fhir/Patient/{patient}/$everything?_type=Patient,Observation&_since=2026-01-01T00:00:00Z&_format=xml",
            f"/fhir/Patient?_id={patient}",
            f"/fhir/Patient?_id={patient}&_revinclude=Observation:patient&_revinclude=Provenance:target&_summary=true",
            f"/fhir/Observation?patient={patient}&_include=Observation:patient&_revinclude=Provenance:target&_count=2",
            f"/fhir/Observation?patient={patient}&code:not=44261-6&value-quantity=ge5&_sort=-_lastUpdated,_id",
            f"/fhir/Observation?patient={patient}&value-quantity:missing=true&_elements=code&_total=none",
            f"/fhir/Observation?patient={patient}&_include=Observation:subject&_format=xml&_sort=status&_count=3",
            f"/fhir/Observation?patient={patient}&_include=Observation:subject&_format=xml&_count=3",
            f"/fhir/Condition?patient={patient}&onset-date=ge1990&_sort=recorded-date",
        ]
    observations = [ident for kind, ident in names if kind == "Observation"][:5]
    urls += [f"/fhir/Provenance?target=Observation/{ident}" for ident in observations]
    urls += [f"/fhir/Observation?_id={','.join(observations)}"]
    urls += [
        "/fhir/Observation?code=44261-6&_count=2",
        "/fhir/Observation?category=survey&_count=3&_sort=-date",
    ]
    urls += [
        "/fhir/Patient?name=a",
        "/fhir/Patient?family=s&birthdate=ge1950",
        "/fhir/Patient?family:contains=a&_sort=-family,birthdate&_count=2&_revinclude=Encounter:patient",
        "/fhir/Patient?gender:not=male&_sort=-_lastUpdated&_summary=data",
        "/fhir/Patient?death-date:missing=true&_count=0",
        "/fhir/Observation?_lastUpdated=ge2026&_sort=value-quantity",
        "/fhir/Observation?_lastUpdated=ge2026&_include=Observation:subject&_count=3",
        "/fhir/Encounter?location:missing=true&_summary=text",
        "/fhir/Organization?name=a",
        "/fhir/Organization?name:contains=a&_sort=name&_revinclude=PractitionerRole:organization",
        "/fhir/Observation?oops=1",
        "/fhir/Basic?code=SubscriptionTopic",
        "/fhir/Basic/screening-summary",
        "/fhir/Subscription?status=active",
        "/fhir/Subscription/absent",
        "/fhir/Subscription/absent/$events",
        "/fhir/Subscription/$status",
    ]
    for (body,) in world.rows(
        "SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid LIMIT 6"
    ):
        document = orjson.loads(body)
        urls += [
            f"/fhir/Patient?identifier={item['system']}|{item['value']}"
            for item in document.get("identifier", ())
            if "value" in item
        ]
        urls += [
            f"/fhir/Patient?family={name['family']}&birthdate={document['birthDate']}"
            for name in document.get("name", ())[:1]
            if "birthDate" in document and "family" in name
        ]
    return urls


def described(world):
    """People as a caller of `$match` may describe them: as they are held, misspelt, and somebody who is not."""
    bodies = world.rows("SELECT CAST(head || ']' || tail AS TEXT) FROM resource WHERE type = 1 ORDER BY rid")
    found = [{"resourceType": "Patient", "name": [{"family": "Nobody", "given": ["Here"]}], "birthDate": "1971-01-02"}]
    for (body,) in bodies:
        held = orjson.loads(body)
        told = {key: held[key] for key in ("resourceType", "identifier", "name", "birthDate", "gender") if key in held}
        told["identifier"] = [
            {"system": item["system"], "value": item["value"]}
            for item in told.get("identifier", ())
            if "value" in item and "system" in item
        ]
        found += [told, {key: value for key, value in told.items() if key != "identifier"}]
    return found


async def answers(world, caller, urls, people):
    """Everything one caller gets: pages followed to their end, the same searches by POST, and who people are."""
    got = {}
    for number, person in enumerate(people):
        for certain in (False, True):
            parts = [
                {"name": "resource", "resource": person},
                {"name": "onlyCertainMatches", "valueBoolean": certain},
            ]
            document = {"resourceType": "Parameters", "parameter": parts}
            answer = await world.ask(caller, "/fhir/Patient/$match", method="POST", document=document)
            got[f"$match {number} {certain}"] = worlds.comparable(answer)
    for url in urls:
        path, _, query = url.partition("?")
        if "/_history" in url or "/$everything" in url:
            got[url] = [worlds.comparable(answer) for answer in await pages(world, caller, url)]
        elif query:
            got[url] = [worlds.comparable(answer) for answer in await world.pages(caller, url)]
            form = worlds.query_of(url)
            got["POST " + url] = worlds.comparable(await world.ask(caller, path + "/_search", method="POST", form=form))
        else:
            got[url] = worlds.comparable(await world.ask(caller, url))
            checked = await world.ask(caller, url + "/$validate", method="POST")
            got["$validate " + url] = worlds.comparable(checked)
            target = url.removeprefix("/fhir/")
            told = await world.why(caller, recipient=caller[0], purpose=caller[1], resource=target)
            got["$explain " + url] = worlds.comparable(told)
    for target in await versions(world, caller, urls):
        got[target] = worlds.comparable(await world.ask(caller, target))
    for asked in (
        "/fhir/Patient/$export",
        "/fhir/Patient/$export?_since=2026-11-22T18:59:00Z",
        await group(world, caller, urls),
    ):
        got["$export " + asked.partition("?")[2] + asked[:12]] = await export(world, caller, asked)
    got["/panels"] = await following(world, caller, people)
    got["$explain request"] = worlds.comparable(await world.why(caller, request_id="id" + "0" * 23 + "7"))
    return got


async def pages(world, caller, url):
    """Every page of what has pages, where there is anything."""
    answer = await world.ask(caller, url)
    return [answer] if answer.status_code != 200 else await world.pages(caller, url)


async def versions(world, caller, urls):
    """The addresses of versions that a caller is told of."""
    found = []
    for url in urls:
        if url.endswith("/_history"):
            answer = await world.ask(caller, url)
            entries = orjson.loads(answer.content).get("entry", ()) if answer.status_code == 200 else ()
            found += [f"{url}/{entry['resource']['meta']['versionId']}" for entry in entries]
    return found


async def group(world, caller, urls):
    """The export of a group that a caller makes of everyone that is asked for, held or not."""
    plain = [url.removeprefix("/fhir/Patient/") for url in urls if url.startswith("/fhir/Patient/")]
    members = [{"entity": {"reference": f"Patient/{ident}"}} for ident in plain if not {*"/?$"} & {*ident}]
    document = {"resourceType": "Group", "type": "person", "actual": True, "member": members}
    made = await bulk_requests.get(world, await world.token(*caller), "/fhir/Group", "POST", document)
    return f"/fhir/Group/{made.json()['id']}/$export"


async def following(world, caller, people):
    """A list of everybody who is described: what it is answered, what is read back of it, and its export."""
    rows = {
        (name["family"], name["given"][0], person["birthDate"])
        for person in people
        for name in person.get("name", ())[:1]
        if "given" in name and len(person.get("birthDate", "")) == len("1980-04-02")
    }
    content = "family,given,birth_date\r\n" + "".join(",".join(row) + "\r\n" for row in sorted(rows))
    token = await world.token(*caller)
    made = await bulk_requests.upload(world, token, content)
    if made.status_code != 201:
        return [worlds.comparable(made)]
    told = made.json()
    place = f"/fhir/{told['group']}"
    answers = [worlds.comparable(made), worlds.comparable(await world.ask(caller, place))]
    # Its id and version are drawn when it is made.
    unnamed = repr(answers).replace(told["group"].removeprefix("Group/"), "group").replace(told["version"], "version")
    return [unnamed, await export(world, caller, f"{place}/$export")]


async def export(world, caller, url):
    """Every byte of an export: what it is refused with, or its manifest and files."""
    token = await world.token(*caller)
    answer = await bulk_requests.get(world, token, url, **bulk_requests.ASYNC)
    if answer.status_code != 202:
        return worlds.comparable(answer)
    place = answer.headers["content-location"]
    told = await bulk_requests.manifest(world, token, place)
    files = [await bulk_requests.get(world, token, one["url"]) for one in told["output"]]
    shown = [one["url"].replace(place, "") for one in told["output"]]
    return told["transactionTime"], shown, [worlds.comparable(one) for one in files]


async def permitted_rows(world, caller):
    """The keys of what this caller may see, read one by one."""
    seen = set()
    for kind, ident, rid in world.rows("SELECT type, id, rid FROM resource"):
        if (await world.ask(caller, f"/fhir/{TYPE_NAMES[kind]}/{ident}")).status_code == 200:
            seen.add(rid)
    return seen


def delete_withheld(folder, seen):
    db = connect(folder / "data" / "store.sqlite")
    kept = ",".join(map(str, seen)) or "-1"
    with db:
        for table in BY_ROW:
            db.execute(f"DELETE FROM {table} WHERE rid NOT IN ({kept})")
    db.close()


def same(one, other):
    differing = [url for url in one if one[url] != other[url]]
    assert differing == []


def records_of(requests):
    """What the deletes of a list of requests name."""
    return [tuple(url[1:].split("/")) for method, url, _, _ in requests if method == "DELETE"]


def hold_fixed(folder, tables):
    """Give a store the decision's inputs of another; its own segment numbers are translated."""
    db = connect(folder / "data" / "store.sqlite")
    bodies = {body: number for number, body in tables["segment"]}
    with db:
        mine = {number: bodies[body] for number, body in db.execute("SELECT id, body FROM segment")}
        shift = 1_000_000
        for table in ("resource", "resource_history", "clinical", "token"):
            for number, other in mine.items():
                db.execute(f"UPDATE {table} SET segment = ? WHERE segment = ?", (other + shift, number))
            db.execute(f"UPDATE {table} SET segment = segment - {shift} WHERE segment > {shift}")
        for table, rows in tables.items():
            db.execute(f"DELETE FROM {table}")
            for row in rows:
                db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    db.close()
