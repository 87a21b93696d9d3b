"""The code systems a decision reads, pinned from HL7 Terminology as published with R4.

Purposes: https://terminology.hl7.org/CodeSystem-v3-ActReason.html (PurposeOfUse)
Sensitivity, policy, refrain and obligation codes: https://terminology.hl7.org/CodeSystem-v3-ActCode.html
Levels: https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CANONICAL: Final = "https://sallyport.example/fhir"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
OBSERVATION_VALUE: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
CONSENT_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
CONSENT_ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
LOCAL_PURPOSE: Final = f"{CANONICAL}/CodeSystem/purpose-of-use"
INSTRUMENT: Final = f"{CANONICAL}/CodeSystem/consent-instrument"
SIGNER: Final = f"{CANONICAL}/StructureDefinition/consent-signer"
PART2_ELEMENTS: Final = f"{CANONICAL}/StructureDefinition/part2-consent-elements"
PCF_ADVANCED: Final = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced"

PART2: Final = "42CFRPart2"
PART2_CONSENT: Final = "42CFRPart2CD"

Tree = dict[str, str]
"""A code and the codes directly below it, separated by spaces."""

_PURPOSES: Final[Tree] = {
    "PurposeOfUse": "HMARKT HOPERAT HPAYMT HRESCH PATRQT PUBHLTH TREAT",
    "HOPERAT": (
        "CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP "
        "HSYSADMIN MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN"
    ),
    "HSYSADMIN": "LABELING METAMGT",
    "SYSDEV": "HTEST",
    "HPAYMT": "CLMATTCH COVAUTH COVERAGE REMITADV",
    "COVERAGE": "ELIGDTRM ELIGVER ENROLLM MILDCRG",
    "HRESCH": "BIORCH CLINTRCH DSRCH POARCH TRANSRCH",
    "CLINTRCH": "CLINTRCHNPC CLINTRCHPC PRECLINTRCH",
    "PATRQT": "FAMRQT PWATRNY SUPNWK",
    "PUBHLTH": "DISASTER THREAT",
    "TREAT": "CLINTRL COC ETREAT POPHLTH",
    "ETREAT": "BTG ERTREAT",
}

_SENSITIVITIES: Final[Tree] = {
    "_InformationSensitivityPolicy": (
        "_ActInformationSensitivityPolicy _EntitySensitivityPolicyType _RoleInformationSensitivityPolicy "
        "ADOL CEL DIA DRGIS EMP PDS PHY PRS"
    ),
    "_ActInformationSensitivityPolicy": "ETH GDIS HIV MST SCA SDV SEX SPI STD TBOO VIO SICKLE",
    "_EntitySensitivityPolicyType": "DEMO DOB GENDER LIVARG MARST RACE REL",
    "_RoleInformationSensitivityPolicy": "B EMPL LOCIS SSP",
    "SPI": "BH MH PSY PSYTHPN SUD",
    "BH": "COGN DVD EMOTDIS",
    "SUD": "ETHUD OPIOIDUD",
}

_WIDER: Final[Tree] = {
    **_SENSITIVITIES,
    "BH": "COGN DVD EMOTDIS MH PSY PSYTHPN SUD",
    "MH": "PSY PSYTHPN",
    "SUD": "ETHUD OPIOIDUD ETH",
    "ETH": "SUD",
}
"""The tree a deny reads: substance use and behavioural health are never narrower than people mean."""


def _below(tree: Tree) -> dict[str, frozenset[str]]:
    codes = {*tree, *(child for children in tree.values() for child in children.split())}
    below = {}
    for code in codes:
        found: set[str] = set()
        pending = [code]
        while pending:
            one = pending.pop()
            if one not in found:
                found.add(one)
                pending.extend(tree.get(one, "").split())
        below[code] = frozenset(found)
    return below


def _above(below: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    return {code: frozenset(one for one in below if code in below[one]) for code in below}


PURPOSES: Final[Mapping[str, frozenset[str]]] = _below(_PURPOSES)
"""Every purpose of use with itself and all below it."""

EXPLICIT_PURPOSES: Final = frozenset({"BTG", "HLEGAL"})
"""A permit covers these only by naming them: neither follows from a wider purpose."""

STRICT: Final[Mapping[str, frozenset[str]]] = _below(_SENSITIVITIES)
"""Every sensitivity with itself and all below it, as the code system has it; what a permit reads."""

WIDE: Final[Mapping[str, frozenset[str]]] = _below(_WIDER)
WIDE_ABOVE: Final[Mapping[str, frozenset[str]]] = _above(WIDE)

SENSITIVE: Final = frozenset(STRICT)
LEVELS: Final[Mapping[str, int]] = {code: rank for rank, code in enumerate("ULMNRV")}
"""Confidentiality codes, from unrestricted to very restricted."""

_MARKS: Final = (
    "42CFRPart2 42CFRPart2CD CommonRule HIPAANOPP HIPAAPsyNotes HIPAASelfPay Title38Section7332 "
    "COMPT ACOCOMPT CTCOMPT FMCOMPT HRCOMPT LRCOMPT PACOMPT RESCOMPT RMGTCOMPT "
    "ANONY AOD AUDIT AUDTR CPLYCC CPLYCD CPLYJPP CPLYOPP CPLYOSP CPLYPOL DECLASSIFYLABEL DEID DELAU "
    "DOWNGRDLABEL DRIVLABEL ENCRYPT ENCRYPTR ENCRYPTT ENCRYPTU HUAPRV LABEL MASK MINEC PERSISTLABEL "
    "PRIVMARK PSEUD REDACT UPGRDLABEL "
    "NOAUTH NOCOLLECT NODSCLCD NODSCLCDS NOINTEGRATE NOLIST NOMOU NOORGPOL NOPAT NOPERSISTP NORDSCLCD "
    "NORDSCLCDS NORDSCLW NORELINK NOREUSE NOVIP ORCON"
)
MARKS: Final = frozenset(_MARKS.split())
"""Privacy-law, compartment, obligation and refrain codes: how to handle, not how sensitive."""

READS: Final = frozenset({"access", "use", "disclose"})
WRITES: Final = frozenset({"collect", "correct"})

RECIPIENT_ROLES: Final = frozenset({(PARTICIPATION, "IRCP"), (ROLE_CODE, "GRANTEE")})
ROLE_SYSTEMS: Final = frozenset(
    {
        PARTICIPATION,
        ROLE_CODE,
        "http://terminology.hl7.org/CodeSystem/v3-RoleClass",
        "http://terminology.hl7.org/CodeSystem/v3-ParticipationFunction",
        "http://terminology.hl7.org/CodeSystem/contractsignertypecodes",
        "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
    }
)
"""Systems whose roles are understood well enough to know that they are not the recipient's."""
