"""Who can receive on a basis by federal law, whatever a file says.

Medical personnel: 42 CFR 2.51(a). Correctional institution: 45 CFR 164.512(k)(5)(i). Who can impose a condition: 42 CFR
2.35(a)(1).
"""

from __future__ import annotations

from typing import Final

MEDICAL: Final = frozenset({"correctional-health", "covered-entity", "part2-program"})
"""Medical personnel; custody staff never are."""
CUSTODIANS: Final = frozenset({"custody", "correctional-health"})
"""A correctional institution and the health services that work in it."""
IMPOSERS: Final = frozenset({"court", "pretrial", "supervision", "prosecution"})
"""Those who can make taking part in a program a condition of a disposition or release."""
