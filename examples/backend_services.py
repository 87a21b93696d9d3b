"""The first integration hour in one file: make a key, register it, get an access token, ask the first question.

    python backend_services.py key                     make key.json and print what the county registers
    python backend_services.py token BASE CLIENT       print an access token
    python backend_services.py get BASE CLIENT PATH    ask, such as `Patient?identifier=…`, and print the answer

BASE is the FHIR base (`https://sallyport.county.example/fhir`), CLIENT the client_id the county gave you. Options after
these: `--scope`, and for a choice or a user `--organization KEY` with `--purpose CODE` (repeatable), `--user NAME`.

It needs Python 3.11 and the package `cryptography`. The private key stays in key.json, readable by you alone.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

KEY_FILE = Path("key.json")
SIZE = 48
"""Bytes of a coordinate on P-384."""


def text_of(data: bytes) -> str:
    """Base64url without padding, as JOSE writes bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def number_of(text: str) -> int:
    """The number in base64url."""
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def make_key() -> dict[str, Any]:
    """A new key on P-384 as a private JSON Web Key, kept in key.json."""
    private = ec.generate_private_key(ec.SECP384R1())
    numbers = private.private_numbers()
    public = numbers.public_numbers
    key = {
        "kty": "EC",
        "crv": "P-384",
        "use": "sig",
        "alg": "ES384",
        "kid": secrets.token_hex(8),
        "x": text_of(public.x.to_bytes(SIZE, "big")),
        "y": text_of(public.y.to_bytes(SIZE, "big")),
        "d": text_of(numbers.private_value.to_bytes(SIZE, "big")),
    }
    descriptor = os.open(KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(key, file)
    return key


def signed(claims: dict[str, Any], key: dict[str, Any]) -> str:
    """A JWT signed with ES384."""
    header = {"alg": "ES384", "typ": "JWT", "kid": key["kid"]}
    content = ".".join(text_of(json.dumps(part).encode("utf-8")) for part in (header, claims))
    private = ec.derive_private_key(number_of(key["d"]), ec.SECP384R1())
    r, s = decode_dss_signature(private.sign(content.encode("ascii"), ec.ECDSA(SHA384())))
    return f"{content}.{text_of(r.to_bytes(SIZE, 'big') + s.to_bytes(SIZE, 'big'))}"


def asked(request: Request) -> Any:
    """The JSON of an answer; an error is printed with its request id, which the county can look up."""
    if urlsplit(request.full_url).scheme not in {"https", "http"}:
        raise SystemExit("BASE has to be an http or https address")
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - the scheme is checked above
            return json.load(answer)
    except HTTPError as error:
        print(error.read().decode("utf-8", "replace"), file=sys.stderr)
        raise SystemExit(f"{error.code}; quote {error.headers['X-Request-Id']} to the county") from None


def token_of(options: argparse.Namespace) -> str:
    """A new access token. Ask for one when you need one: it lives for minutes."""
    key = json.loads(KEY_FILE.read_text(encoding="ascii"))
    where = asked(Request(f"{options.base}/.well-known/smart-configuration"))  # noqa: S310 - checked in `asked`
    claims: dict[str, Any] = {
        "iss": options.client,
        "sub": options.client,
        "aud": where["token_endpoint"],
        "exp": int(time.time()) + 240,
        "jti": secrets.token_hex(16),
    }
    if options.organization:
        said = {
            "version": "1",
            "organization_id": f"{options.base}/Organization/{options.organization}",
            "purpose_of_use": options.purpose,
        }
        claims["extensions"] = {"hl7-b2b": said | ({"subject_id": options.user} if options.user else {})}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed(claims, key),
    } | ({"scope": options.scope} if options.scope else {})
    answer = asked(Request(where["token_endpoint"], data=urlencode(form).encode("ascii")))  # noqa: S310 - as above
    print(f"granted for {answer['expires_in']} seconds: {answer['scope']}", file=sys.stderr)
    return str(answer["access_token"])


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=["key", "token", "get"])
    for name in ("base", "client", "path"):
        parser.add_argument(name, nargs="?", default="")
    for name in ("--scope", "--organization", "--user"):
        parser.add_argument(name, default="")
    parser.add_argument("--purpose", action="append", default=[])
    options = parser.parse_args()
    if (options.purpose or options.user) and not options.organization:
        parser.error("say for which organization you ask: --organization KEY goes with --purpose and --user")
    if options.work == "key":
        public = {name: value for name, value in make_key().items() if name != "d"}
        print(json.dumps({"keys": [public]}))
    elif options.work == "token":
        print(token_of(options))
    else:
        headers = {"Authorization": f"Bearer {token_of(options)}", "Accept": "application/fhir+json"}
        # Names are written as people write them; an address holds ASCII alone. What is escaped already stays so.
        address = f"{options.base}/{quote(options.path, safe='/?&=%:|$,+@;')}"
        answer = asked(Request(address, headers=headers))  # noqa: S310 - checked in `asked`
        print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
