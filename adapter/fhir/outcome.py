"""OperationOutcome: what went wrong, in the form FHIR clients read.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter.fhir.codec import dump_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapter.errors import Issue


def outcome(issues: Sequence[Issue], severity: str = "error") -> bytes:
    """The bytes of an OperationOutcome with one entry for each issue.

    ``severity`` is fatal, error, warning or information. Raises ValueError without an issue: FHIR asks
    for one.
    """
    if not issues:
        raise ValueError("an OperationOutcome needs an issue; expected at least one")
    return dump_value({"resourceType": "OperationOutcome", "issue": [_entry(issue, severity) for issue in issues]})


def _entry(issue: Issue, severity: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"severity": severity, "code": issue.code, "diagnostics": issue.message}
    if issue.path:
        entry["expression"] = [issue.path]
    return entry
