"""Client software for tests: keys, registrations, assertions right and wrong, and posting them."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass, field

import yaml
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

TOKEN_URL = "http://127.0.0.1:8080/auth/token"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ORGANIZATIONS = "http://127.0.0.1:8080/fhir/Organization/"
SCOPES = ("system/Patient.rs", "system/Observation.rs?category=survey", "system/Consent.rs")
TYPES = frozenset({"Patient", "Observation"})
EC_KEY = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig", "alg": "ES384"})
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig", "alg": "RS384"})
OTHER_KEY = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig", "alg": "ES384"})
_numbers = itertools.count(1)


def jwks(*keys):
    """The public key set of keys."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def register(folder, *, unattended=True, **clients):
    """Write clients into a site folder's partners.yaml in place of its own; names have underscores for hyphens."""
    path = folder / "partners.yaml"
    document = yaml.safe_load(path.read_text())
    document["clients"] = {name.replace("_", "-"): spec for name, spec in clients.items()}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    for feed in (folder / "feeds").glob("*.yaml"):
        # A feed that is written goes with the client that writes it.
        if yaml.safe_load(feed.read_text()).get("client", next(iter(document["clients"]))) not in document["clients"]:
            feed.unlink()


def spec(**changes):
    """A registration for the clinic of the fictional county."""
    return {
        "name": "Cottonwood chart",
        "organizations": ["cottonwood"],
        "scopes": list(SCOPES),
        "jwks": jwks(EC_KEY, RSA_KEY),
    } | changes


def claims(client, now, **changes):
    """What an assertion says; a change to None takes a claim away."""
    seconds = now // 1_000_000
    said = {
        "iss": client,
        "sub": client,
        "aud": TOKEN_URL,
        "jti": f"jti-{next(_numbers)}",
        "exp": seconds + 240,
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def sign(said, key=EC_KEY, **header):
    """A client assertion."""
    algorithm = header.get("alg") or ("ES384" if key.key_type == "EC" else "RS384")
    full = {"alg": algorithm, "typ": "JWT", "kid": key.kid} | header
    full = {name: value for name, value in full.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact(full, json.dumps(said).encode(), key, registry=registry)


def part(document):
    """One part of a JWT by hand."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def b2b(organization="cottonwood", purposes=("TREAT",), user=None, **changes):
    """The claims of HL7 UDAP about one request."""
    said = {
        "version": "1",
        "organization_id": ORGANIZATIONS + organization,
        "purpose_of_use": [f"urn:oid:2.16.840.1.113883.5.8#{one}" if one.isupper() else one for one in purposes],
    } | ({"subject_id": user} if user else {})
    return {"extensions": {"hl7-b2b": said | changes}}


def form(assertion, **more):
    """A token request."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": TYPE,
        "client_assertion": assertion,
    } | more


@dataclass(kw_only=True)
class Bounds:
    """What agreements and signatures allow, as a test says."""

    attended: dict = field(default_factory=dict)
    alone: dict = field(default_factory=dict)
    given: dict = field(default_factory=dict)
    signatures: set = field(default_factory=set)

    def purposes(self, recipient, *, at):
        return set(self.attended.get(recipient, ()))

    def unattended(self, recipient, *, at):
        return set(self.alone.get(recipient, ()))

    def rights(self, recipient, *, at):
        return set(self.given.get(recipient, ()))

    async def signed(self, recipient, user, *, at):
        return (recipient, user) in self.signatures
