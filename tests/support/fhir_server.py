"""A small FHIR server with SMART Backend Services, for tests: it checks who asks and counts what it gave.

Run as a process: it prints its port, and ends with its standard input.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

CLOCK = datetime(2026, 11, 22, 18, tzinfo=UTC)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def number(part):
    return int.from_bytes(decoded(part), "big")


def claims_of(assertion, jwk):
    """The claims of a JWT whose signature is that of the key; an exception where it is not."""
    head, body, signature = assertion.split(".")
    header = json.loads(decoded(head))
    assert (header["alg"], header["kid"], header["typ"]) == (jwk["alg"], jwk["kid"], "JWT")
    signed, raw = f"{head}.{body}".encode(), decoded(signature)
    if jwk["kty"] == "RSA":
        key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        key.verify(raw, signed, padding.PKCS1v15(), SHA384())
    else:
        assert len(raw) == 96
        key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP384R1()).public_key()
        der = encode_dss_signature(int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big"))
        key.verify(der, signed, ec.ECDSA(SHA384()))
    return json.loads(decoded(body))


class Server(ThreadingHTTPServer):
    """``resources`` by type and id, each with the instant it was stored."""

    daemon_threads = True

    def __init__(self, jwk):
        super().__init__(("127.0.0.1", 0), Handler)
        self.jwk = jwk
        self.clock = CLOCK
        self.resources = {}
        self.deleted = []
        self.tokens = set()
        self.used = set()
        self.log = []
        self.faults = []
        self.jobs = {}
        self.base = f"http://127.0.0.1:{self.server_address[1]}"

    def put(self, resource):
        self.clock += timedelta(seconds=1)
        self.resources[resource["resourceType"], resource["id"]] = (self.clock, resource)

    def found(self, kind, asked):
        since = asked.get("_lastUpdated", asked.get("_since", "")).removeprefix("ge")
        after = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
        return [one for (name, _), (at, one) in sorted(self.resources.items()) if name == kind and at >= after]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, document, *, kind="application/fhir+json", **headers):
        body = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/_test":
            self.answer(200, self.ordered(json.loads(body)))
            return
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        try:
            claims = claims_of(form["client_assertion"], self.server.jwk)
            assert claims["iss"] == claims["sub"] == "alder-county"
            assert claims["aud"] == f"{self.server.base}/token"
            assert 0 < claims["exp"] - claims["iat"] <= 300
            assert claims["jti"] not in self.server.used
            assert form["grant_type"] == "client_credentials"
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            self.answer(400, {"error": "invalid_client"}, kind="application/json")
            return
        self.server.used.add(claims["jti"])
        token = f"t{len(self.server.used)}"
        self.server.tokens.add(token)
        told = {"access_token": token, "token_type": "bearer", "expires_in": 300, "scope": form["scope"]}
        self.answer(200, told, kind="application/json")

    def ordered(self, order):
        """What a test wants: resources, faults, or what was asked so far."""
        server = self.server
        for resource in order.get("put", ()):
            server.put(resource)
        for name in order.get("delete", ()):
            server.resources.pop(tuple(name.split("/")), None)
            server.deleted.append(name)
        server.faults += order.get("faults", ())
        if order.get("forget"):
            server.tokens.clear()
        log, server.log = server.log, [] if order.get("clear") else server.log
        return {"log": log, "tokens": len(server.used)}

    def do_DELETE(self):
        self.server.log.append(f"DELETE {self.path}")
        self.server.jobs.pop(self.path, None)
        self.answer(202, b"")

    def do_GET(self):
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query))
        if url.path == "/fhir/.well-known/smart-configuration":
            self.answer(200, {"token_endpoint": f"{self.server.base}/token"}, kind="application/json")
            return
        self.server.log.append(self.path)
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.server.tokens:
            self.answer(401, {"resourceType": "OperationOutcome"})
        elif self.server.faults:
            self.fault(self.server.faults.pop(0))
        elif url.path.endswith("$export"):
            self.kick_off(asked)
        elif url.path.startswith("/job/"):
            self.manifest(url.path)
        elif url.path.startswith("/files/"):
            self.answer(200, self.file(url.path), kind="application/fhir+ndjson")
        else:
            self.page(url.path.rpartition("/")[2], asked)

    def fault(self, fault):
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"resourceType":"Bundle","entry":[')
            self.close_connection = True
        else:
            self.answer(int(fault), b"", Retry_After="0")

    def page(self, kind, asked):
        count, at = int(asked.get("_count", 10)), int(asked.get("page", 0))
        found = self.server.found(kind, asked)
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "meta": {"lastUpdated": self.server.clock.isoformat()},
            "link": [{"relation": "self", "url": f"{self.server.base}{self.path}"}],
            "entry": [
                {"fullUrl": f"{self.server.base}/fhir/{kind}/{one['id']}", "resource": one, "search": {"mode": "match"}}
                for one in found[at * count : (at + 1) * count]
            ],
        }
        if (at + 1) * count < len(found):
            follow = urlencode({**asked, "page": at + 1})
            bundle["link"].append({"relation": "next", "url": f"{self.server.base}/fhir/{kind}?{follow}"})
        self.answer(200, bundle)

    def kick_off(self, asked):
        assert self.headers["Prefer"] == "respond-async"
        name = f"/job/{len(self.server.jobs) + 1}"
        self.server.jobs[name] = [2, asked, self.server.clock.isoformat()]
        self.answer(202, b"", Content_Location=f"{self.server.base}{name}")

    def manifest(self, name):
        job = self.server.jobs.get(name)
        if job is None:
            self.answer(404, b"")
        elif job[0]:
            job[0] -= 1
            self.answer(202, b"", Retry_After="0", X_Progress="working")
        else:
            kinds = [kind for kind in job[1]["_type"].split(",") if self.server.found(kind, job[1])]
            ident = name.rpartition("/")[2]
            base = f"{self.server.base}/files/{ident}"
            document = {
                "transactionTime": job[2],
                "request": f"{self.server.base}/fhir/$export",
                "requiresAccessToken": True,
                "output": [{"type": kind, "url": f"{base}/{kind}"} for kind in kinds],
                "deleted": [{"type": "Bundle", "url": f"{base}/deleted"}] if self.server.deleted else [],
                "error": [{"type": "OperationOutcome", "url": f"{base}/error"}],
            }
            self.answer(200, document, kind="application/json")

    def file(self, path):
        _, _, ident, kind = path.split("/")
        if kind == "error":
            issues = [{"severity": "error", "code": "not-found"}]
            return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode() + b"\n"
        if kind == "deleted":
            entries = [{"request": {"method": "DELETE", "url": name}} for name in self.server.deleted]
            return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode() + b"\n"
        asked = self.server.jobs[f"/job/{ident}"][1]
        return b"".join(json.dumps(one).encode() + b"\n" for one in self.server.found(kind, asked))


if __name__ == "__main__":
    made = Server(json.loads(sys.argv[1]))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    sys.stdout.write(f"{made.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
