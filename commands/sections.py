"""Every section of the settings, and what is in force."""

import os
from dataclasses import dataclass

from holdfast.settings import BaseSection, Section


@dataclass(frozen=True)
class Setting:
    """One setting as it is in force.

    Parameters
    ----------
    variable : str
        Environment variable that sets it.
    value : str
        Its value; secrets are hidden.
    origin : str
        ``default`` or ``environment``.
    description : str
        What it is for, and its unit.
    """

    variable: str
    value: str
    origin: str
    description: str


def sections() -> tuple[type[Section], ...]:
    """All sections, the front door's first."""
    from care.settings import ApproverSettings, CareSettings
    from features.online.settings import OnlineSettings
    from features.settings import (
        ExpectationSettings,
        FeatureSettings,
        OperatorSettings,
        ReadingSettings,
    )
    from models.settings import BandSettings, FeedSettings, ScoreSettings, ValueSettings
    from pipeline.privacy.settings import RetentionSettings
    from serving.settings import ServingSettings
    from training.settings import (
        AssessmentSettings,
        GateSettings,
        LabelSettings,
        LeakWatchSettings,
        SurveySettings,
        TrainingSettings,
        TuningSettings,
    )
    from training.uplift.settings import UpliftSettings

    return (
        *(BaseSection, OperatorSettings, ReadingSettings, ExpectationSettings),
        *(FeatureSettings, OnlineSettings),
        *(
            LabelSettings,
            SurveySettings,
            TrainingSettings,
            TuningSettings,
            LeakWatchSettings,
            AssessmentSettings,
            GateSettings,
        ),
        *(UpliftSettings, BandSettings, ValueSettings, ScoreSettings, FeedSettings),
        *(CareSettings, ApproverSettings, ServingSettings, RetentionSettings),
    )


def effective_settings() -> list[Setting]:
    """Every setting with its value and origin.

    Raises
    ------
    InputError
        A variable holds a value that its setting does not take.
    """
    in_force = []
    for section in sections():
        values = section.read()
        for name, field in section.model_fields.items():
            variable = section.variable(name)
            given = bool(_given(variable))
            origin = "environment" if given else "default"
            in_force.append(
                Setting(variable, str(getattr(values, name)), origin, field.description or "")
            )
    return in_force


def _given(variable: str) -> str | None:
    return next((value for name, value in os.environ.items() if name.upper() == variable), None)
