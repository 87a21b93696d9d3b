"""People on a group as its owner knows them: names, a birth date, a number that the county's records show.

What serves recognition only (SSN, fingerprint numbers) is not taken: a group would tell what no record shows.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adapter.errors import SallyportError
from adapter.identity.traits import traits_of

if TYPE_CHECKING:
    from adapter.identity.traits import Traits
    from adapter.services.keys import SiteKeys

MOST_PEOPLE: Final = 10_000
"""People of one group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody on a group. ``key`` is what the owner calls the person; every other empty string is "not told"."""

    key: str = ""
    family: str = ""
    given: str = ""
    middle: str = ""
    birth_date: str = ""
    sex: str = ""
    system: str = ""
    value: str = ""

    def traits(self) -> Traits:
        """The same as it is compared."""
        names = [{"family": self.family, "given": [one for one in (self.given, self.middle) if one]}]
        numbers = [{"system": self.system, "value": self.value}]
        told = {"birthDate": self.birth_date, "gender": self.sex}
        return traits_of({"name": names if self.family else [], "identifier": numbers if self.value else []} | told)


_NAMES: Final = ("key", "family", "given", "middle", "birth_date", "sex", "system", "value")


class PanelSeal:
    """Seals and opens people of a group: AES-SIV (RFC 5297), so that the same person of a group is the same bytes."""

    def __init__(self, keys: SiteKeys) -> None:
        self._cipher = AESSIV(keys.panel_key())

    def seal(self, panel: str, person: Person) -> bytes:
        """A person, for the store, bound to the group."""
        return self._cipher.encrypt(orjson.dumps(astuple(person)), [panel.encode()])

    def open(self, panel: str, sealed: bytes) -> Person:
        """A person as its owner told it. ``SallyportError`` when it was sealed with another secret."""
        try:
            told = orjson.loads(self._cipher.decrypt(sealed, [panel.encode()]))
        except InvalidTag:
            raise SallyportError(
                "the people of a group were kept under another `site.key`; restore the key of the store"
            ) from None
        return Person(**dict(zip(_NAMES, told, strict=True)))
