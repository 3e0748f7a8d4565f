import pytest

from holdfast.errors import ModelError
from training.operator.population import LABELS, label_settings_of
from training.settings import LabelSettings

PRESENT = LabelSettings(inactivity_days=90)


def test_a_version_goes_by_the_settings_that_it_was_trained_with() -> None:
    trained = LabelSettings(inactivity_days=56)
    assert label_settings_of({LABELS: trained.model_dump()}, PRESENT) == trained


def test_a_version_that_kept_none_goes_by_the_present_ones() -> None:
    assert label_settings_of({}, PRESENT) == PRESENT


@pytest.mark.parametrize(
    ("document", "field"), [({"inactivity_days": 0}, "inactivity_days"), ({"days": 1}, "days")]
)
def test_damaged_settings_are_refused_by_name(document: object, field: str) -> None:
    with pytest.raises(ModelError, match=f"labels.json: must hold label settings: {field}"):
        label_settings_of({LABELS: document}, PRESENT)
