"""The FHIR server of a partner as a process of its own, and a site folder that pulls from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.behavioral_health.smart import SigningKey

FOLDER = Path(__file__).parent
KID = "alder-2026"


def private_key(kind="ec"):
    """A fresh private key as PEM."""
    key = ec.generate_private_key(ec.SECP384R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Partner:
    """Starts the server and gives it orders."""

    def __init__(self, kind="ec"):
        self.pem = private_key(kind)

    def __enter__(self):
        jwk = SigningKey.read(self.pem, KID, where="test").public()
        self._process = subprocess.Popen(  # noqa: S603 - a script of ours
            [sys.executable, str(FOLDER / "fhir_server.py"), json.dumps(jwk)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def order(self, **order):
        """Change what the server has or does; what it was asked so far."""
        return httpx2.post(f"http://127.0.0.1:{self.port}/_test", json=order).json()

    def adjust(self, folder, **changes):
        """Have the feed of the clinic pull from this server."""
        path = folder / "feeds" / "riverside_ehr.yaml"
        feed = yaml.safe_load(path.read_text())
        feed["pull"] |= {
            "base_url": f"http://127.0.0.1:{self.port}/fhir",
            "kid": KID,
            "count": 2,
            "token_url": None,
            "export": None,
            **changes,
        }
        path.write_text(yaml.safe_dump(feed, sort_keys=False))
        key = folder / feed["pull"]["key"]
        key.parent.mkdir(exist_ok=True)
        key.write_bytes(self.pem)
        os.chmod(key, 0o600)  # noqa: PTH101 - of one file
