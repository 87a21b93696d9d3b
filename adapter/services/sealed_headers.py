"""Headers that a subscriber wants sent, sealed for the store: AES-SIV (RFC 5297), bound to the subscription.

They hold what the receiver knows the sender by. They are opened to be sent and for nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapter.errors import SallyportError

if TYPE_CHECKING:
    from adapter.services.keys import SiteKeys


class HeaderSeal:
    """Seals and opens headers."""

    def __init__(self, keys: SiteKeys) -> None:
        self._cipher = AESSIV(keys.header_key())

    def seal(self, subscription: str, headers: tuple[tuple[str, str], ...]) -> bytes:
        """The headers of a subscription, for the store."""
        return self._cipher.encrypt(orjson.dumps(headers), [subscription.encode()]) if headers else b""

    def open(self, subscription: str, sealed: bytes) -> tuple[tuple[str, str], ...]:
        """The headers of a subscription. ``SallyportError`` when they were sealed with another secret."""
        if not sealed:
            return ()
        try:
            told = orjson.loads(self._cipher.decrypt(sealed, [subscription.encode()]))
        except InvalidTag:
            raise SallyportError(
                "the headers of a subscription were kept under another `site.key`; restore the key of the store"
            ) from None
        return tuple((name, value) for name, value in told)
