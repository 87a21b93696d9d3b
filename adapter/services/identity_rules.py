"""The weights and short forms by which a site matches people: those that ship, or the county's own `identity.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapter.assets import identity
from adapter.errors import ConfigurationError, Problem
from adapter.identity.match import Matcher
from adapter.identity.names import Nicknames
from adapter.identity.weights import faults, weights_of
from adapter.settings import read_document

if TYPE_CHECKING:
    from adapter.settings import Site

OWN: Final = "identity.yaml"
"""In the site folder, as `sallyport identity train` writes it."""


def matcher(site: Site) -> Matcher:
    """What compares the records of a site. ``ConfigurationError`` names what is wrong with its own weights."""
    shipped = identity()
    path = site.folder / OWN
    document = read_document(path) if path.exists() else shipped["weights"]
    wrong = [Problem(where=OWN, path=at, message=what, expected=right) for at, what, right in faults(document)]
    if wrong:
        raise ConfigurationError(wrong)
    return Matcher(weights_of(document), Nicknames(shipped["nicknames"]["groups"]))


def shipped_matcher() -> Matcher:
    """What compares records for partners: nothing in it was learned from the records of this site."""
    shipped = identity()
    return Matcher(weights_of(shipped["weights"]), Nicknames(shipped["nicknames"]["groups"]))
