"""TLS of an MLLP listener: 1.2 or newer, a client certificate always, and which senders a certificate may speak for.

A certificate is named by its SHA-256 fingerprint or by attributes of its subject; who issued it is settled by the
client CA.

IHE ITI TF-2 3.19 (Authenticate Node): https://profiles.ihe.net/ITI/TF/Volume2/ITI-19.html
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from adapter.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FINGERPRINT: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_SUBJECT: Final = {
    "CN": "commonName",
    "O": "organizationName",
    "OU": "organizationalUnitName",
    "L": "localityName",
    "ST": "stateOrProvinceName",
    "C": "countryName",
}

Sender = tuple[str, str]
"""MSH-3.1 and MSH-4.1: the application that sends and its facility."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A sender and the certificate it has to show; ``certificate`` is empty where the listener is plain."""

    sender: Sender
    certificate: str = ""

    def admits(self, shown: Mapping[str, Any], fingerprint: str) -> bool:
        """Whether a certificate, as ``ssl`` describes it, is the one of this sender."""
        if FINGERPRINT.match(self.certificate):
            return fingerprint == self.certificate
        wanted = subject(self.certificate)
        held: dict[str, list[str]] = {}
        for relative in shown.get("subject", ()):
            for name, value in relative:
                held.setdefault(name, []).append(value)
        return wanted is not None and all(held.get(name) == [value] for name, value in wanted.items())


def subject(text: str) -> dict[str, str] | None:
    """`CN=jail-ehr, O=Alder County` as names and values; None where it is no such list."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if name not in _SUBJECT or not equals or not value or _SUBJECT[name] in found:
            return None
        found[_SUBJECT[name]] = value
    return found


def admitted(bindings: Iterable[Binding], connection: ssl.SSLObject | None) -> list[Sender]:
    """The senders a connection may speak for: all where the listener is plain."""
    if connection is None:
        return [each.sender for each in bindings]
    der = connection.getpeercert(binary_form=True) or b""
    shown, fingerprint = connection.getpeercert() or {}, f"sha256:{sha256(der).hexdigest()}"
    return [each.sender for each in bindings if each.admits(shown, fingerprint)]


def server_context(*, certificate: Path, key: Path, client_ca: Path) -> ssl.SSLContext:
    """TLS for a listener. Raises ConfigurationError that names the file which cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    problems = []
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        problems.append(_unusable("mllp.certificate", certificate, "a PEM certificate and its own key", error))
    try:
        context.load_verify_locations(client_ca)
    except (OSError, ssl.SSLError) as error:
        problems.append(_unusable("mllp.client_ca", client_ca, "a PEM file of who issues client certificates", error))
    if problems:
        raise ConfigurationError(problems)
    return context


def _unusable(path: str, file: Path, expected: str, error: Exception) -> Problem:
    why = "there is no such file" if isinstance(error, FileNotFoundError) else "it cannot be read as that"
    return Problem(where="site.toml", path=path, message=f"`{file.name}`: {why}", expected=expected)
