import pytest
from pydantic import ValidationError

from holdfast.errors import InputError
from models.settings import BandSettings
from training.settings import (
    AssessmentSettings,
    GateSettings,
    LabelSettings,
    LeakWatchSettings,
    SurveySettings,
    TrainingConfig,
    TrainingSettings,
    TuningSettings,
)

NAMES = {
    "label": LabelSettings,
    "survey": SurveySettings,
    "training": TrainingSettings,
    "tuning": TuningSettings,
    "leak_watch": LeakWatchSettings,
    "assess": AssessmentSettings,
    "gate": GateSettings,
    "band": BandSettings,
}
"""What the parameters of each section are called in a run: never to be renamed, or runs could not
be compared with earlier ones.
"""


def test_a_run_logs_every_value_under_the_name_it_always_had() -> None:
    logged = TrainingConfig(gate=GateSettings(most_leaves=7)).parameters()
    assert set(logged) == {
        f"{name}_{field}" for name, section in NAMES.items() for field in section.model_fields
    }
    assert logged["gate_most_leaves"] == 7
    assert logged["label_gap_days"] == LabelSettings().gap_days


def test_each_section_is_read_from_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TRAINING_SEED", "5")
    monkeypatch.setenv("HOLDFAST_BAND_HIGH_SHARE", "0.2")
    assert TrainingConfig.read() == TrainingConfig(
        fitting=TrainingSettings(seed=5), bands=BandSettings(high_share=0.2)
    )
    monkeypatch.setenv("HOLDFAST_SURVEY_ANSWER_DAYS", "soon")
    with pytest.raises(InputError, match=r"HOLDFAST_SURVEY_ANSWER_DAYS: .*'soon'"):
        TrainingConfig.read()


def test_a_configuration_is_a_value() -> None:
    assert TrainingConfig() == TrainingConfig()
    assert len({TrainingConfig(), TrainingConfig(), TrainingConfig(gate=GateSettings())}) == 1
    with pytest.raises(ValidationError, match="frozen"):
        TrainingConfig().gate = GateSettings()  # type: ignore[misc]
    with pytest.raises(ValidationError, match="leaks"):
        TrainingConfig(leaks=LeakWatchSettings())  # type: ignore[call-arg]
