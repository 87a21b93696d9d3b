"""Names of elements that speak of health are known as such, and ordinary ones are not."""

import pytest

from connectors.jail.sensitive import names_health


@pytest.mark.parametrize(
    "name",
    [
        "SeriousMentalIllnessIndicator",
        "SubstanceAbuseIndicator",
        "PersonBehavioralHealthInformation",
        "TreatmentProvider",
        "PrescribedMedication",
        "BehavioralHealthDiagnosisText",
        "PersonCareEpisode",
        "RegionalBehavioralHealthAuthorityAssignmentText",
        "mentalhealth_flag",
        "SuicideAttemptIndicator",
        "DrugTest",
        "HIVStatus",
        "MATEnrolled",
        "MedicaidIndicator",
    ],
)
def test_what_speaks_of_health(name):
    assert names_health(name)


@pytest.mark.parametrize(
    "name",
    [
        "Booking",
        "PersonName",
        "PersonSurName",
        "GovernmentalUnitName",
        "SupplementalIdentification",
        "DefenseCounselText",
        "ChargeDescriptionText",
        "BookingDetentionFacility",
        "PersonStateFingerprintIdentification",
        "PersonPhysicalFeature",
        "CareerText",
        "SupervisionCondition",
        "Material",
    ],
)
def test_what_does_not(name):
    assert not names_health(name)
