"""From a signed form to the Consent it is and the share of it that each recipient gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapter.consent.release import author, on_hold
from adapter.consent.share import reaches_part2, recipients, sensitivities, share, withdrawn
from adapter.errors import RecordError
from adapter.services.origin import labels_of_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from adapter.consent.release_form import Form
    from adapter.services.origin import Record
    from adapter.services.write import Writer
    from adapter.settings import Feed
    from adapter.source import SourceRecord
    from adapter.store.shapes import ResourceWrite

UNDECLARED: Final = "undeclared"


class Releases:
    """The forms of one feed. ``forms`` are by name and version."""

    def __init__(
        self,
        feed: Feed,
        *,
        writer: Writer,
        forms: Mapping[tuple[str, str], Form],
        organisations: Mapping[str, str],
        zone: ZoneInfo,
    ) -> None:
        self._feed = feed
        self._records = feed.records
        self._writer = writer
        self.forms = forms
        self._organisations = organisations
        self._zone = zone
        self._audiences = {
            organisations[key]
            for form in forms.values()
            for key in (*form.partners, *(one for each in form.intermediaries.values() for one in each.participants))
            if key in organisations
        }

    def undeclared(self) -> RecordError:
        """Held for its sender alone, and waiting to run again once someone has declared the unit."""
        known = ", ".join(self._feed.units)
        return RecordError("undeclared-unit", "unit", f"a unit that the feed declares: {known}")

    async def writes(
        self, record: Record, consent: Mapping[str, Any], submission: str, *, ident: str = ""
    ) -> list[ResourceWrite]:
        """The Consent, first, and the share of each recipient; whoever is no longer one has its share withdrawn.

        ``ident`` is the id of a Consent that has one already.
        """
        key = (*record.person, submission)
        ident = ident or self._writer.resource_id(self._records, "Consent", *key)
        writes = [
            await self._writer.prepare(consent, record.origin.facets("consent"), ident=ident, patient=record.patient)
        ]
        named = recipients(consent)
        for recipient in sorted({*named, *self._audiences}):
            given = share(consent, recipient) if recipient in named else None
            if given is None:
                labels = None
                body = withdrawn(f"Patient/{record.patient}", record.origin.unit)
            else:
                regime = "part2" if reaches_part2(given) else record.origin.regime
                labels = labels_of_source(sensitivities(given), (), regime, record.origin.inbound)
                body = given
            writes.append(
                await self._writer.prepare(
                    body,
                    record.origin.facets("share", labels=labels, audience=recipient),
                    ident=self._writer.resource_id(self._records, "consent-share", *key, recipient),
                    patient=record.patient,
                    existing=given is None,
                )
            )
        return writes

    def consent(self, record: Record, source: SourceRecord) -> tuple[dict[str, Any], RecordError | None]:
        """The Consent of a signed form; one that is deficient or of an undeclared unit denies until it is mended.

        It may be a revocation: what was signed before must not go on as if it had not arrived.
        """
        patient = f"Patient/{record.patient}"
        if record.origin.regime == UNDECLARED:
            return on_hold(patient), self.undeclared()
        try:
            return self.authored(source.values, patient=patient, at=record.received), None
        except RecordError as error:
            return on_hold(patient), error

    def authored(self, values: Mapping[str, Any], *, patient: str, at: int) -> dict[str, Any]:
        """The Consent that a signed form amounts to; ``RecordError`` names the elements that it lacks."""
        form = self.forms.get((str(values.get("form", "")), str(values.get("version", ""))))
        if form is None:
            known = ", ".join(" ".join(names) for names in self.forms)
            raise RecordError("wrong-form", "version", f"one of {known}")
        return author(form, values, patient_ref=patient, organisations=self._organisations, zone=self._zone, now=at)
