"""The states of a subscription, and what moves it from one to the next.

`requested` until the handshake is accepted, `active` while notifications arrive, `error` while they do not, `off` for
good: by its own end, by its owner, or because nobody may be told any more.

https://hl7.org/fhir/uv/subscriptions-backport/errors.html
"""

from __future__ import annotations

from typing import Final, Literal

Status = Literal["requested", "active", "error", "off"]
Happening = Literal["accepted", "refused", "given-up", "replayed", "ended", "barred", "changed"]

MOVES: Final[dict[tuple[Status, Happening], Status]] = {
    ("requested", "accepted"): "active",
    ("requested", "refused"): "requested",
    ("requested", "given-up"): "off",
    ("active", "accepted"): "active",
    ("active", "refused"): "error",
    ("active", "given-up"): "error",
    ("error", "accepted"): "active",
    ("error", "refused"): "error",
    ("error", "given-up"): "error",
    ("error", "replayed"): "error",
    ("requested", "replayed"): "requested",
    ("active", "replayed"): "active",
    ("off", "changed"): "requested",
}
"""What becomes of a state; whatever is not listed leaves it as it is."""
_ALWAYS: Final[dict[Happening, Status]] = {"ended": "off", "barred": "off"}


def after(status: Status, happening: Happening) -> Status:
    """The state that follows. A changed subscription shows anew that somebody listens where it leads."""
    if happening == "changed":
        return "requested"
    return _ALWAYS.get(happening) or MOVES.get((status, happening), status)
