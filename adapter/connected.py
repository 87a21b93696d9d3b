"""The connectors there are, by the name that a feed and a mapping give them; part of the wiring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.behavioral_health.ccda import Ccda
from connectors.behavioral_health.fhir_ndjson import FhirNdjson
from connectors.behavioral_health.release_forms import ReleaseForms
from connectors.court.ecf_xml import EcfXml
from connectors.court.niem_xml import NiemXml
from connectors.court.odyssey_csv import OdysseyCsv
from connectors.court.odyssey_json import OdysseyJson
from connectors.jail.charge_csv import ChargeCsv
from connectors.jail.corerm_alerts import CoremrAlerts
from connectors.jail.corerm_events import CoremrEvents
from connectors.jail.corerm_roster import CoremrRoster
from connectors.jail.hl7v2.connector import Hl7v2
from connectors.jail.jailtracker_json import JailtrackerJson
from connectors.jail.niem_booking import NiemBooking
from connectors.jail.zuercher_json import ZuercherJson
from connectors.table_csv import TableCsv

if TYPE_CHECKING:
    from adapter.source import Connector

CONNECTORS: dict[str, Connector] = {
    connector.name: connector
    for connector in (
        CoremrRoster(),
        CoremrEvents(),
        CoremrAlerts(),
        ChargeCsv(),
        JailtrackerJson(),
        ZuercherJson(),
        NiemBooking(),
        Hl7v2(),
        NiemXml(),
        EcfXml(),
        OdysseyCsv(),
        OdysseyJson(),
        FhirNdjson(),
        Ccda(),
        ReleaseForms(),
        TableCsv(),
    )
}
