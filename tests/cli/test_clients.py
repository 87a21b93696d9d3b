from __future__ import annotations

import json

import pytest
import smart_clients as sc

ID = "cottonwood-chart"


@pytest.fixture
def county(folder):
    sc.register(
        folder, cottonwood_chart=sc.spec(), night_list=sc.spec(jwks=None, jwks_url="https://keys.example/n.json")
    )
    return folder


def test_registered_clients_are_listed_with_what_can_be_compared(sallyport, county):
    ran = sallyport("client", "list", "--site", county, "--json")
    first, second = json.loads(ran.out)
    assert (first["client"], first["organizations"], first["tokens"], first["state"]) == (
        ID,
        ["cottonwood"],
        0,
        "registered",
    )
    assert first["keys"][0] == f"ec-1 (SHA-256 {sc.EC_KEY.thumbprint()})"
    assert (second["jwks_url"], second["keys"]) == ("https://keys.example/n.json", [])
    told = sallyport("client", "list", "--site", county).out
    assert f"{ID}: Cottonwood chart; registered; 0 tokens work" in told
    assert "  may ask   system/Patient.rs" in told


def test_a_client_is_shut_out_and_let_in_again_by_name(sallyport, county):
    ran = sallyport("client", "stop", "--site", county, ID, "--by", "Privacy Officer", "--words", "lost laptop")
    assert (ran.code, ran.out) == (0, f"{ID} is shut out; 0 revoked\n")
    state = json.loads(sallyport("client", "list", "--site", county, "--json").out)[0]["state"]
    assert state.startswith("shut out since ")
    assert state.endswith(" by Privacy Officer")
    ran = sallyport("client", "restore", "--site", county, ID, "--by", "Privacy Officer")
    assert (ran.code, ran.out) == (0, f"{ID} may ask for tokens again\n")
    assert json.loads(sallyport("client", "list", "--site", county, "--json").out)[0]["state"] == "registered"


@pytest.mark.parametrize(
    ("client", "by", "words"), [("nobody", "me", "no client `nobody`"), (ID, " ", "nobody is named")]
)
def test_what_cannot_be_done_is_told(sallyport, county, client, by, words):
    ran = sallyport("client", "stop", "--site", county, client, "--by", by)
    assert ran.code == 4
    assert words in ran.err


def test_a_registration_that_is_wrong_is_told_with_everything_else(sallyport, county):
    sc.register(county, bad=sc.spec(scopes=["system/Foo.rs"], organizations=["cottonwood"]))
    path = county / "site.toml"
    path.write_text(path.read_text().replace("private_networks = []", 'private_networks = []\nca_file = "absent.pem"'))
    memorandum = county / "agreements" / "memorandum.yaml"
    memorandum.write_text(memorandum.read_text().replace("unattended: [TREAT]", "unattended: [HRESCH]"))
    ran = sallyport("validate", "--site", county)
    assert ran.code == 4
    assert ran.err.startswith("3 to mend:")
    assert "partners.yaml at `clients.bad.scopes[0]`" in ran.err
    assert "site.toml at `outbound.ca_file`" in ran.err
    assert "`HRESCH` is none of the purposes of the grant" in ran.err


def test_an_organisation_that_is_no_partner_is_told(sallyport, county):
    sc.register(county, bad=sc.spec(organizations=["stranger"]))
    ran = sallyport("validate", "--site", county)
    assert "`clients.bad.organizations`: `stranger` is not a partner" in ran.err


def test_trust_in_another_server_needs_a_private_key_of_our_own(sallyport, county):
    path = county / "site.toml"
    section = """
[introspection]
url = "https://as.example/introspect"
issuer = "https://as.example"
audience = "https://county.example/fhir"
client_id = "sallyport"
key_file = "outside.json"
"""
    path.write_text(path.read_text() + section)
    assert "the file is missing" in sallyport("validate", "--site", county).err
    (county / "outside.json").write_text(json.dumps(sc.EC_KEY.as_dict(private=False)))
    assert "holds no private key" in sallyport("validate", "--site", county).err
    (county / "outside.json").write_text(json.dumps(sc.EC_KEY.as_dict(private=True)))
    assert sallyport("validate", "--site", county).code == 0
    assert sallyport("client", "list", "--site", county).code == 0
