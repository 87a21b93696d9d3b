"""The transaction of the documentation, sent as it stands there, and with each legal element taken out."""

from __future__ import annotations

import copy
from pathlib import Path

import orjson
import pytest
import writers

pytestmark = pytest.mark.anyio
TEMPLATE = orjson.loads((Path(__file__).parents[2] / "docs" / "examples" / "release_transaction.json").read_bytes())


async def test_the_template_is_taken_as_it_stands(world):
    first = await writers.send(world, "POST", "", TEMPLATE)
    assert first.status_code == 200, first.text
    subject = first.json()["entry"][0]["fullUrl"].rpartition("/")[2]
    await writers.written(world, writers.phq9(subject))
    assert len(await world.matches(("pretrial", "pretrial-release"), f"/fhir/Observation?patient={subject}")) == 1
    assert len(await world.matches(("jail-medical", "TREAT"), f"/fhir/Observation?patient={subject}")) == 1
    (share,) = await world.matches(("pretrial", "pretrial-release"), f"/fhir/Consent?patient={subject}")
    assert "jail-medical" not in str(share)


async def test_each_element_is_missed_by_its_name(world):
    form = TEMPLATE["entry"][1]["resource"]["item"]
    needed = [
        ("expires",),
        ("signed",),
        ("copy_given",),
        ("signature", "signature.name"),
        *(
            ("part2", f"part2.{name}")
            for name in ("discloser", "amount", "partners", "purpose", "revocation_statement")
        ),
        ("signer", "signer.authority"),
    ]
    for links in needed:
        document = copy.deepcopy(TEMPLATE)
        items = document["entry"][1]["resource"]["item"]
        for link in links[:-1]:
            items = next(one for one in items if one["linkId"] == link)["item"]
        items[:] = [one for one in items if one["linkId"] != links[-1]]
        answer = await writers.send(world, "POST", "", document)
        assert answer.status_code == 422, links
        path = "Bundle.entry[1].resource" + "".join(f".item.where(linkId='{link}')" for link in links)
        assert path in [place for _, place in writers.said(answer)], (links, answer.text)
    assert world.rows("SELECT * FROM written") == []
    assert form
