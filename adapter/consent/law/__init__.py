"""The law over consents: what may never pass, which consent may speak, and which bases stand without one.

What a county's counsel may set is data (`profiles/law`); what no county may switch off is code (`denials`).

42 CFR part 2; 45 CFR part 164; 34 U.S.C. 12291(b)(2).
"""
