"""Refusals of the authorization endpoints: an error code for the caller, a word for the county's own people.

The caller gets a constant for each code, so that no answer tells whether a client, a key or a user exists. The word
stands in the ledger under the ``X-Request-Id`` of the answer and holds nothing that was sent.

https://www.rfc-editor.org/rfc/rfc6749#section-5.2
"""

from __future__ import annotations

from typing import Literal

from adapter.errors import SallyportError

Code = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "unsupported_grant_type",
]


class Refusal(SallyportError):
    """An authorization endpoint refuses. ``client`` is who asked, once that is proven."""

    def __init__(self, code: Code, why: str, *, client: str = "") -> None:
        self.code: Code = code
        self.why = why
        self.client = client
        super().__init__(f"{code}: {why}")
