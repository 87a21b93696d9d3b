"""What the REST face takes from whoever wires the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from adapter.auth.endpoints import Endpoints
    from adapter.auth.requester import Requester
    from adapter.fhir.facts import Facts
    from adapter.fhir.validate import Validator
    from adapter.services.asserting import PartnerAssertions
    from adapter.services.audit import Audit
    from adapter.services.bulk import Bulk
    from adapter.services.disclose import Disclosure
    from adapter.services.everything import Everything
    from adapter.services.explain import Explain
    from adapter.services.feed_contracts import Ending
    from adapter.services.groups import Groups
    from adapter.services.intake import Intake
    from adapter.services.measures import Measures
    from adapter.services.patient_match import PatientMatch
    from adapter.services.reception import Reception
    from adapter.services.subscriptions import Subscriptions
    from adapter.services.versions import Versions
    from adapter.services.writing import Writing


class Services(Protocol):
    """What the REST face takes from whoever wires the server."""

    @property
    def disclosure(self) -> Disclosure:
        """The gate."""
        ...

    @property
    def versions(self) -> Versions:
        """The gate for single versions."""
        ...

    @property
    def bulk(self) -> Bulk:
        """The gate for exports."""
        ...

    @property
    def groups(self) -> Groups:
        """The gate for groups of people."""
        ...

    @property
    def everything(self) -> Everything:
        """The gate for all there is of one person."""
        ...

    @property
    def explain(self) -> Explain:
        """Tells privacy officers why."""
        ...

    @property
    def audit(self) -> Audit:
        """Reads the ledger to privacy officers."""
        ...

    @property
    def assertions(self) -> PartnerAssertions:
        """The way in for what partners assert."""
        ...

    @property
    def match(self) -> PatientMatch:
        """Tells who somebody is, among what the caller sees."""
        ...

    @property
    def subscriptions(self) -> Subscriptions:
        """What partners have subscribed to."""
        ...

    @property
    def requester(self) -> Requester:
        """Finds the caller of a request."""
        ...

    @property
    def authorization(self) -> Endpoints:
        """Issues, introspects and revokes access tokens."""
        ...

    @property
    def intake(self) -> Intake:
        """Takes what senders push."""
        ...

    @property
    def writing(self) -> Writing:
        """Carries out what clients write."""
        ...

    @property
    def reception(self) -> Reception:
        """Answers messages in their own language."""
        ...

    @property
    def endings(self) -> Callable[[], Sequence[Ending]]:
        """Tells which agreements are about to end, and which ended ones keep a feed closed."""
        ...

    @property
    def base_url(self) -> str:
        """The public FHIR base, ending in ``/fhir``, without a trailing slash."""
        ...

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which search dates without an offset are read."""
        ...

    @property
    def facts(self) -> Facts:
        """The structure of the R4 types."""
        ...

    @property
    def validator(self) -> Validator:
        """Checks resources against R4 and the profiles that ship."""
        ...

    @property
    def conformance(self) -> Sequence[Mapping[str, Any]]:
        """The resources that describe this server, the statements left out."""
        ...

    @property
    def cursor_key(self) -> bytes:
        """The AES-SIV key of page cursors: 64 random bytes, the same for all processes of a site."""
        ...

    @property
    def new_id(self) -> Callable[[], str]:
        """Makes request ids: ASCII, unguessable."""
        ...

    @property
    def ready(self) -> Callable[[], Awaitable[bool]]:
        """Whether the store answers and the server should be sent requests."""
        ...

    @property
    def measures(self) -> Measures:
        """What this process has counted."""
        ...

    @property
    def metrics(self) -> Callable[[], Awaitable[str]]:
        """The counts as text, with what waits at this moment."""
        ...

    @property
    def tick(self) -> Callable[[], float]:
        """Seconds of a clock that never goes back."""
        ...

    @property
    def version(self) -> str:
        """The version of the software."""
        ...
