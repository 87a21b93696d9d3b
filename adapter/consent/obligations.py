"""What a disclosure of a 42 CFR Part 2 record has to carry, and the statutory notices word for word.

Notices: 42 CFR 2.32(a)(1) and (a)(2) as amended by 89 FR 12472 (effective 16 April 2024, compliance 16
February 2026). Earlier wordings are no longer a notice. Labels:
https://terminology.hl7.org/CodeSystem-v3-ActCode.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapter.consent.vocabulary import ACT_CODE, CANONICAL, PART2

OBLIGATION_SYSTEM: Final = f"{CANONICAL}/CodeSystem/obligation"

NOTICE_VERSION: Final = "89-FR-12472"

NOTICE_SHORT: Final = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""42 CFR 2.32(a)(2)."""

NOTICE_LONG: Final = (
    "This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR "
    "part 2). These rules prohibit you from using or disclosing this record, or testimony that "
    "describes the information contained in this record, in any civil, criminal, administrative, or "
    "legislative proceedings by any Federal, State, or local authority, against the patient, unless "
    "authorized by the consent of the patient, except as provided at 42 CFR 2.12(c)(5) or as "
    "authorized by a court in accordance with 42 CFR 2.64 or 2.65. In addition, the Federal rules "
    "prohibit you from making any other use or disclosure of this record unless at least one of the "
    "following applies: (i) Further use or disclosure is expressly permitted by the written consent of "
    "the individual whose information is being disclosed in this record or as otherwise permitted by "
    "42 CFR part 2. (ii) You are a covered entity or business associate and have received the record "
    "for treatment, payment, or health care operations, or (iii) You have received the record from a "
    "covered entity or business associate as permitted by 45 CFR part 164, subparts A and E. A general "
    "authorization for the release of medical or other information is NOT sufficient to meet the "
    "required elements of written consent to further use or redisclose the record (see 42 CFR 2.31)."
)
"""42 CFR 2.32(a)(1)."""

AUTHORITY: Final = "https://www.ecfr.gov/current/title-42/section-2.32"
"""The rule that requires notice and scope."""

NOTICE_CODE: Final = "42CFR2.32"
SCOPE_CODE: Final = "42CFR2.32-scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One thing that goes with what is disclosed.

    ``code`` and ``system`` identify it: a security label to attach, the notice, or the explanation of scope
    that 42 CFR 2.32(b) asks for. ``version`` is that of the wording. ``directive`` and ``path`` say which
    provision of which consent it explains (-1 and nothing for the others).
    """

    code: str
    system: str
    text: str = ""
    version: str = ""
    directive: int = -1
    path: str = ""


PART2_OBLIGATIONS: Final = (
    Obligation(code=PART2, system=ACT_CODE),
    Obligation(code="NORDSCLCD", system=ACT_CODE),
    Obligation(code="PERSISTLABEL", system=ACT_CODE),
    Obligation(code=NOTICE_CODE, system=OBLIGATION_SYSTEM, text=NOTICE_LONG, version=NOTICE_VERSION),
)
"""What every consent-based disclosure of a Part 2 record carries, whoever receives it."""


def scope_obligation(directive: int, path: str, text: str) -> Obligation:
    """The clear explanation of the scope of the consent, 42 CFR 2.32(b), for the provision that permitted."""
    return Obligation(
        code=SCOPE_CODE,
        system=OBLIGATION_SYSTEM,
        text=text,
        version=NOTICE_VERSION,
        directive=directive,
        path=path,
    )
