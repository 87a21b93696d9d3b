"""Who is who in Alder County: feeds, the units that screen, and who may ask for which purpose."""

from __future__ import annotations

from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Denver")
"""Alder County keeps mountain time."""

ROSTER = "jail-roster"
CHARGES = "birch-charges"
JAIL_HL7 = "jail-medical-hl7"
COURT = "court-cases"
EHR = "riverside-ehr"
RELEASES = "releases"
FEEDS = (ROSTER, CHARGES, JAIL_HL7, COURT, EHR, RELEASES)

JAIL_MEDICAL = "jail-medical"
MAIN = "riverside-main"
OTP = "riverside-otp"

PART2_UNITS = frozenset({OTP})
"""Units that are a program under 42 CFR 2.11: everything they send is a Part 2 record."""

RECIPIENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pretrial", ("pretrial-release",)),
    ("defender", ("pretrial-release", "diversion")),
    ("treatment-court", ("diversion", "supervision")),
    ("probation", ("supervision",)),
    ("cottonwood", ("discharge-planning", "TREAT")),
    (JAIL_MEDICAL, ("discharge-planning", "TREAT")),
)
"""Each partner that may ask for screening summaries, with the purposes it may name."""

PROCEEDING = "HLEGAL"
ASKERS = (*RECIPIENTS, ("court", (PROCEEDING,)), ("defender", (PROCEEDING,)))
"""Everybody who may ask with every purpose they may name; on the universal release stand the first of them."""

JUSTICE_PURPOSES = frozenset({"pretrial-release", "supervision", PROCEEDING})
"""Purposes of a proceeding: records of a program reach them by a paper of its own alone (42 CFR 2.12(d), 2.31(d))."""

PART2_RECIPIENTS = ("cottonwood", JAIL_MEDICAL)
"""Partners that the county's forms offer in their Part 2 section: health care providers alone."""

CLASSES: dict[str, str] = {"mental-health": "MH", "substance-use": "SUD"}
"""The classes a person chooses from on the form, and the sensitivity label each one stands for."""
