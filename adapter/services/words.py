"""Names and dates as the county's people write them: partners by name, instants in the site's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapter.store.shapes import BEGINNING, END

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORGANIZATION = "Organization/"


class Words:
    """Speaks of partners and instants. ``partners`` gives the name of each partner by its key."""

    def __init__(self, partners: Mapping[str, str], zone: ZoneInfo) -> None:
        self._partners = partners
        self._zone = zone

    def name(self, reference: str) -> str:
        """The name of an organisation; the reference itself for one that is no partner."""
        return self._partners.get(reference.removeprefix(_ORGANIZATION), reference)

    def moment(self, at: int) -> str:
        """An instant to the second, with the zone: `1 March 2026, 10:00:00 (America/Denver)`."""
        local = self._local(at)
        return f"{self._day(local)}, {local:%H:%M:%S} ({self._zone.key})"

    def day(self, at: int) -> str:
        """The day of an instant: `1 March 2026`."""
        return self._day(self._local(at))

    def date(self, at: int) -> date:
        """The day of an instant in the time zone of the site."""
        return self._local(at).date()

    def until(self, stop: int) -> str:
        """The end of a half-open period: the last day where it ends at midnight, else the instant; empty for none."""
        if stop >= END:
            return ""
        local = self._local(stop)
        if (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
            return f"to the end of {self._day(self._local(stop - 1))}"
        return f"until {self.moment(stop)}"

    def since(self, start: int) -> str:
        """The start of a period; empty for none."""
        return "" if start <= BEGINNING else f"from {self.moment(start)}"

    def _local(self, at: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(self._zone)

    @staticmethod
    def _day(local: datetime) -> str:
        # Written out, because names of months would follow the locale of the process.
        return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
