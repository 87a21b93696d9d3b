"""Where partners are told besides HTTP: HL7 v2 receivers over MLLP, and places that take CorEMR alerts as CSV.

They are sections of `partners.yaml`. A subscription chooses one of them by its address and nothing else of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MLLP = "hl7v2-mllp"
ALERTS = "coremr-alerts-csv"
OWN_HOST = frozenset({"127.0.0.1", "::1", "localhost"})
_HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-f:]+\])"
_HD = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,179}$"
_AUTHORITY = Annotated[str, Field(pattern=_HD)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hl7Endpoint(_Section):
    """An HL7 v2 receiver: where it listens, what it is called (MSH-5, MSH-6), and how it wants its messages."""

    channel: Literal["hl7v2-mllp"]
    address: str = Field(pattern=rf"^mllps?://{_HOST}:[0-9]{{1,5}}$")
    application: str = Field(pattern=_HD)
    facility: str = Field(default="", pattern=rf"{_HD}|^$")
    sender_application: str = Field(default="SALLYPORT", pattern=_HD)
    sender_facility: str = Field(default="", pattern=rf"{_HD}|^$")
    version: Literal["2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.2"] = "2.5.1"
    processing: Literal["P", "T"] = "P"
    charset: Literal["ASCII", "8859/1", "8859/15", "UNICODE UTF-8"] = "UNICODE UTF-8"
    acknowledge: Literal["original", "enhanced"] = "original"
    identifiers: str = ""
    authorities: dict[str, _AUTHORITY] = {}
    certificate: str = ""
    ca_file: str = ""

    @property
    def plain(self) -> bool:
        """Whether it is reached without TLS, which only this host may be."""
        return self.address.startswith("mllp:")

    @model_validator(mode="after")
    def _encrypted(self) -> Hl7Endpoint:
        host = self.address.partition("//")[2].rpartition(":")[0].strip("[]")
        if self.plain and host not in OWN_HOST:
            faults = [("address", "without TLS what is told would cross the network in clear", "`mllps://`")]
            raise PydanticCustomError("plain", "without TLS", {"faults": faults})
        return self


class AlertsEndpoint(_Section):
    """A place that takes CorEMR alerts as CSV files: a folder of this host, or one of another host over SFTP.

    ``jackets`` is the identifier system of the numbers by which the receiver knows people. ``codes`` names alerts as
    the receiver does: by the code that stands there otherwise, such as `phq-9-level:severe`.
    """

    channel: Literal["coremr-alerts-csv"]
    folder: str = ""
    address: str = Field(default="", pattern=rf"^(sftp://{_HOST}(:[0-9]{{1,5}})?(/[A-Za-z0-9._/-]*)?)?$")
    user: str = ""
    key: str = ""
    host_key: str = Field(default="", pattern=r"^((ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+.*)?$")
    encoding: Literal["utf-8", "windows-1252"] = "utf-8"
    jackets: str = Field(min_length=1)
    bookings: str = ""
    codes: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9][ -~]{0,63}$")]] = {}

    @model_validator(mode="after")
    def _one_place(self) -> AlertsEndpoint:
        faults = []
        if bool(self.folder) is bool(self.address):
            faults.append(("folder", "there is no one place", "`folder` or `address`"))
        needed = [name for name in ("user", "key", "host_key") if bool(getattr(self, name)) is not bool(self.address)]
        faults += [(name, "it goes with an address of SFTP", "`address`, `user`, `key`, `host_key`") for name in needed]
        if faults:
            raise PydanticCustomError("inconsistent", "no one place", {"faults": faults})
        return self


NotifyEndpoint = Annotated[Hl7Endpoint | AlertsEndpoint, Field(discriminator="channel")]


def address_of(name: str, endpoint: Hl7Endpoint | AlertsEndpoint) -> str:
    """What a Subscription writes as its endpoint to be told there: its address, or `folder:` and its name."""
    return endpoint.address or f"folder:{name}"
