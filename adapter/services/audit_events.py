"""Questions about a person as FHIR AuditEvents, after the patterns that IHE wrote for REST.

One event for each question and each record of the person it was about: what else the same answer held is not in it. The
content of a resource never is. Ids are sealed places in the ledger, so that they say nothing and can be read again.

IHE BALP: https://profiles.ihe.net/ITI/BALP/ (PatientRead, PatientQuery)
AuditEvent: https://hl7.org/fhir/R4/auditevent.html
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapter.consent.bases import OWN
from adapter.consent.wording import bases_told, classes_told
from adapter.fhir.instants import instant_text
from adapter.services.accounting import DISCLOSED, OWN_RECORD, REFUSED
from adapter.services.decisions import ACT_REASON, LOCAL_PURPOSES, PURPOSES
from adapter.store.shapes import row_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.services.accounting import Account, Asked, Given
    from adapter.services.words import Words

TYPE: Final = "AuditEvent"
BALP: Final = "https://profiles.ihe.net/ITI/BALP"
PROFILE: Final = "https://sallyport.example/fhir/StructureDefinition/disclosure-event"
_CODES: Final = "http://terminology.hl7.org/CodeSystem"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_SOURCE: Final = ("110153", "Source Role ID")
_DESTINATION: Final = ("110152", "Destination Role ID")
_READS: Final = frozenset({"read", "vread"})
_MINOR: Final = "4"
"""The event went as it should and gave nothing out: minor failure, http://hl7.org/fhir/audit-event-outcome."""
_TOLD: Final = {DISCLOSED: "disclosed", OWN_RECORD: "own record", REFUSED: "refused before anything was looked up"}


class AuditEvents:
    """Writes events and their ids with one key of 64 bytes; ``base_url`` is the public FHIR base."""

    def __init__(self, key: bytes, words: Words, *, base_url: str, site: str) -> None:
        self._siv = AESSIV(key)
        self._words = words
        self._base_url = base_url
        self._site = site

    def of(self, account: Account, *, officer: bool) -> Iterator[dict[str, Any]]:
        """The events of an account, oldest first: all of them, or what the person may be given."""
        for asked in account.asked if officer else account.for_person():
            for patient in asked.patients:
                yield self.event(asked, patient, account.at, officer=officer)

    def ident(self, number: int, patient: str) -> str:
        """The id of the event of an entry for one Patient; it fits the 64 characters that FHIR gives to ids."""
        plain = number.to_bytes(8, "big") + row_key("Patient", patient).to_bytes(8, "big")
        return self._siv.encrypt(plain, None).hex()

    def place(self, ident: str) -> tuple[int, int] | None:
        """The place in the ledger and the key of the Patient that an id seals; None for anything else."""
        try:
            plain = self._siv.decrypt(bytes.fromhex(ident), None)
        except (ValueError, InvalidTag):
            return None
        return int.from_bytes(plain[:8], "big"), int.from_bytes(plain[8:], "big")

    def event(self, asked: Asked, patient: str, at: int, *, officer: bool) -> dict[str, Any]:
        """One event. Only for an ``officer`` it tells who of a client asked, and what stays out of an accounting."""
        read, nothing = asked.interaction in _READS, asked.result not in {DISCLOSED, OWN_RECORD}
        profile = "IHE.BasicAudit.PatientRead" if read else "IHE.BasicAudit.PatientQuery"
        event: dict[str, Any] = {
            "resourceType": TYPE,
            "id": self.ident(asked.number, patient),
            "meta": {"lastUpdated": instant_text(at), "profile": [PROFILE]},
            "type": _coding(f"{_CODES}/audit-event-type", "rest", "Restful Operation"),
            "subtype": [_coding("http://hl7.org/fhir/restful-interaction", _subtype(asked.interaction))],
            "action": "R" if read else "E",
            "recorded": instant_text(asked.at),
            "outcome": _MINOR if nothing else "0",
            "outcomeDesc": _TOLD.get(asked.result, "nothing was given"),
            "purposeOfEvent": [{"coding": [_purpose(asked.purpose)]}],
            "agent": self._agents(asked, read=read, officer=officer),
            "source": {
                "site": self._site,
                "observer": {"display": "Sallyport"},
                "type": [_coding(f"{_CODES}/security-source-type", "4", "Application Server")],
            },
            "entity": list(self._entities(asked, patient, officer=officer)),
        }
        if not nothing:
            # The patterns are of what succeeded.
            event["meta"]["profile"].append(f"{BALP}/StructureDefinition/{profile}")
        return event

    def _agents(self, asked: Asked, *, read: bool, officer: bool) -> list[dict[str, Any]]:
        # IHE calls the client the destination of a read, and the source of a query.
        client, server = (_DESTINATION, _SOURCE) if read else (_SOURCE, _DESTINATION)
        who = {"reference": asked.recipient, "display": self._words.name(asked.recipient)}
        asking: dict[str, Any] = {
            "type": {"coding": [_coding(_DICOM, *client)]},
            "who": who,
            "requestor": True,
            "purposeOfUse": [{"coding": [_purpose(asked.purpose)]}],
        }
        if officer:
            asking["altId"] = asked.client
        return [
            asking,
            {
                "type": {"coding": [_coding(_DICOM, *server)]},
                "who": {"display": self._base_url},
                "requestor": False,
                "network": {"address": self._base_url, "type": "5"},
            },
        ]

    def _entities(self, asked: Asked, patient: str, *, officer: bool) -> Iterator[dict[str, Any]]:
        yield {
            "what": {"identifier": {"value": asked.request_id}},
            "type": _coding(f"{BALP}/CodeSystem/BasicAuditEntityType", "XrequestId"),
        }
        marks = [_detail("accounting", "suspended")] if officer and asked.suspended else []
        marks += [_detail("accounting", "former record")] if officer and asked.former else []
        yield {
            "what": {"reference": f"Patient/{patient}"},
            "type": _coding(f"{_CODES}/audit-entity-type", "1", "Person"),
            "role": _coding(f"{_CODES}/object-role", "1", "Patient"),
        } | ({"detail": marks} if marks else {})
        if asked.interaction not in _READS:
            # What else the search named may be about others: the person's own event says who it is about.
            query = asked.target if officer and asked.patients == (patient,) else asked.target.partition("?")[0]
            yield {
                "type": _coding(f"{_CODES}/audit-entity-type", "2", "System Object"),
                "role": _coding(f"{_CODES}/object-role", "24", "Query"),
                "query": b64encode(query.encode()).decode("ascii"),
            }
        elif not asked.given:
            yield self._data({"reference": asked.target})
        for item in asked.given:
            if item.patient == patient:
                yield self._data({"reference": item.resource}) | {"detail": _details(item, self._words)}

    @staticmethod
    def _data(what: dict[str, Any]) -> dict[str, Any]:
        return {
            "what": what,
            "type": _coding(f"{_CODES}/audit-entity-type", "2", "System Object"),
            "role": _coding(f"{_CODES}/object-role", "4", "Domain Resource"),
        }


def _details(item: Given, words: Words) -> list[dict[str, Any]]:
    basis = " and ".join(bases_told(item.grounds & ~OWN)) or (
        "own record" if item.grounds & OWN else "not held any more"
    )
    return [
        _detail("version", item.version),
        _detail("class", classes_told((item.kind,))),
        _detail("made by", words.name(item.unit)),
        _detail("basis", basis),
        *(_detail("accounted under", listing.citation) for listing in item.listings),
    ]


def _detail(name: str, value: str) -> dict[str, Any]:
    return {"type": name, "valueString": value or "-"}


def _coding(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"system": system, "code": code} | ({"display": display} if display else {})


def _purpose(code: str) -> dict[str, Any]:
    return _coding(PURPOSES if code in LOCAL_PURPOSES else ACT_REASON, code)


_INTERACTIONS: Final = frozenset(
    [
        "read",
        "vread",
        "history-instance",
        "search-type",
        "create",
        "update",
        "patch",
        "delete",
        "batch",
        "transaction",
        "capabilities",
    ]
)
"""Codes of http://hl7.org/fhir/restful-interaction that the ledger uses."""


def _subtype(interaction: str) -> str:
    """The code of the interaction as FHIR lists them; an operation of whatever name is one."""
    return interaction if interaction in _INTERACTIONS else "operation"
