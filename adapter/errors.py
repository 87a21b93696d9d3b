"""The error tree, and the one table from an error to its HTTP status and OperationOutcome issue code.

    SallyportError
    ├── ConfigurationError      a site, mapping, form or agreement file is wrong; the start stops
    ├── RecordError             one source record cannot be used; it waits in quarantine
    ├── InvalidResource         a resource breaks the structure of R4 or of its profile
    ├── RequestError            a caller asked wrongly
    │   ├── NotAuthenticated
    │   ├── NotAllowed
    │   │   └── OutOfScope  the scopes of the token do not hold the interaction
    │   ├── NotFound            absent, deleted and withheld are one and the same
    │   ├── NotSupported
    │   ├── NotAcceptable
    │   ├── Conflict            the request contradicts an earlier one of the same caller
    │   ├── PreconditionFailed  what the caller takes for granted is not so
    │   ├── Rejected            what was sent cannot be kept; it says why, element by element
    │   └── TooMany             the caller has asked too often
    │       └── Throttled   asked too often: it says in how many seconds to come back
    ├── LedgerBroken            the disclosure ledger does not follow from itself any more
    └── Unavailable             the answer cannot be given now; never a shorter answer instead
        └── FeedClosed          a feed takes nothing in now; its sender keeps what it has and sends it later

Messages are for the person who must mend something: lowercase, what and where, what was expected, what to do
next. No message carries a value from a health record.

Issue codes: https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

from dataclasses import dataclass


class SallyportError(Exception):
    """Something Sallyport itself can explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend in a configuration file.

    ``where`` is the file, ``path`` the key path in it (``resources[0].fields.name``), ``message`` says what is
    wrong, ``expected`` what would be right (valid values, a shape).
    """

    where: str
    path: str
    message: str
    expected: str = ""

    def __str__(self) -> str:
        expected = f"; expected {self.expected}" if self.expected else ""
        at = f" at `{self.path}`" if self.path else ""
        return f"{self.where}{at}: {self.message}{expected}"


class ConfigurationError(SallyportError):
    """A file of the site or a mapping is wrong. Carries every problem found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class RecordError(SallyportError):
    """One source record cannot be used.

    ``code`` is a stable word for counting (``bad-date``, ``missing-key``); ``element`` the column or path.
    ``unlisted`` are the codes that no table lists, each as (table, column, code); they are in no message.
    """

    unlisted: tuple[tuple[str, str, str], ...] = ()

    def __init__(self, code: str, element: str, expected: str) -> None:
        self.code = code
        self.element = element
        self.expected = expected
        super().__init__(f"{code} at `{element}`: expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding about a resource: FHIRPath location, issue-type code and words without content."""

    path: str
    code: str
    message: str


class InvalidResource(SallyportError):
    """A resource breaks R4, its profile or an invariant."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues
        super().__init__("; ".join(f"{issue.path}: {issue.message}" for issue in issues))


class RequestError(SallyportError):
    """The request is malformed. ``expression`` names the parameter or element it concerns."""

    def __init__(self, message: str, *, expression: str = "") -> None:
        self.expression = expression
        super().__init__(message)


class NotAuthenticated(RequestError):
    """No token, or one that is not valid."""


class NotAllowed(RequestError):
    """The token is valid but its agreement does not grant this right."""


class OutOfScope(NotAllowed):
    """The token is valid but none of its scopes holds this interaction with this type."""


class NotFound(RequestError):
    """There is nothing here that this caller may see."""


class NotSupported(RequestError):
    """The interaction or parameter is not offered."""


class NotAcceptable(RequestError):
    """None of the accepted formats is offered."""


class Conflict(RequestError):
    """The request contradicts an earlier one of the same caller."""


class PreconditionFailed(RequestError):
    """What the caller takes for granted is not so: a version, or that one record fits its criteria."""


class Rejected(RequestError):
    """What was sent cannot be kept. Carries every issue found."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = issues
        super().__init__("; ".join(f"{issue.path}: {issue.message}" for issue in issues))


class TooMany(RequestError):
    """The caller has asked too often."""


class Throttled(TooMany):
    """The caller has asked too often within a minute; ``wait`` is the number of seconds after which it may ask."""

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__("this client has asked too often within a minute")


class LedgerBroken(SallyportError):
    """An entry of the disclosure ledger was changed, taken out or put in.

    ``entry`` counts from 1; ``at`` and ``request_id`` are those that it shows, which may not be what was written.
    """

    def __init__(self, entry: int, *, at: int | None = None, request_id: str = "") -> None:
        self.entry = entry
        self.at = at
        self.request_id = request_id
        told = f" (request `{request_id}`): it does not follow from what stands before" if request_id else ""
        ends = "" if request_id else ": the head that was kept is not in it, so its end was cut off or exchanged"
        super().__init__(
            f"the ledger breaks at entry {entry}{told}{ends}; keep the file as it is, and compare it with a backup"
        )


class Unavailable(SallyportError):
    """The answer cannot be given now."""


class FeedClosed(Unavailable):
    """A feed takes nothing in: no contract that covers it is in force."""


STATUS: dict[type[SallyportError], tuple[int, str]] = {
    NotAuthenticated: (401, "login"),
    NotAllowed: (403, "forbidden"),
    NotFound: (404, "not-found"),
    NotSupported: (400, "not-supported"),
    NotAcceptable: (406, "not-supported"),
    Conflict: (409, "conflict"),
    PreconditionFailed: (412, "conflict"),
    Rejected: (422, "invalid"),
    TooMany: (429, "throttled"),
    RequestError: (400, "invalid"),
    InvalidResource: (422, "structure"),
    Unavailable: (503, "transient"),
}
"""HTTP status and issue code of each error a caller can meet; anything else is 500 `exception`."""


def status_of(error: BaseException) -> tuple[int, str]:
    """The HTTP status and issue code of ``error``, by its nearest ancestor in ``STATUS``."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500, "exception"
