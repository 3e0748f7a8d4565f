"""The settings of a night."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from care.settings import CareSettings
from features.settings import ExpectationSettings, OperatorSettings
from pipeline.night.score import ScoreConfig
from pipeline.privacy.settings import RetentionSettings
from training.settings import TrainingConfig


class NightConfig(BaseModel):
    """The settings of a night.

    Parameters
    ----------
    expectations : ExpectationSettings
        What is expected of tonight's tables.
    scoring : ScoreConfig
        What scores depend on; its `features` are those of the build, too.
    retention : RetentionSettings
        How long what is kept.
    care : CareSettings
        Where the ledger lies, and how care is planned.
    training : TrainingConfig
        What training needs to be kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: OperatorSettings = OperatorSettings()
    expectations: ExpectationSettings = ExpectationSettings()
    scoring: ScoreConfig = ScoreConfig()
    retention: RetentionSettings = RetentionSettings()
    care: CareSettings = CareSettings()
    training: TrainingConfig = TrainingConfig()

    @classmethod
    def read(cls) -> Self:
        """Read every section from the environment; for the edges only."""
        return cls(
            operator=OperatorSettings.read(),
            expectations=ExpectationSettings.read(),
            scoring=ScoreConfig.read(),
            retention=RetentionSettings.read(),
            care=CareSettings.read(),
            training=TrainingConfig.read(),
        )
