"""The grounds of a disclosure as bits, so that one integer says which of them permit and which an agreement allows.

`rule.effect` and `exception.effect` of the decision tables are such masks: 0 denies, `EXCEPTION` alone means that each
resource has to be asked, and every other bit is a ground that permits. `bound.bases` says which grounds the agreements
in force allow. What passes is what both hold, as far as it is live: the custody ground of a feed whose data is too old
is taken out.

45 CFR 164.506, 164.508, 164.512; 42 CFR 2.31, 2.35, 2.51, 2.61 to 2.67.
"""

from __future__ import annotations

from typing import Final

EXCEPTION: Final = 1
"""Each resource of the segment has to be decided on its own."""
CONSENT: Final = 2
"""A written consent or authorization, of whatever instrument."""
TREATMENT: Final = 4
"""T: treatment, payment and operations within a recorded treatment relationship, 45 CFR 164.506."""
THREAT: Final = 8
"""J: a serious and imminent threat, 45 CFR 164.512(j)."""
EMERGENCY: Final = 16
"""E: a medical emergency, 42 CFR 2.51."""
ORDER: Final = 32
"""O: a court order, 42 CFR 2.61 to 2.67 and 45 CFR 164.512(e)."""
CONTRACT: Final = 64
"""Q: a contract with one source, business associate (45 CFR 164.504(e)) or qualified service organization."""
OWN: Final = 128
"""No disclosure to another: an own record, the directory."""
PROCEEDING: Final = 256
"""X: a consent for one proceeding, 42 CFR 2.31(d), recorded with its facts."""

CUSTODY_FEEDS: Final = 31
"""How many feeds may tell custody; each has a bit of its own, because each may fall silent on its own."""
_FIRST_CUSTODY: Final = 10

CODES: Final = {
    "consent": CONSENT,
    "T": TREATMENT,
    "J": THREAT,
    "E": EMERGENCY,
    "O": ORDER,
    "Q": CONTRACT,
    "X": PROCEEDING,
}
"""The codes that agreements and the table of legal bases use; K stands apart because it has a bit for each feed."""


def custody(feed: int) -> int:
    """The bit of K, lawful custody (45 CFR 164.512(k)(5)), as told by the custody feed of this number."""
    if not 0 <= feed < CUSTODY_FEEDS:
        raise ValueError(f"a site has at most {CUSTODY_FEEDS} feeds that tell custody")
    return 1 << (_FIRST_CUSTODY + feed)


CUSTODY: Final = ((1 << CUSTODY_FEEDS) - 1) << _FIRST_CUSTODY
"""K, whichever feed tells it."""
UNBOUND: Final = THREAT | EMERGENCY | ORDER | OWN
"""What law allows over any agreement, and what is no disclosure."""
ALL: Final = CONSENT | TREATMENT | THREAT | EMERGENCY | ORDER | CONTRACT | OWN | PROCEEDING | CUSTODY


def mask(code: str) -> int:
    """The bits of a ground by its code in agreements: `consent`, T, K, J, E, O, Q, X. Raises ``KeyError``."""
    return CUSTODY if code == "K" else CODES[code]


def codes(bases: int) -> list[str]:
    """The codes of the grounds in a mask."""
    found = [code for code, bit in CODES.items() if bases & bit]
    return [*found, "K"] if bases & CUSTODY else found
