"""Every reason for which authorization refuses has words for the county."""

from __future__ import annotations

import re
from pathlib import Path

from adapter.services.proofs import _WHY

ROOT = Path(__file__).resolve().parents[2]


def test_every_reason_has_words_and_every_word_a_reason():
    said = "".join(
        (ROOT / "adapter" / "auth" / f"{name}.py").read_text()
        for name in (
            "assertion",
            "b2b",
            "endpoints",
            "granting",
        )
    )
    reasons = set(re.findall(r'"([a-z]+(?:-[a-z]+)+|bearer|malformed|algorithm|expired|replayed|stopped)"', said))
    others = {"hl7-b2b", "population-search", "token-type"}
    assert reasons - others == set(_WHY)
